package docker_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// An engine may answer everything but tell no events: a proxy in front of it
// may not let them through. It is looked at when the controller wants to, and
// not each time that it refuses.
func TestRefusedEventsForgetNothing(t *testing.T) {
	h, w := wired(t)
	h.start("c", model.ContainerSpec{})
	h.must("c")
	asked := make(chan struct{})
	w.handle(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			http.Error(rw, "not allowed", http.StatusForbidden)
			select {
			case asked <- struct{}{}:
			case <-r.Context().Done():
			}
			return
		}
		next.ServeHTTP(rw, r)
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	woken := 0
	go func() {
		defer close(done)
		h.engine.Watch(ctx, func() { woken++ })
	}()
	for range 3 {
		<-asked
	}
	if calls := w.during(func() { h.observe(engine.Query{}) }); count(calls, inspectCall) != 0 {
		t.Errorf("inspected again: %q", calls)
	}
	cancel()
	<-done
	if woken != 0 {
		t.Errorf("%d wakes by a stream that never was", woken)
	}
}
