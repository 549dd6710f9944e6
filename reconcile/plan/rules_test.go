package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

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
		if got := orderOf(&p.Changes[len(p.Changes)-1]); got != tc.want {
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

// TestAGoneAppKeepsItsPolicy: a removed file does not undo what it said.
func TestAGoneAppKeepsItsPolicy(t *testing.T) {
	few := model.DefaultSync()
	few.MaxRemovals = 3
	kept := model.DefaultSync()
	kept.Prune = false
	for name, tc := range map[string]struct {
		said map[string]model.Sync
		want string
	}{
		"nobody knows it":         {nil, ""},
		"it allowed fewer":        {map[string]model.Sync{"shop": few}, "more than maxRemovals 3"},
		"it was not to be pruned": {map[string]model.Sync{"shop": kept}, "sync.prune is off"},
	} {
		w := newWorld("h1")
		w.declare(service("web", "web:1", 4))
		if err := w.settle(); err != nil {
			t.Fatal(err)
		}
		w.desired.Apps, w.said = nil, tc.said
		p := w.plan()
		if held := len(p.Ops()) == 0; held != (tc.want != "") || !strings.Contains(p.String(), tc.want) {
			t.Errorf("%s: want %q in\n%s", name, tc.want, p.String())
		}
	}
}

// TestGoneAppsAreCountedTogether: a moved folder takes many small apps along.
func TestGoneAppsAreCountedTogether(t *testing.T) {
	many := model.DefaultSync()
	many.MaxRemovals = 20
	kept := model.DefaultSync()
	kept.Prune = false
	for name, tc := range map[string]struct {
		said    map[string]model.Sync
		allowed bool
		removed int
	}{
		"more than usual":                  {nil, false, 0},
		"a person allows it":               {nil, true, 12},
		"one of them allowed more":         {map[string]model.Sync{"one": many}, false, 12},
		"what is kept is not removed":      {map[string]model.Sync{"one": kept}, false, 8},
		"a policy of an app that is there": {map[string]model.Sync{"shop": many}, false, 0},
	} {
		w := newWorld("h1")
		for _, app := range []string{"one", "two", "three"} {
			w.desired.Apps = append(w.desired.Apps, model.App{Name: app, Sync: model.DefaultSync()})
		}
		var services []model.Service
		for _, app := range w.desired.Apps {
			s := service("web", "web:1", 4)
			s.App = app.Name
			services = append(services, s)
		}
		w.declare(services...)
		if err := w.settle(); err != nil {
			t.Fatal(err)
		}
		w.desired.Apps, w.said, w.allow = w.desired.Apps[:1], tc.said, tc.allowed
		p := w.plan()
		removed := 0
		for _, c := range p.Changes {
			if c.Verdict == Remove {
				removed++
			}
		}
		if removed != tc.removed {
			t.Errorf("%s: removes %d, want %d\n%s", name, removed, tc.removed, p.String())
		}
	}
}

// TestATagThatMoves counts on the way to a revision, per host, and not after it.
func TestATagThatMoves(t *testing.T) {
	w := newWorld("h1", "h2")
	w.declare(service("web", "web:1", 2))
	for i := range w.live.Hosts {
		w.live.Hosts[i].Images["web:1"] = image().ID
	}
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	w.rolling = true
	if p := w.plan(); !p.Empty() {
		t.Errorf("the image is the same, and there is something to do:\n%s", p.String())
	}
	w.host("h2").Images["web:1"] = "sha256:3333333333334444"
	p := w.plan()
	if got := p.String(); strings.Count(got, "image web:1 (111111111111) → 333333333333") != 1 || !strings.Contains(got, "on h2") {
		t.Errorf("want the replica on h2 replaced:\n%s", got)
	}
	for _, op := range p.Ops() {
		if create, ok := op.(model.CreateContainer); ok && create.Spec.ImageID != "" {
			t.Error("the op names an image that a pull before it may replace")
		}
	}
	delete(w.host("h2").Images, "web:1")
	if p := w.plan(); !p.Empty() {
		t.Errorf("the reference means nothing, and what runs is replaced:\n%s", p.String())
	}
	w.rolling, w.host("h2").Images["web:1"] = false, "sha256:3333333333334444"
	if p := w.plan(); !p.Empty() {
		t.Errorf("nobody changed the app, and its replicas follow the tag:\n%s", p.String())
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

// TestSelfHealOff: an app that is where it should be and does not want drift put
// right has it marked, with all that it would take; on its way it has not.
func TestSelfHealOff(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(w *world)
		left   bool
	}{
		"drift":                      {func(*world) {}, true},
		"it heals":                   {func(w *world) { w.app("shop").Sync.SelfHeal = true }, false},
		"it is on its way, or asked": {func(w *world) { w.rolling = true }, false},
		"blocked":                    {func(w *world) { away(w, "edge-1") }, false},
	} {
		w := running(t, one(), service("web", "web:1", 1))
		w.host("edge-1").Images["web:1"] = image().ID
		w.app("shop").Sync.SelfHeal = false
		w.container("web-1").State = model.StateExited
		tc.change(w)
		c := find(t, w.plan(), "web-1")
		if c.LeftAlone != tc.left || slices.Contains(c.Reasons, OnlyReported) != tc.left {
			t.Errorf("%s: left alone %v, %s", name, c.LeftAlone, c.Reasons)
		}
		if tc.left && len(c.Steps) == 0 {
			t.Errorf("%s: does not say what it would take", name)
		}
	}
}
