package docker

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// The wait between attempts starts over only after a stream that was of use,
// or else an engine that takes the call and hangs up is asked without end.
func TestOnlyAStreamOfUseStartsTheBackoffOver(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   bool
	}{
		"refused":              {http.StatusForbidden, "no", false},
		"taken and hung up":    {http.StatusOK, "", false},
		"no events but a page": {http.StatusOK, "<html>", false},
		"an event":             {http.StatusOK, `{"Type":"container","Action":"start","Actor":{"ID":"x"}}`, true},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Api-Version", oldestAPI)
			if strings.HasSuffix(r.URL.Path, "/events") {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}
		}))
		e, err := New(model.Host{Name: "h", Endpoint: "tcp://" + s.Listener.Addr().String()})
		if err != nil {
			t.Fatal(err)
		}
		if got := e.stream(context.Background(), func() {}); got != c.want {
			t.Errorf("%s: of use %v, want %v", name, got, c.want)
		}
		if n := e.watching.Load(); n != 0 {
			t.Errorf("%s: %d streams are still up", name, n)
		}
		_ = e.Close()
		s.Close()
	}
}
