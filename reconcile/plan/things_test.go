package plan

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestNamesThatOthersHave: a network or volume of the right name that is not
// ours is never used, and the plan says what is in the way until it is gone.
func TestNamesThatOthersHave(t *testing.T) {
	for _, others := range []model.Ownership{{}, {Owner: "another", App: "shop", Name: "shop-front-1"}} {
		w := newWorld("h1")
		web := service("web", "web:1", 1)
		web.Container.Networks = []model.Attachment{{Network: "shop-front-1"}}
		web.Container.Mounts = []model.Mount{{Kind: model.MountVolume, Source: "shop-data-1", Target: "/data"}}
		w.declare(web)
		app := w.app("shop")
		app.Networks = []model.Network{{App: "shop", Name: "front", HostName: "shop-front-1", Driver: "bridge"}}
		app.Volumes = []model.Volume{{App: "shop", Name: "data", HostName: "shop-data-1", Driver: "local"}}
		h := w.host("h1")
		h.Networks = []model.NetworkState{{ID: "n", Name: "bridge"}, {ID: "x", Name: "shop-front-1", Owner: others}}
		h.Volumes = []model.VolumeState{{Name: "0123"}, {Name: "shop-data-1", Owner: others}}
		p := w.plan()
		for _, want := range []string{"a network of that name is on the host and is not ours", "a volume of that name is on the host and is not ours"} {
			if !strings.Contains(p.String(), want) {
				t.Errorf("the plan does not say %q:\n%s", want, p.String())
			}
		}
		if ops := p.Ops(); len(ops) != 0 {
			t.Errorf("want nothing done, got %v", ops)
		}
		h.Networks, h.Volumes = h.Networks[:1], h.Volumes[:1]
		if err := w.settle(); err != nil {
			t.Fatal(err)
		}
		if c := w.container("web-1"); c == nil || !c.Running() {
			t.Errorf("with the names free the replica is %+v", c)
		}
	}
}
