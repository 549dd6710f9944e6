package sim_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

const owner = "me"

// creation is the op that makes container web-<slot>.
func creation(host, slot string, env ...string) model.CreateContainer {
	spec := model.ContainerSpec{Image: image, Env: map[string]string{}}
	for i := 0; i+1 < len(env); i += 2 {
		spec.Env[env[i]] = env[i+1]
	}
	return model.CreateContainer{Host: host, Spec: spec, Owner: model.Ownership{
		Owner: owner, App: "app", Service: "web", Slot: slot, Fingerprint: model.Fingerprint(spec), Name: "web-" + slot,
	}}
}

func targetOf(op model.CreateContainer) model.Target {
	return model.Target{Host: op.Host, Name: op.Owner.Name, Owner: op.Owner.Owner, Fingerprint: op.Owner.Fingerprint}
}

func do(t *testing.T, h *sim.Host, ops ...model.Op) {
	t.Helper()
	for _, op := range ops {
		if err := h.Do(t.Context(), op, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func run(t *testing.T, h *sim.Host, op model.CreateContainer) {
	t.Helper()
	do(t, h, op, model.StartContainer{Target: targetOf(op)})
}

func see(t *testing.T, h *sim.Host) model.HostState {
	t.Helper()
	state, err := h.Observe(t.Context(), engine.Query{Owner: owner})
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// states are the containers in a few words: `web-1 running, web-2 exited`.
func states(state model.HostState) string {
	text := ""
	for _, c := range state.Containers {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%s %s", c.Name, c.State)
	}
	return text
}

func wantStates(t *testing.T, h *sim.Host, want string) {
	t.Helper()
	if got := states(see(t, h)); got != want {
		t.Errorf("observed %q, want %q", got, want)
	}
}

func wantClass(t *testing.T, err error, want engine.Class) {
	t.Helper()
	if err == nil || engine.ClassOf(err) != want {
		t.Errorf("got %v, want class %q", err, want)
	}
}

func alpha(opts ...sim.Option) *sim.Host {
	return sim.New("alpha", append(opts, sim.With(sim.TestImage(image)))...)
}

func TestInjectedFailures(t *testing.T) {
	h, op := alpha(), creation("alpha", "1")
	h.Inject(sim.Fault{Verb: "create", Class: engine.Failed, Times: 2})
	for range 2 {
		wantClass(t, h.Do(t.Context(), op, nil), engine.Failed)
		wantStates(t, h, "")
	}
	do(t, h, op)
	wantStates(t, h, "web-1 created")
}

func TestAFaultStrikesOnlyWhatItIsAbout(t *testing.T) {
	h := alpha()
	remove := h.Inject(sim.Fault{About: `"web-2"`, Class: engine.Denied})
	do(t, h, creation("alpha", "1"))
	wantClass(t, h.Do(t.Context(), creation("alpha", "2"), nil), engine.Denied)
	wantStates(t, h, "web-1 created")
	remove()
	do(t, h, creation("alpha", "2"))
}

func TestChanceFollowsTheSeed(t *testing.T) {
	course := func(seed uint64) (text string) {
		h := sim.NewWorld(seed).Host("alpha", sim.With(sim.TestImage(image)))
		h.Inject(sim.Fault{Class: engine.Failed, Chance: 0.5})
		for i := range 40 {
			text += fmt.Sprint(h.Do(t.Context(), creation("alpha", fmt.Sprint(i)), nil) == nil, " ")
		}
		return text + see(t, h).Containers[0].ID
	}
	first := course(1)
	if again := course(1); again != first {
		t.Error("the same seed gave two courses")
	}
	if course(2) == first {
		t.Error("two seeds gave the same course")
	}
}

func TestAHangEndsWithTheCallersPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := alpha()
		h.Inject(sim.Fault{Verb: "create", Hang: true})
		h.Inject(sim.Fault{Verb: "observe", Hang: true, Times: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		wantClass(t, h.Do(ctx, creation("alpha", "1"), nil), engine.Timeout)
		_, err := h.Observe(ctx, engine.Query{})
		wantClass(t, err, engine.Timeout)
		wantStates(t, h, "")
	})
}

func TestALostReplyLeavesTheEffect(t *testing.T) {
	h, op := alpha(), creation("alpha", "1")
	h.Inject(sim.Fault{LoseReply: true, Times: 1})
	wantClass(t, h.Do(t.Context(), op, nil), engine.Timeout)
	wantStates(t, h, "web-1 created")
	do(t, h, op)
	if calls := h.World().Calls(); len(calls) != 2 || calls[0].Effect != 1 || calls[1].Effect != 0 {
		t.Errorf("calls %+v, want one with an effect and one without", calls)
	}
}

func TestAGoneHostAnswersNothingAndRunsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, op := alpha(), creation("alpha", "1", "FAIL", "exit", "EXIT_AFTER", "1m")
		run(t, h, op)
		h.SetGone(true)
		_, err := h.Observe(t.Context(), engine.Query{})
		wantClass(t, err, engine.Unreachable)
		wantClass(t, h.Do(t.Context(), creation("alpha", "2"), nil), engine.Unreachable)
		time.Sleep(2 * time.Minute)
		h.SetGone(false)
		wantStates(t, h, "web-1 exited")
	})
}

func TestAStaleListIsOld(t *testing.T) {
	h := alpha(sim.Remember(3))
	for i := range 4 {
		do(t, h, creation("alpha", fmt.Sprint(i)))
	}
	for lag, want := range []string{
		"web-0 created, web-1 created, web-2 created, web-3 created",
		"web-0 created, web-1 created, web-2 created", "web-0 created, web-1 created", "web-0 created", "web-0 created",
	} {
		h.Stale(lag)
		wantStates(t, h, want)
	}
	if c := see(t, h).Containers[0]; c.Spec == nil {
		t.Error("an old container of ours lost its spec")
	}
}

func TestAContainerThatDoesNotAnswerItsInspect(t *testing.T) {
	h := alpha()
	do(t, h, creation("alpha", "1"))
	see(t, h)
	h.MuteInspect("web-1", true)
	if c := see(t, h).Containers[0]; c.Spec != nil || c.InspectError == "" || c.Owner.Owner != owner {
		t.Errorf("muted container %+v", c)
	}
	h.MuteInspect("web-1", false)
	if c := see(t, h).Containers[0]; c.Spec == nil {
		t.Error("it does not answer again")
	}
}

func TestWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, op := alpha(), creation("alpha", "1", "FAIL", "exit", "EXIT_AFTER", "1m")
		var wakes atomic.Int32
		ctx, cancel := context.WithCancel(t.Context())
		go h.Watch(ctx, func() { wakes.Add(1) })
		after := func(what string, want bool) {
			t.Helper()
			synctest.Wait()
			if woken := wakes.Swap(0) > 0; woken != want {
				t.Errorf("%s: woken %v, want %v", what, woken, want)
			}
		}
		after("nothing", false)
		run(t, h, op)
		after("start", true)
		time.Sleep(59 * time.Second)
		after("before the exit", false)
		time.Sleep(time.Second)
		after("exit", true)
		h.Silence(true)
		do(t, h, model.RemoveContainer{Target: targetOf(op)})
		after("silenced", false)
		h.Silence(false)
		h.SetGone(true)
		after("gone", false)
		h.SetGone(false)
		after("back", true)
		cancel()
		synctest.Wait()
	})
}

// script is a small rollout: a network, two containers, one replaced.
func script() []model.Op {
	one, two := creation("alpha", "1"), creation("beta", "2")
	next := creation("alpha", "3", "MESSAGE", "new")
	network := func(host string) model.Op {
		return model.CreateNetwork{Host: host, Network: model.Network{HostName: "front"}, Owner: model.Ownership{Owner: owner}}
	}
	return []model.Op{
		network("alpha"), one, model.StartContainer{Target: targetOf(one)},
		network("beta"), two, model.StartContainer{Target: targetOf(two)},
		next, model.StartContainer{Target: targetOf(next)},
		model.StopContainer{Target: targetOf(one)}, model.RemoveContainer{Target: targetOf(one)},
	}
}

func perform(t *testing.T, w *sim.World, ops []model.Op) error {
	for _, op := range ops {
		if err := w.On(op.On()).Do(t.Context(), op, nil); err != nil {
			return err
		}
	}
	return nil
}

func twoHosts(seed uint64) *sim.World {
	w := sim.NewWorld(seed)
	w.Host("alpha", sim.With(sim.TestImage(image)))
	w.Host("beta", sim.With(sim.TestImage(image)))
	return w
}

func worldStates(w *sim.World) (text string) {
	for _, h := range w.Live().Hosts {
		text += h.Name + ": " + states(h) + fmt.Sprintf(", %d networks\n", len(h.Networks))
	}
	return text
}

// Ops are idempotent, so whoever starts all over after dying anywhere gets to
// the same end.
func TestDeathAtEveryEffect(t *testing.T) {
	undisturbed := twoHosts(1)
	if err := perform(t, undisturbed, script()); err != nil {
		t.Fatal(err)
	}
	want, effects := worldStates(undisturbed), undisturbed.Effects()
	if effects != len(script()) {
		t.Fatalf("%d effects of %d ops", effects, len(script()))
	}
	for n := range effects + 1 {
		for _, lastReply := range []bool{true, false} {
			w := twoHosts(1)
			w.DieAfter(n, lastReply)
			err := perform(t, w, script())
			if got := w.Effects(); got != n {
				t.Fatalf("%d effects, want %d", got, n)
			}
			if survived := err == nil; survived != (n == effects && lastReply) {
				t.Fatalf("death after %d, last reply %v: %v", n, lastReply, err)
			}
			if err != nil && !errors.Is(err, sim.ErrDied) {
				t.Fatalf("died of %v", err)
			}
			<-w.Dead()
			if _, err := w.On("beta").Observe(t.Context(), engine.Query{}); !errors.Is(err, sim.ErrDied) {
				t.Fatalf("a dead controller observed: %v", err)
			}
			w.Revive()
			if err := perform(t, w, script()); err != nil {
				t.Fatal(err)
			}
			if got := worldStates(w); got != want {
				t.Errorf("death after %d, last reply %v:\n%swant\n%s", n, lastReply, got, want)
			}
		}
	}
}

func TestTheCheckSeesTheTruthAfterEveryEffect(t *testing.T) {
	w := twoHosts(1)
	w.On("beta").Silence(true)
	var seen []string
	w.Check(func(c sim.Call, live model.Live) error {
		running := 0
		for _, h := range live.Hosts {
			for i := range h.Containers {
				if h.Containers[i].Running() && h.Containers[i].Spec != nil {
					running++
				}
			}
		}
		seen = append(seen, fmt.Sprint(running))
		if running > 2 {
			return fmt.Errorf("%d run after %s", running, model.Verb(c.Op))
		}
		return nil
	})
	if err := perform(t, w, script()); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(seen), "[0 0 1 1 1 2 2 3 2 2]"; got != want {
		t.Errorf("running after each effect %s, want %s", got, want)
	}
	if v := w.Violations(); len(v) != 1 || v[0].Error() != "3 run after start" {
		t.Errorf("violations %v", v)
	}
}
