package plan

import (
	"slices"
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

// TestANetworkStaysWithAReplicaThatHasNoHost: a replica that no host fits keeps
// its container, and so its network; when it has gone, the network goes too.
func TestANetworkStaysWithAReplicaThatHasNoHost(t *testing.T) {
	for name, change := range map[string]func(*model.Container){
		"running":       func(*model.Container) {},
		"stopped":       func(c *model.Container) { c.State = model.StateExited },
		"not inspected": func(c *model.Container) { c.Spec = nil },
	} {
		w := newWorld("h1")
		web := service("web", "web:1", 2)
		web.Container.Networks = []model.Attachment{{Network: "shop-front"}}
		w.declare(web)
		w.app("shop").Networks = []model.Network{{App: "shop", Name: "front", HostName: "shop-front", Driver: "bridge"}}
		if err := w.settle(); err != nil {
			t.Fatal(err)
		}
		change(w.container("web-1"))
		web.Placement.Constraints = []model.Constraint{{Attribute: "host.labels.disk", Operator: "==", Value: "ssd"}}
		w.declare(web)
		network := w.planned(t, Key{Kind: KindNetwork, App: "shop", Host: "h1", Name: "shop-front"})
		if network.Verdict != Unchanged || len(network.Steps) > 0 || len(network.Reasons) != 1 || network.Reasons[0] != "web-1 is on it, for which there is no host now" {
			t.Errorf("%s: with web-1 refused its network is %s because %q", name, network.Verdict, network.Reasons)
		}
		w.declare()
		if network = w.planned(t, network.Key); network.Verdict != Remove {
			t.Errorf("%s: with web gone its network is %s", name, network.Verdict)
		}
	}
}

// planned is the change that a plan has for a thing.
func (w *world) planned(t *testing.T, key Key) Change {
	t.Helper()
	p := w.plan()
	i := slices.IndexFunc(p.Changes, func(c Change) bool { return c.Key == key })
	if i < 0 {
		t.Fatalf("nothing is planned for %s:\n%s", key, p.String())
	}
	return p.Changes[i]
}
