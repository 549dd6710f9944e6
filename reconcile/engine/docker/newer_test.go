package docker_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// creation is what an engine is asked to make.
type creation struct {
	HostConfig       container.HostConfig
	NetworkingConfig network.NetworkingConfig
}

// speaking is an engine that speaks version, takes every request to create or
// connect, and passes the rest to the real one.
func speaking(version string, asked *creation) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		rw.Header().Set("Api-Version", version)
		switch path := versionPart.ReplaceAllString(r.URL.Path, ""); {
		case path == "/_ping":
		case path == "/containers/create":
			_ = json.NewDecoder(r.Body).Decode(asked)
			rw.WriteHeader(http.StatusCreated)
			_, _ = rw.Write([]byte(`{"Id":"0123456789abcdef"}`))
		case strings.HasSuffix(path, "/connect"):
		default:
			r.URL.Path = "/v1.41" + path
			next.ServeHTTP(rw, r)
		}
	}
}

// From API 1.44 on a container is made with all its networks in one call, so
// that it is never seen with some of them; before, the first comes with it and
// the others are joined. The network mode is the first of them in both cases:
// an engine that reads "default" there adds its own bridge.
func TestNetworksAreGivenAsTheVersionTakesThem(t *testing.T) {
	for version, want := range map[string]struct{ given, joined int }{"1.41": {1, 1}, "1.43": {1, 1}, "1.44": {2, 0}, "1.51": {2, 0}, "1.99": {2, 0}} {
		t.Run(version, func(t *testing.T) {
			h, w := wired(t)
			var asked creation
			w.handle(speaking(version, &asked))
			a, b := h.network("a"), h.network("b")
			calls := w.during(func() {
				h.create("c", model.ContainerSpec{Networks: []model.Attachment{{Network: a, Aliases: []string{"web"}}, {Network: b}}})
			})
			if got := len(asked.NetworkingConfig.EndpointsConfig); got != want.given {
				t.Errorf("%d networks given with the container, want %d", got, want.given)
			}
			if got := count(calls, "POST /networks/ID/connect"); got != want.joined {
				t.Errorf("%d networks joined, want %d: %q", got, want.joined, calls)
			}
			first := asked.NetworkingConfig.EndpointsConfig[a]
			if string(asked.HostConfig.NetworkMode) != a || first == nil || len(first.Aliases) != 1 || first.Aliases[0] != "web" {
				t.Errorf("network mode %q, first endpoint %+v", asked.HostConfig.NetworkMode, first)
			}
		})
	}
}
