package docker_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/client"

	"github.com/tallyman-io/tallyman/reconcile/engine/docker"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// wire stands between the tests and a real engine: it counts what goes over
// it, and can be cut.
type wire struct {
	*httptest.Server
	mu    sync.Mutex
	calls []string
	// on, when set, handles a call; next is the real engine.
	on func(w http.ResponseWriter, r *http.Request, next http.Handler)
}

// newWire leads to the engine of h, not yet started.
func newWire(t testing.TB, h *host) *wire {
	t.Helper()
	to, err := client.ParseHostURL(h.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "engine" },
		FlushInterval: -1, // events have to come through at once
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, to.Scheme, to.Host)
		}},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	w := &wire{}
	w.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.calls = append(w.calls, callName(r))
		on := w.on
		w.mu.Unlock()
		if on == nil {
			proxy.ServeHTTP(rw, r)
			return
		}
		on(rw, r, proxy)
	}))
	t.Cleanup(func() {
		w.CloseClientConnections()
		w.Close()
	})
	return w
}

// wired is h, reached over a wire.
func wired(t testing.TB, opts ...docker.Option) (*host, *wire) {
	t.Helper()
	h := newHost(t)
	w := newWire(t, h)
	w.Start()
	e, err := docker.New(model.Host{Name: "here", Endpoint: "tcp://" + w.Listener.Addr().String()}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	h.engine = e
	return h, w
}

var (
	versionPart = regexp.MustCompile(`^/v[0-9.]+`)
	idPart      = regexp.MustCompile(`/(containers|networks|images|volumes)/[^/]+(/[a-z]+|$)`)
)

// callName is a call without what differs from run to run: `GET
// /containers/ID/json`.
func callName(r *http.Request) string {
	path := versionPart.ReplaceAllString(r.URL.Path, "")
	if path != "/containers/json" && path != "/containers/create" {
		path = idPart.ReplaceAllString(path, "/$1/ID$2")
	}
	return r.Method + " " + path
}

// handle sets what happens to calls from now on; nil lets them through.
func (w *wire) handle(on func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = on
}

// during are the calls made while f runs, sorted.
func (w *wire) during(f func()) []string {
	w.mu.Lock()
	w.calls = nil
	w.mu.Unlock()
	f()
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := slices.Clone(w.calls)
	slices.Sort(calls)
	return calls
}

// cut breaks the connection under a call.
func cut() { panic(http.ErrAbortHandler) }

// count is how many calls begin with prefix.
func count(calls []string, prefix string) int {
	n := 0
	for _, c := range calls {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}
