package reconcile

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestNetworksMadeTwice lets every network be made twice, as a call does that
// outlives its controller: the end state is that of engines that refuse it.
func TestNetworksMadeTwice(t *testing.T) {
	var reference string
	synctest.Test(t, func(t *testing.T) { reference = newWorld(t, 2).live(walk()) })
	for dies := 0; dies <= 24; dies++ {
		t.Run(fmt.Sprintf("dies=%d", dies), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2, sim.TwinNetworks())
				if dies > 0 {
					w.sim.DieAfter(dies, dies%2 == 0)
				}
				if got := w.live(walk()); got != reference {
					t.Errorf("the end state differs; got\n%s\nwant\n%s", got, reference)
				}
			})
		})
	}
}

// TestATwinNetworkThatComesLate appears when containers are on the first: it
// goes, and nothing else is touched.
func TestATwinNetworkThatComesLate(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(web("web:1", 2))
		w.converge()
		before := w.endState()
		first := w.containers("web")[0]
		if _, err := w.hosts[first.Host].TwinNetwork(first.Spec.Networks[0].Network); err != nil {
			t.Fatal(err)
		}
		w.sim.Forget()
		after(time.Minute)
		w.converge()
		if got := w.endState(); got != before {
			t.Errorf("got\n%s\nwant\n%s", got, before)
		}
		for _, call := range w.sim.Calls() {
			if verb := model.Verb(call.Op); verb != "removeNetwork" {
				t.Errorf("%s was done for it", verb)
			}
		}
	})
}

// TestARollPastATwinNetwork has the twin there when the containers of a new
// commit start: the commit does not fail for it.
func TestARollPastATwinNetwork(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(web("web:1", 2))
		w.converge()
		w.branch.commit(web("web:2", 2))
		w.sim.Check(w.twinAtCreate())
		w.converge()
		if got := w.healthy("web", "web:2"); got != 2 {
			t.Errorf("%d of 2 replicas on web:2:\n%s", got, w.describe())
		}
		if got := w.refused("start"); got == 0 {
			t.Error("no start was refused: the twin came too late for this test")
		}
	}, sim.Latency(func(string) time.Duration { return 100 * time.Millisecond }))
}

// twinAtCreate makes a twin of a network just before the first container that
// joins it starts.
func (w *world) twinAtCreate() func(sim.Call, model.Live) error {
	made := false
	return func(call sim.Call, _ model.Live) error {
		create, ok := call.Op.(model.CreateContainer)
		if !ok || made {
			return nil
		}
		made = true
		go func() { // the world is locked here
			_, err := w.hosts[call.Host].TwinNetwork(create.Spec.Networks[0].Network)
			if err != nil {
				w.t.Error(err)
			}
		}()
		return nil
	}
}

// refused counts the calls of a verb that failed.
func (w *world) refused(verb string) int {
	n := 0
	for _, call := range w.sim.Calls() {
		if model.Verb(call.Op) == verb && call.Err != nil {
			n++
		}
	}
	return n
}
