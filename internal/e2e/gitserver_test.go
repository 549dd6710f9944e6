package e2e

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/tallyman-io/tallyman/internal/gittest"
)

// gitServer is git's own http-backend behind basic auth. While it is closed it
// takes no password, and echoes the one that it got, as some do.
type gitServer struct {
	*httptest.Server
	closed atomic.Bool
}

// gitOver shows the bare repositories in root to whoever has the password.
func gitOver(t *testing.T, root, user, password string) *gitServer {
	t.Helper()
	backend := gittest.Backend(t, root)
	g := &gitServer{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, _ := r.BasicAuth()
		if u != user || p != password || g.closed.Load() {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "no entry with "+p+" and "+r.Header.Get("Authorization"), http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(g.Close)
	return g
}
