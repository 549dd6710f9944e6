package plan

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

func guarded(s model.Service, g model.Guard) model.Service {
	s.Guard = g
	return s
}

func orphaning(s model.Service) model.Service  { return guarded(s, model.Guard{Orphan: true}) }
func protecting(s model.Service) model.Service { return guarded(s, model.Guard{Protect: true}) }

// orphaned and protected are worlds in which the service's manifest has gone.
func orphaned(t *testing.T) *world {
	w := running(t, one(), orphaning(service("db", "db:1", 1)), service("web", "web:1", 1))
	w.declare(service("web", "web:1", 1))
	return w
}

func protected(t *testing.T) *world {
	w := running(t, one(), protecting(service("db", "db:1", 1)), service("web", "web:1", 1))
	w.declare(service("web", "web:1", 1))
	return w
}

// remember notes what the manifests say now, as the controller does.
func (w *world) remember() {
	if w.guards == nil {
		w.guards = model.Guards{}
	}
	for i := range w.desired.Apps {
		w.guards[w.desired.Apps[i].Name] = w.guards.Said(&w.desired.Apps[i])
	}
}

func find(t *testing.T, p Plan, replica string) Change {
	t.Helper()
	for _, c := range p.Changes {
		if c.Key.String() == "shop/"+replica {
			return c
		}
	}
	t.Fatalf("%s is not in the plan:\n%s", replica, p.String())
	return Change{}
}

// TestAnOrphanIsLetGoOf: nothing is done about it however it fares, and it is
// neither a removal nor in the way of the app's end.
func TestAnOrphanIsLetGoOf(t *testing.T) {
	for name, spoil := range map[string]func(w *world){
		"its service has gone": func(*world) {},
		"its app has gone":     func(w *world) { w.desired.Apps = nil },
		"it has stopped":       func(w *world) { w.container("db-1").State = model.StateExited },
		"it was changed":       func(w *world) { w.container("db-1").Spec.Env = map[string]string{"A": "b"} },
		"its host is away":     func(w *world) { away(w, "edge-1") },
		"many are let go of":   func(w *world) { w.app("shop").Sync.MaxRemovals = 0 },
	} {
		w := orphaned(t)
		spoil(w)
		p := w.plan()
		c := find(t, p, "db-1")
		if c.Verdict != Unchanged || !c.Orphaned || c.Removal || !strings.Contains(c.Reasons[0], "orphaned: ") {
			t.Errorf("%s: %+v", name, c)
		}
		for _, op := range p.Ops() {
			if target, ok := op.(interface{ Container() string }); ok && strings.Contains(target.Container(), "db") {
				t.Errorf("%s: %s of the orphan", name, model.Verb(op))
			}
		}
	}
}

// TestAnOrphanIsAdopted when a manifest names it again, as it is or replaced.
func TestAnOrphanIsAdopted(t *testing.T) {
	w := orphaned(t)
	id := w.container("db-1").ID
	w.declare(orphaning(service("db", "db:1", 1)), service("web", "web:1", 1))
	if p := w.plan(); !p.Empty() || find(t, p, "db-1").Orphaned {
		t.Errorf("it is as asked for, and there is something to do:\n%s", p.String())
	}
	w.declare(service("db", "web:2", 1), service("web", "web:1", 1))
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	if c := w.container("db-1"); c.ID == id || c.Spec.Image != "web:2" {
		t.Errorf("was not replaced: %+v", c.Spec)
	}
}

// TestTheLastWordCounts and not what the manifest said when the container was
// made; without a journal, that is all there is.
func TestTheLastWordCounts(t *testing.T) {
	for name, tc := range map[string]struct {
		made, last model.Guard
		lost       bool
		want       Verdict
	}{
		"orphan, then delete":                   {made: model.Guard{Orphan: true}, want: Remove},
		"delete, then orphan":                   {last: model.Guard{Orphan: true}, want: Unchanged},
		"protected, then not":                   {made: model.Guard{Protect: true}, want: Remove},
		"not protected, then it was":            {last: model.Guard{Protect: true}, want: Blocked},
		"orphan, and the journal is lost":       {made: model.Guard{Orphan: true}, lost: true, want: Unchanged},
		"protected, and the journal is lost":    {made: model.Guard{Protect: true}, lost: true, want: Blocked},
		"orphan and protected: nothing is lost": {made: model.Guard{Orphan: true, Protect: true}, lost: true, want: Unchanged},
	} {
		w := running(t, one(), guarded(service("db", "db:1", 1), tc.made))
		w.remember()
		w.declare(guarded(service("db", "db:1", 1), tc.last))
		if p := w.plan(); !p.Empty() {
			t.Errorf("%s: another guard is no reason to touch anything:\n%s", name, p.String())
		}
		w.remember()
		w.declare()
		w.remember()
		if tc.lost {
			w.guards = nil
		}
		if c := find(t, w.plan(), "db-1"); c.Verdict != tc.want {
			t.Errorf("%s: %s, want %s", name, c.Verdict, tc.want)
		}
	}
}

// TestProtection holds the end of a service, and nothing less.
func TestProtection(t *testing.T) {
	db := func(n int) model.Service { return protecting(service("db", "db:1", n)) }
	for name, tc := range map[string]struct {
		change func(w *world)
		held   bool
	}{
		"the manifest has gone":             {func(w *world) { w.declare() }, true},
		"the app has gone":                  {func(w *world) { w.desired.Apps = nil }, true},
		"scaled to nothing":                 {func(w *world) { w.declare(db(0)) }, true},
		"scaled down":                       {func(w *world) { w.declare(db(1)) }, false},
		"everywhere now":                    {func(w *world) { w.declare(everywhere(db(0))) }, false},
		"gone, and a person allows it":      {func(w *world) { w.declare(); w.allow = true }, false},
		"gone, and the commit allows many":  {func(w *world) { w.declare(); w.desired.AllowRemovals = 100 }, true},
		"scaled to nothing and unprotected": {func(w *world) { w.declare(service("db", "db:1", 0)) }, false},
	} {
		w := running(t, one(), db(2))
		tc.change(w)
		p := w.plan()
		removes, held := 0, 0
		for _, c := range p.Changes {
			if c.Verdict == Remove {
				removes++
			}
			if c.HeldBy == HeldByProtect {
				held++
			}
		}
		if tc.held && (held != 2 || removes != 0) || !tc.held && (held != 0 || removes == 0) {
			t.Errorf("%s: %d held, %d removed:\n%s", name, held, removes, p.String())
		}
	}
}

// TestTheCommitAllowsRemovals up to the number in its trailer, of all apps.
func TestTheCommitAllowsRemovals(t *testing.T) {
	for allowed, removed := range map[int]int{0: 0, 3: 0, 4: 4, 9: 4} {
		w := running(t, one(), service("web", "web:1", 4), protecting(service("db", "db:1", 1)))
		w.app("shop").Sync.MaxRemovals, w.desired.AllowRemovals = 2, allowed
		w.declare()
		p := w.plan()
		n := 0
		for _, c := range p.Changes {
			if c.Verdict == Remove {
				n++
			}
		}
		if n != removed {
			t.Errorf("the commit allows %d: removes %d, want %d\n%s", allowed, n, removed, p.String())
		}
		if find(t, p, "db-1").HeldBy != HeldByProtect {
			t.Errorf("a number lets through what is protected:\n%s", p.String())
		}
	}
}

// TestNetworksOfWhatStays are left, also when nobody knows what it is on.
func TestNetworksOfWhatStays(t *testing.T) {
	for name, tc := range map[string]struct {
		guard     model.Guard
		inspected bool
	}{
		"orphaned": {model.Guard{Orphan: true}, true}, "orphaned and not inspected": {model.Guard{Orphan: true}, false},
		"protected": {model.Guard{Protect: true}, true}, "protected and not inspected": {model.Guard{Protect: true}, false},
	} {
		w := networked(t)
		w.container("web-1").Owner.Guard = tc.guard
		if !tc.inspected {
			w.container("web-1").Spec = nil
		}
		w.desired.Apps = nil
		p := w.plan()
		if ops := p.Ops(); len(ops) != 0 {
			t.Errorf("%s: %v", name, p.String())
		}
		for _, c := range p.Changes {
			if c.Key.Kind == KindNetwork && (c.Verdict != Unchanged || c.Reasons[0] != "web-1 is on it, which stays") {
				t.Errorf("%s: network is %s: %s", name, c.Verdict, c.Reasons)
			}
		}
	}
}
