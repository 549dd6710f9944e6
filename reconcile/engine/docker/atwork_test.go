package docker_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// holdStart lets the engine start a container and holds its answer back until
// release is closed; done is closed when the engine is through.
func holdStart(done, release chan struct{}) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if !strings.HasSuffix(r.URL.Path, "/start") {
			next.ServeHTTP(rw, r)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		close(done)
		<-release
		rw.WriteHeader(answer.Code)
	}
}

// While a start is at work nobody asks for its container. What was known of it
// before says nothing of what it is now, and once the start has ended the next
// look finds out.
func TestAContainerThatStartsIsInspectedAfterwards(t *testing.T) {
	h, w := wired(t)
	target := h.create("c", model.ContainerSpec{})
	if c := h.must("c"); c.State != model.StateCreated {
		t.Fatalf("it is %s", c.State)
	}
	done, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	letGo := sync.OnceFunc(func() { close(release) })
	t.Cleanup(letGo)
	w.handle(holdStart(done, release))
	go func() { ended <- h.engine.Do(t.Context(), model.StartContainer{Target: target}, nil) }()
	<-done
	var during *model.Container
	calls := w.during(func() { during = h.find("c") })
	if count(calls, inspectCall) != 0 {
		t.Errorf("inspected while it starts: %q", calls)
	}
	if during == nil || during.State != model.StateRunning || during.Spec != nil || !during.AtWork {
		t.Errorf("while it starts: %+v", during)
	}
	letGo()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if c := h.must("c"); c.State != model.StateRunning || c.StartedAt.IsZero() {
		t.Errorf("after its start: %s since %v", c.State, c.StartedAt)
	}
}

// The same for a start that nobody waited for to its end.
func TestAnAbandonedStartIsLookedInto(t *testing.T) {
	h, w := wired(t)
	target := h.create("c", model.ContainerSpec{})
	h.must("c")
	w.handle(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/start") {
			next.ServeHTTP(httptest.NewRecorder(), r)
			cut()
		}
		next.ServeHTTP(rw, r)
	})
	h.refuses(engine.Unreachable, model.StartContainer{Target: target})
	if c := h.must("c"); c.State != model.StateRunning || c.StartedAt.IsZero() {
		t.Errorf("after its start: %s since %v", c.State, c.StartedAt)
	}
}
