package rollout

import (
	"slices"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// order has the fleet obey.
func (f *fleet) order(t tester, o Order) {
	t.Helper()
	next, err := f.state.Obey(o, f.now)
	if err != nil {
		t.Fatalf("%v", err)
	}
	f.state = next
}

func moveTo(host string, slots ...string) Order {
	o := Order{Verb: VerbMove, App: "shop", By: "ada", Reason: "new host"}
	for _, slot := range slots {
		o.Moves = append(o.Moves, model.Move{Service: "web", Slot: slot, Host: host})
	}
	return o
}

func TestMovesGoUnderTheUpdatePolicyAndAreForgotten(t *testing.T) {
	f := newFleet("h1")
	f.sizes(100)
	f.up(t, reserving(behaving(declared("web", "web:1", 3), "healthy"), 10, 0))
	f.join("h2")
	f.order(t, moveTo("h2", "1", "2"))
	f.decide()
	if text := f.plan.String(); !strings.Contains(text, `replace shop/web-1 on h2: moves from host "h1"; ordered by ada: new host`) {
		t.Errorf("the plan does not tell who wants it:\n%s", text)
	}
	if why := f.held("shop/web-2"); why != notYet {
		t.Errorf("web-2 is held because %q", why)
	}
	f.work()
	f.runs(t, 30, map[string]int{"web": 3})
	if got := f.where("web"); got != "h1 h2 h2" {
		t.Errorf("web is on %s\n%s", got, f.plan.String())
	}
	if m := f.state.Standings["shop"].Moves; m != nil {
		t.Errorf("still remembered: %+v", m)
	}
	f.log = nil
	f.runs(t, 30, map[string]int{"web": 3})
	if len(f.log) > 0 {
		t.Errorf("and then still\n%s", strings.Join(f.log, "\n"))
	}
}

func TestAMoveThatItsHostDoesNotTakeIsForgotten(t *testing.T) {
	f := newFleet("h1")
	f.sizes(100)
	f.up(t, declared("web", "web:1", 1))
	f.join("h2")
	f.desired.Hosts[1].Schedulable = false
	f.order(t, moveTo("h2", "1"))
	f.runs(t, 3, map[string]int{"web": 1})
	f.desired.Hosts[1].Schedulable = true
	f.runs(t, 30, map[string]int{"web": 1})
	if got := f.where("web"); got != "h1" {
		t.Errorf("it moved to %s long after it was ordered", got)
	}
}

func TestResumeForgetsMoves(t *testing.T) {
	f := newFleet("h1")
	f.sizes(100)
	f.up(t, behaving(declared("web", "web:1", 1), "healthy"))
	f.join("h2")
	f.hang = func(op model.Op) bool { _, starts := op.(model.StartContainer); return starts }
	f.order(t, moveTo("h2", "1"))
	f.runs(t, 5, map[string]int{"web": 1})
	f.order(t, Order{Verb: VerbResume, App: "shop"})
	f.hang = func(model.Op) bool { return false }
	f.runs(t, 30, map[string]int{"web": 1})
	if got := f.where("web"); got != "h1" || len(f.containers("web")) != 1 {
		t.Errorf("web is on %q, of %d containers", got, len(f.containers("web")))
	}
}

// join registers another host.
func (f *fleet) join(name string) {
	f.desired.Hosts = append(f.desired.Hosts, model.Host{Name: name, Schedulable: true})
	f.live.Hosts = append(f.live.Hosts, model.HostState{Name: name, Reachable: true, Images: map[string]string{"web:1": "a"}, Info: model.HostInfo{Memory: 100}})
	slices.SortFunc(f.live.Hosts, func(a, b model.HostState) int { return strings.Compare(a.Name, b.Name) })
}

// A resume tells of the moves that it ends, and those do not happen.
func TestAResumeTellsOfTheMovesThatItEnds(t *testing.T) {
	f := newFleet("h1")
	f.sizes(100)
	f.up(t, reserving(behaving(declared("web", "web:1", 3), "healthy"), 10, 0))
	f.join("h2")
	f.order(t, moveTo("h2", "1", "2"))
	resume := Order{Verb: VerbResume, App: "shop"}
	want := []string{"moving web-1 to h2, ordered by ada: new host", "moving web-2 to h2, ordered by ada: new host"}
	if got := resume.Ends(f.state.Standings["shop"], f.now).Texts(); !slices.Equal(got, want) {
		t.Errorf("it tells %q, want %q", got, want)
	}
	if got := (Order{Verb: VerbPause, App: "shop"}).Ends(f.state.Standings["shop"], f.now).Texts(); got != nil {
		t.Errorf("a pause, which leaves them, tells %q", got)
	}
	f.order(t, resume)
	f.log = nil
	f.runs(t, 30, map[string]int{"web": 3})
	if got := f.where("web"); got != "h1 h1 h1" || len(f.log) > 0 {
		t.Errorf("web is on %s after\n%s", got, strings.Join(f.log, "\n"))
	}
	if _, err := f.state.Obey(resume, f.now); err == nil || !strings.Contains(err.Error(), "no move of its replicas is ordered") {
		t.Errorf("with nothing to end: %v", err)
	}
}
