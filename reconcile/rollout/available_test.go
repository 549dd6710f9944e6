package rollout

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"pgregory.net/rapid"
)

// TestNothingOnPurposeBreaksABudget has everything happen at once that stops
// replicas on purpose, and what makes them fewer by accident: rollouts of both
// orders that cut each other short, fewer replicas, drains that are taken back in
// the middle, lost hosts, and containers that are killed. It looks at whatever is
// begun.
func TestNothingOnPurposeBreaksABudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWatch(t, bounds{})
		w.commit(budgeted(t, "a"), budgeted(t, "b"))
		w.fleet.run(t, Complete)
		for range rapid.IntRange(20, 60).Draw(t, "steps") {
			w.stir()
			w.decide()
			w.checkBegun()
		}
	})
}

func budgeted(t *rapid.T, name string) model.Service {
	s := behaving(declared(name, rapid.SampledFrom([]string{"web:1", "web:2"}).Draw(t, "image"), most), "healthy")
	s.Update.Order = rapid.SampledFrom([]string{model.OrderStartFirst, model.OrderStopFirst}).Draw(t, "order")
	s.Update.Parallelism = model.Portion{N: rapid.IntRange(1, most).Draw(t, "parallelism")}
	s.MinAvailable = rapid.SampledFrom([]model.Portion{{N: 1}, {N: 2}, {N: 50, Percent: true}, {N: 100, Percent: true}}).Draw(t, "minAvailable")
	return s
}

// stir does one of the things that change what may be stopped.
func (w *watch) stir() {
	switch rapid.IntRange(0, 9).Draw(w.t, "stir") {
	case 0:
		w.commit(budgeted(w.t, "a"), budgeted(w.t, "b"))
	case 1:
		h := &w.desired.Hosts[rapid.IntRange(0, 2).Draw(w.t, "host")]
		h.Drain = !h.Drain
	case 2:
		h := &w.live.Hosts[rapid.IntRange(0, 2).Draw(w.t, "host")]
		h.Reachable, h.Since = !h.Reachable, w.now
	case 3:
		w.restaff()
	case 4:
		all := w.containers("")
		if c := all[rapid.IntRange(0, len(all)-1).Draw(w.t, "victim")]; c.Running() {
			c.State, c.FinishedAt = model.StateExited, w.now
		}
	case 5, 6, 7:
		if keys := slices.SortedFunc(maps.Keys(w.busy), plan.CompareKeys); len(keys) > 0 {
			w.advanceTask(keys[rapid.IntRange(0, len(keys)-1).Draw(w.t, "task")])
		}
	default:
		w.advance(3 * time.Second)
	}
}

// TestABudgetBlocksADrainUntilThereIsRoom drains the host of a service that stops
// first and has none to spare: nothing moves, and the reason is said. With one to
// spare they move one after the other.
func TestABudgetBlocksADrainUntilThereIsRoom(t *testing.T) {
	f := newFleet("h1", "h2")
	s := behaving(declared("a", "web:1", 2), "healthy")
	s.Update.Order, s.MinAvailable = model.OrderStopFirst, model.Portion{N: 100, Percent: true}
	s.Placement.Constraints = []model.Constraint{{Attribute: "host.name", Operator: "==", Value: "h1"}}
	f.up(t, s)
	s.Placement.Constraints = nil
	f.desired.Hosts[0].Drain = true
	f.commit(s)
	for range 30 {
		f.pass()
	}
	if on := perHost(f); on["h1"] != 2 || on["h2"] != 0 {
		t.Errorf("%v, although none may be stopped", on)
	}
	if why := f.held("shop/a-1"); !strings.Contains(why, "2 of 2 available, and minAvailable is 100%") {
		t.Errorf("says %q", why)
	}
	s.MinAvailable = model.Portion{N: 1}
	f.commit(s)
	for range 60 {
		if f.pass(); running(f) < 1 {
			t.Fatal("none of 2 runs, minAvailable is 1")
		}
	}
	if on := perHost(f); on["h1"] != 0 || on["h2"] != 2 {
		t.Errorf("%v, want both on h2", on)
	}
}

// TestALostHostUsesUpTheBudget: what is out of reach is not available, also where
// its replica is to move away from there.
func TestALostHostUsesUpTheBudget(t *testing.T) {
	f := newFleet("h1", "h2", "h3")
	s := behaving(declared("a", "web:1", 3), "healthy")
	s.Update.Order, s.MinAvailable = model.OrderStopFirst, model.Portion{N: 2}
	f.up(t, s)
	f.host("h1").Reachable = false
	f.desired.Hosts[0].Drain, f.desired.Hosts[1].Drain = true, true
	for range 60 {
		if on := perHost(f); on["h2"]+on["h3"] < 2 {
			t.Fatalf("%v, h1 can't be seen and minAvailable is 2", on)
		}
		f.pass()
	}
	if on := perHost(f); on["h3"] != 3 {
		t.Errorf("%v, want all on h3", on)
	}
}

func perHost(f *fleet) map[string]int {
	on := map[string]int{}
	for _, c := range f.containers("") {
		if c.Running() {
			on[c.Host]++
		}
	}
	return on
}

func running(f *fleet) int {
	n := 0
	for _, each := range perHost(f) {
		n += each
	}
	return n
}
