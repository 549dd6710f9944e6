package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

func TestOwned(t *testing.T) {
	label := model.Ownership{Owner: us, Name: "shop-web-1-x"}
	seen := func(id string) bool { return id == "id1" }
	for name, tc := range map[string]struct {
		c     model.Container
		known func(string) bool
		want  bool
	}{
		"ours":                            {model.Container{ID: "id1", Name: "shop-web-1-x", Owner: label}, nil, true},
		"no label":                        {model.Container{ID: "id1", Name: "shop-web-1-x"}, seen, false},
		"another owner's":                 {model.Container{ID: "id1", Name: "x", Owner: model.Ownership{Owner: "them", Name: "x"}}, seen, false},
		"a copy of our labels":            {model.Container{ID: "id2", Name: "copy", Owner: label}, seen, false},
		"renamed, once seen":              {model.Container{ID: "id1", Name: "renamed", Owner: label}, seen, true},
		"renamed, and nobody remembers":   {model.Container{ID: "id1", Name: "renamed", Owner: label}, nil, false},
		"our label without a name at all": {model.Container{ID: "id2", Name: "x", Owner: model.Ownership{Owner: us}}, seen, false},
	} {
		if got := Owned(&tc.c, us, tc.known); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if Owned(&model.Container{Name: ""}, "", nil) {
		t.Error("without an owner everything is ours")
	}
}

func TestPortsClash(t *testing.T) {
	port := func(published uint16, protocol, ip string) model.Port {
		return model.Port{Container: 80, Published: published, Protocol: protocol, HostIP: ip}
	}
	for name, tc := range map[string]struct {
		a, b model.Port
		want bool
	}{
		"the same":                    {port(80, "tcp", ""), port(80, "tcp", ""), true},
		"another number":              {port(80, "tcp", ""), port(81, "tcp", ""), false},
		"another protocol":            {port(80, "tcp", ""), port(80, "udp", ""), false},
		"chosen by the engine":        {port(0, "tcp", ""), port(0, "tcp", ""), false},
		"two addresses":               {port(80, "tcp", "10.0.0.1"), port(80, "tcp", "10.0.0.2"), false},
		"one address and all of them": {port(80, "tcp", "10.0.0.1"), port(80, "tcp", "0.0.0.0"), true},
		"IPv6's all":                  {port(80, "tcp", "::"), port(80, "tcp", "10.0.0.1"), true},
	} {
		if Clash(tc.a, tc.b) != tc.want || Clash(tc.b, tc.a) != tc.want {
			t.Errorf("%s: %v and %v", name, Clash(tc.a, tc.b), Clash(tc.b, tc.a))
		}
	}
}

func TestSlotsAreSortedAsPeopleCount(t *testing.T) {
	slots := []string{"edge-2", "10", "2", "edge-10", "1"}
	slices.SortFunc(slots, CompareSlots)
	if got := strings.Join(slots, " "); got != "1 2 10 edge-10 edge-2" {
		t.Error(got)
	}
}

func TestOrder(t *testing.T) {
	stopFirst := func(s model.Service) model.Service { s.Update.Order = model.OrderStopFirst; return s }
	startFirst := func(s model.Service) model.Service { s.Update.Order = model.OrderStartFirst; return s }
	readOnly := keeping(service("web", "web:1", 1))
	readOnly.Container.Mounts = []model.Mount{{Kind: model.MountVolume, Source: "v", Target: "/v", ReadOnly: true}}
	web := service("web", "web:1", 1)
	for name, tc := range map[string]struct {
		service model.Service
		want    string
	}{
		"nothing in the way": {web, model.OrderStartFirst},
		"asked for":          {stopFirst(web), model.OrderStopFirst},
		"a published port":   {publishing(web, 80), model.OrderStopFirst},
		"a published port, whatever is asked for": {startFirst(publishing(web, 80)), model.OrderStopFirst},
		"a port that the engine chooses":          {publishing(web, 0), model.OrderStartFirst},
		"a volume that is written to":             {keeping(web), model.OrderStopFirst},
		"a volume, and start-first is asked for":  {startFirst(keeping(web)), model.OrderStartFirst},
		"a volume that is only read":              {readOnly, model.OrderStartFirst},
	} {
		w := newWorld("h1")
		w.declare(tc.service)
		if err := w.settle(); err != nil {
			t.Fatal(err)
		}
		tc.service.Container.Image = "web:2"
		w.declare(tc.service)
		p := w.plan()
		got := model.OrderStartFirst
		for _, step := range p.Changes[len(p.Changes)-1].Steps {
			if _, stop := step.Op.(model.StopContainer); stop && step.After == Now {
				got = model.OrderStopFirst
			}
		}
		if got != tc.want {
			t.Errorf("%s: %s, want %s\n%s", name, got, tc.want, p.String())
		}
	}
}

func TestRemovalsOnAHostThatIsAwayCountToo(t *testing.T) {
	w := newWorld("h1", "h2")
	w.declare(service("web", "web:1", 4))
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	w.app("shop").Sync.MaxRemovals = 3
	away(w, "h2")
	w.declare()
	if p := w.plan(); len(p.Ops()) != 0 {
		t.Errorf("removes in part what is more than it may:\n%s", p.String())
	}
}

// TestANameClashCanNotBlockARoll: somebody has a container of the name that the
// next one would get.
func TestANameClashCanNotBlockARoll(t *testing.T) {
	w := newWorld("h1", "h2")
	w.declare(service("web", "web:1", 1))
	p := w.plan()
	create := p.Ops()[0].(model.CreateContainer)
	h := w.host(create.Host)
	h.Containers = append(h.Containers, model.Container{Host: h.Name, ID: "x", Name: create.Owner.Name, State: model.StateExited})
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	if c := w.container("web-1"); c.Name == create.Owner.Name || !c.Running() {
		t.Errorf("%s is %s", c.Name, c.State)
	}
}

func TestEmpty(t *testing.T) {
	w := newWorld("h1")
	w.declare(service("web", "web:1", 1))
	if p := w.plan(); p.Empty() {
		t.Error("a plan with work to do is empty")
	}
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	if p := w.plan(); !p.Empty() || p.String() != "" {
		t.Errorf("a plan without work is not empty:\n%s", p.String())
	}
	away(w, "h1")
	if p := w.plan(); p.Empty() {
		t.Error("a plan that says that something is blocked is empty")
	}
}
