package place

import (
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// told are the displacements of a placement as text: who makes room where for
// whom.
func told(r Result) string {
	out := ""
	tell := func(service, slot string, d *Displaced) {
		if d != nil {
			out += service + "-" + slot + " off " + d.Host + " for " + d.Service + "-" + d.Slot + " "
		}
	}
	for _, a := range r.Assignments {
		tell(a.Service, a.Slot, a.Displaced)
	}
	for _, f := range r.Refusals {
		tell(f.Service, f.Slot, f.Displaced)
	}
	return out
}

func expectTold(t *testing.T, r Result, want string) {
	t.Helper()
	if got := told(r); got != want {
		t.Errorf("displaced %q, want %q", got, want)
	}
}

func TestHigherPrioritiesArePlacedFirst(t *testing.T) {
	hosts, live := sized(500)
	low, high := reserving(as(web(1), "a", "low", 0), 300), reserving(as(web(1), "b", "high", 1), 300)
	expect(t, run(hosts, live, low, high), "high-1@a no low-1")
}

func TestAHigherPriorityDisplacesTheFewestAndLowest(t *testing.T) {
	hosts, live := sized(1000, 1000, 1000)
	small := reserving(as(web(2), "a", "small", 0), 400) // both on a
	mid := reserving(as(web(1), "a", "mid", 5), 700)     // on b
	low := reserving(as(web(1), "a", "low", 1), 700)     // on c
	put(&live, "a", container(small, "1", "x"), container(small, "2", "x"))
	put(&live, "b", container(mid, "1", "x"))
	put(&live, "c", container(low, "1", "x"))
	high := reserving(as(web(1), "b", "high", 9), 900)
	r := run(hosts, live, small, mid, low, high)
	expect(t, r, "mid-1@=b small-1@=a small-2@=a high-1@c no low-1")
	expectTold(t, r, "low-1 off c for high-1 ")
	if got, want := refusal(r), "3 of 3 lack 700MiB (best: b has 300MiB)"; got != want {
		t.Errorf("refused because %q, want %q", got, want)
	}

	high.Priority = 1 // only the two small ones are lower
	r = run(hosts, live, small, mid, low, high)
	expectTold(t, r, "small-1 off a for high-1 small-2 off a for high-1 ")

	high.Priority = 0
	expect(t, run(hosts, live, small, mid, low, high), "low-1@=c mid-1@=b small-1@=a small-2@=a no high-1")
}

func TestNobodyMakesRoomForItsOwnApp(t *testing.T) {
	hosts, live := sized(1000)
	low := reserving(as(web(1), "a", "low", 0), 700)
	put(&live, "a", container(low, "1", "x"))
	expect(t, run(hosts, live, low, reserving(as(web(1), "a", "high", 9), 700)), "low-1@=a no high-1")
}

func TestTheDisplacedGoElsewhere(t *testing.T) {
	hosts, live := sized(1000, 500)
	low := reserving(as(web(1), "a", "low", 0), 400)
	put(&live, "a", container(low, "1", "x"))
	high := reserving(as(web(1), "b", "high", 9), 900)
	r := run(hosts, live, low, high)
	expect(t, r, "low-1@b high-1@a")
	expectTold(t, r, "low-1 off a for high-1 ")
}

func TestOnlyAsManyGoAsMust(t *testing.T) {
	hosts, live := sized(1000)
	tiny, large := reserving(as(web(3), "a", "tiny", 0), 100), reserving(as(web(1), "a", "large", 0), 600)
	put(&live, "a", container(tiny, "1", "x"), container(tiny, "2", "x"), container(tiny, "3", "x"), container(large, "1", "x"))
	r := run(hosts, live, tiny, large, reserving(as(web(1), "b", "high", 9), 700))
	expect(t, r, "tiny-1@=a tiny-2@=a tiny-3@=a high-1@a no large-1")
}

func TestAPortIsWorthAPlace(t *testing.T) {
	hosts, live := sized(1000)
	low, high := publishing(as(web(1), "a", "low", 0), 80), publishing(as(web(1), "b", "high", 9), 80)
	put(&live, "a", container(low, "1", "x"))
	r := run(hosts, live, low, high)
	expect(t, r, "high-1@a no low-1")
	expectTold(t, r, "low-1 off a for high-1 ")

	put(&live, "a", model.Container{Name: "nginx", State: model.StateRunning, Ports: high.Container.Ports})
	expect(t, run(hosts, live, high), "no high-1")
}

func TestAGlobalServiceDisplacesOnItsHosts(t *testing.T) {
	hosts, live := sized(1000, 1000)
	low := reserving(as(web(2), "a", "low", 0), 900)
	put(&live, "a", container(low, "1", "x"))
	put(&live, "b", container(low, "2", "x"))
	agent := reserving(as(web(0), "b", "agent", 1000), 200)
	agent.Mode = model.ModeGlobal
	expect(t, run(hosts, live, low, agent), "agent-a@a agent-b@b no low-1 no low-2")
}

// The way of a displacement: what makes room is decided anew in every pass, and
// comes out the same until it is done, and then nothing moves back.
func TestADisplacementIsTheSameUntilItIsDone(t *testing.T) {
	hosts, _ := sized(1000, 1000)
	low := reserving(as(web(1), "a", "low", 0), 700)
	other := reserving(as(web(1), "a", "other", 5), 700)
	high := reserving(as(web(1), "b", "high", 9), 700)
	oldLow, made, runs := container(low, "1", "x"), container(high, "1", "x"), container(high, "1", "x")
	made.State = model.StateCreated
	ended := oldLow
	ended.State = model.StateExited
	steps := []struct {
		name string
		onB  []model.Container
		want string
	}{
		{"nothing done", []model.Container{oldLow}, "other-1@=a high-1@b no low-1"},
		{"made", []model.Container{oldLow, made}, "other-1@=a high-1@=b no low-1"},
		{"stopped", []model.Container{ended, made}, "other-1@=a high-1@=b no low-1"},
		{"removed", []model.Container{made}, "other-1@=a high-1@=b no low-1"},
		{"started", []model.Container{runs}, "other-1@=a high-1@=b no low-1"},
		{"started before the old one was removed", []model.Container{ended, runs}, "other-1@=a high-1@=b no low-1"},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			_, live := sized(1000, 1000)
			put(&live, "a", container(other, "1", "x"))
			put(&live, "b", step.onB...)
			expect(t, run(hosts, live, low, other, high), step.want)
		})
	}
}

func TestADisplacedOneThatIsStartingElsewhereGoesThere(t *testing.T) {
	hosts, live := sized(1000, 500, 500)
	low := reserving(as(web(1), "a", "low", 0), 400)
	high := reserving(as(web(1), "b", "high", 9), 900)
	made, starting := container(high, "1", "x"), container(low, "1", "y")
	made.State, starting.Health = model.StateCreated, model.HealthStarting
	put(&live, "a", container(low, "1", "x"), made)
	put(&live, "c", starting)
	expect(t, run(hosts, live, low, high), "low-1@=c high-1@=a")
}
