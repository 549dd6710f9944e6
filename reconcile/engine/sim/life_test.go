package sim_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func checked(op model.CreateContainer, check model.HealthCheck) model.CreateContainer {
	check.Test = []string{"CMD", "/server", "health"}
	op.Spec.HealthCheck = &check
	op.Owner.Fingerprint = model.Fingerprint(op.Spec)
	return op
}

func restarting(op model.CreateContainer, policy string) model.CreateContainer {
	op.Spec.Adjustable.Restart.Name = policy
	return op
}

// course is how a container's health goes, second by second, in words:
// `0s starting, 10s healthy`.
func course(t *testing.T, h *sim.Host, seconds int) (text string) {
	last := model.Health("?")
	for i := range seconds {
		if now := see(t, h).Containers[0].Health; now != last {
			text += fmt.Sprintf("%ds %s, ", i, now)
			last = now
		}
		time.Sleep(time.Second)
	}
	return text
}

func TestHealthFollowsTheProbes(t *testing.T) {
	tests := []struct {
		name  string
		env   []string
		check model.HealthCheck
		want  string
	}{
		{"the engine's own interval", nil, model.HealthCheck{}, "0s starting, 30s healthy, "},
		{"the first probe comes after one interval", nil, model.HealthCheck{Interval: 5 * time.Second}, "0s starting, 5s healthy, "},
		{"healthy with the first good probe", []string{"START_DELAY", "12s"}, model.HealthCheck{Interval: 5 * time.Second},
			"0s starting, 15s healthy, "},
		{"given up after three, and recovered", []string{"START_DELAY", "22s"}, model.HealthCheck{Interval: 5 * time.Second},
			"0s starting, 15s unhealthy, 25s healthy, "},
		{"the start period does not count", []string{"START_DELAY", "22s"},
			model.HealthCheck{Interval: 5 * time.Second, StartPeriod: 20 * time.Second}, "0s starting, 25s healthy, "},
		{"given up after the start period", []string{"FAIL", "unhealthy"},
			model.HealthCheck{Interval: 5 * time.Second, StartPeriod: 20 * time.Second, Retries: 2}, "0s starting, 30s unhealthy, "},
		{"never listening is never healthy", []string{"FAIL", "hang-start"}, model.HealthCheck{Interval: time.Second, Retries: 1},
			"0s starting, 1s unhealthy, "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := alpha()
				run(t, h, checked(creation("alpha", "1", test.env...), test.check))
				if got := course(t, h, 60); got != test.want {
					t.Errorf("health goes %s\nwant %s", got, test.want)
				}
			})
		})
	}
}

func TestBehavioursCanBeProgrammed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sickly := sim.TestImage(image)
		sickly.Behaviour = func(model.ContainerSpec) sim.Behaviour {
			return sim.Behaviour{UnhealthyAfter: 20 * time.Second, Exits: true, ExitAfter: 40 * time.Second, ExitCode: 7}
		}
		h := sim.New("alpha", sim.With(sickly))
		run(t, h, checked(creation("alpha", "1"), model.HealthCheck{Interval: 5 * time.Second, Retries: 2}))
		if got, want := course(t, h, 60), "0s starting, 5s healthy, 25s unhealthy, 40s , "; got != want {
			t.Errorf("health goes %s, want %s", got, want)
		}
		if c := see(t, h).Containers[0]; c.State != model.StateExited || c.ExitCode != 7 {
			t.Errorf("container is %s with %d", c.State, c.ExitCode)
		}
	})
}

func TestHealthByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, op := alpha(), checked(creation("alpha", "1"), model.HealthCheck{Interval: time.Second})
		run(t, h, op)
		time.Sleep(time.Minute)
		for _, want := range []model.Health{model.HealthUnhealthy, model.HealthHealthy} {
			if err := h.SetHealth("web-1", want); err != nil {
				t.Fatal(err)
			}
			if got := see(t, h).Containers[0].Health; got != want {
				t.Errorf("health %q, want %q", got, want)
			}
		}
	})
}

// The engine waits 100 ms, 200 ms, 400 ms … at most a minute between restarts.
func TestRestartsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := alpha()
		run(t, h, restarting(creation("alpha", "1", "FAIL", "exit"), "always"))
		time.Sleep(time.Second)
		if c := see(t, h).Containers[0]; c.RestartCount != 3 || c.State != model.StateRestarting {
			t.Errorf("after a second %s, restarted %d times", c.State, c.RestartCount)
		}
		time.Sleep(time.Hour)
		if c := see(t, h).Containers[0]; c.RestartCount < 60 || c.RestartCount > 75 {
			t.Errorf("restarted %d times in an hour", c.RestartCount)
		}
	})
}

func TestAGoodRunForgetsTheBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := alpha()
		run(t, h, restarting(creation("alpha", "1", "FAIL", "exit", "EXIT_AFTER", "20s"), "unless-stopped"))
		time.Sleep(time.Hour)
		if c := see(t, h).Containers[0]; c.RestartCount != 179 {
			t.Errorf("restarted %d times in an hour, want one every 20.1 s", c.RestartCount)
		}
	})
}

func TestACrashIsRestartedAndAKillIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := alpha()
		run(t, h, restarting(creation("alpha", "1"), "always"))
		run(t, h, restarting(creation("alpha", "2"), "always"))
		if err := h.Crash("web-1", 2); err != nil {
			t.Fatal(err)
		}
		if err := h.Kill("web-2"); err != nil {
			t.Fatal(err)
		}
		wantStates(t, h, "web-1 restarting, web-2 exited")
		time.Sleep(time.Minute)
		wantStates(t, h, "web-1 running, web-2 exited")
	})
}

func TestAfterAPowerCycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := alpha()
		run(t, h, restarting(creation("alpha", "1"), "unless-stopped"))
		run(t, h, creation("alpha", "2"))
		stopped := restarting(creation("alpha", "3"), "unless-stopped")
		run(t, h, stopped)
		do(t, h, model.StopContainer{Target: targetOf(stopped)})
		h.PowerCycle()
		time.Sleep(time.Second)
		wantStates(t, h, "web-1 running, web-2 exited, web-3 exited")
	})
}

func TestAPausedContainerDoesNotAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, op := alpha(), creation("alpha", "1", "FAIL", "exit", "EXIT_AFTER", "10s")
		run(t, h, op)
		time.Sleep(9 * time.Second)
		if err := h.Pause("web-1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		do(t, h, model.UnpauseContainer{Target: targetOf(op)})
		wantStates(t, h, "web-1 running")
		time.Sleep(time.Second)
		wantStates(t, h, "web-1 exited")
	})
}

func TestAStopTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, op := alpha(), creation("alpha", "1", "FAIL", "hang-stop")
		run(t, h, op)
		start := time.Now()
		do(t, h, model.StopContainer{Target: targetOf(op), Grace: 30 * time.Second})
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAStopGoesOnWhenNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, op := alpha(), restarting(creation("alpha", "1", "FAIL", "hang-stop"), "always")
		run(t, h, op)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := h.Do(ctx, model.StopContainer{Target: targetOf(op), Grace: 30 * time.Second}, nil)
		wantClass(t, err, engine.Timeout)
		wantStates(t, h, "web-1 running")
		time.Sleep(29 * time.Second)
		wantStates(t, h, "web-1 exited")
	})
}

func TestWhatIsBetweenTwoRestartsCanBeStoppedAndRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := alpha()
		for _, slot := range []string{"1", "2"} {
			run(t, h, restarting(creation("alpha", slot, "FAIL", "exit"), "always"))
		}
		time.Sleep(time.Minute)
		do(t, h, model.StopContainer{Target: targetOf(creation("alpha", "1", "FAIL", "exit"))},
			model.RemoveContainer{Target: targetOf(creation("alpha", "2", "FAIL", "exit"))})
		time.Sleep(time.Minute)
		wantStates(t, h, "web-1 exited")
	})
}

func TestSlowPullsAndMovedTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sim.NewWorld(1)
		h := w.Host("alpha")
		first, moved := sim.TestImage(image), sim.TestImage(image)
		moved.Defaults.ID = "sha256:moved"
		first.Pull, moved.Pull = time.Minute, time.Minute
		id := func() string {
			state, err := h.Observe(t.Context(), engine.Query{Images: []string{image}})
			if err != nil {
				t.Fatal(err)
			}
			return state.Images[image]
		}
		pull := model.PullImage{Host: "alpha", Image: image}
		wantClass(t, h.Do(t.Context(), pull, nil), engine.NotFound)

		w.Publish(first)
		start := time.Now()
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wantClass(t, h.Do(hurried, pull, nil), engine.Timeout)
		if id() != "" {
			t.Error("half a pull gave the image")
		}
		do(t, h, pull, pull)
		if took := time.Since(start); took != time.Minute+time.Second || id() != first.Defaults.ID {
			t.Errorf("pulled %q in %v", id(), took)
		}
		w.Publish(moved)
		if do(t, h, pull); id() != first.Defaults.ID {
			t.Error("an image that is there was pulled without need")
		}
		pull.Always = true
		if do(t, h, pull); id() != "sha256:moved" {
			t.Errorf("the tag did not move: %q", id())
		}
	})
}

func TestCapacity(t *testing.T) {
	h := alpha(sim.Capacity(1))
	run(t, h, creation("alpha", "1"))
	second := creation("alpha", "2")
	do(t, h, second)
	wantClass(t, h.Do(t.Context(), model.StartContainer{Target: targetOf(second)}, nil), engine.Failed)
	do(t, h, model.StopContainer{Target: targetOf(creation("alpha", "1"))}, model.StartContainer{Target: targetOf(second)})
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := alpha(sim.Latency(func(verb string) time.Duration {
			return map[string]time.Duration{"create": time.Second, "start": 2 * time.Second}[verb]
		}))
		start := time.Now()
		run(t, h, creation("alpha", "1"))
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestWhoDiesWhileAnOpTakesItsTimeHasNoEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := alpha(sim.Latency(func(string) time.Duration { return time.Second }))
		time.AfterFunc(500*time.Millisecond, func() { h.World().DieAfter(0, true) })
		wantClass(t, h.Do(t.Context(), creation("alpha", "1"), nil), engine.Unreachable)
		if got := states(h.World().Live().Hosts[0]); got != "" {
			t.Errorf("it took effect: %s", got)
		}
	})
}

func TestWhatDidNotChangeIsNotCopied(t *testing.T) {
	h := alpha()
	run(t, h, creation("alpha", "1"))
	first, second := see(t, h), see(t, h)
	if &first.Containers[0] != &second.Containers[0] {
		t.Error("two looks at the same gave two copies")
	}
	do(t, h, creation("alpha", "2"))
	third := see(t, h)
	if third.Containers[0].Spec != first.Containers[0].Spec {
		t.Error("the spec was copied")
	}
	if len(first.Containers) != 1 {
		t.Error("what was seen has changed afterwards")
	}
}

func TestReplicasShareTheirSpecOnlyIfItIsTheSame(t *testing.T) {
	h := alpha()
	one, two, odd := creation("alpha", "1"), creation("alpha", "2"), creation("alpha", "3", "LOG", "debug")
	odd.Owner.Fingerprint = one.Owner.Fingerprint // wrong, but it happens in tests
	do(t, h, one, two, odd)
	c := see(t, h).Containers
	if c[0].Spec != c[1].Spec || c[2].Spec == c[0].Spec || c[2].Spec.Env["LOG"] != "debug" {
		t.Errorf("specs %p %p %p", c[0].Spec, c[1].Spec, c[2].Spec)
	}
}

// large is 100,000 running containers on 1,000 hosts.
func large(b *testing.B) []*sim.Host {
	w := sim.NewWorld(1)
	var hosts []*sim.Host
	for n := range 1000 {
		h := w.Host(fmt.Sprintf("host-%04d", n), sim.With(sim.TestImage(image)))
		hosts = append(hosts, h)
		for i := range 100 {
			op := checked(creation(h.Name(), fmt.Sprint(i)), model.HealthCheck{Interval: time.Millisecond})
			if h.Do(b.Context(), op, nil) != nil || h.Do(b.Context(), model.StartContainer{Target: targetOf(op)}, nil) != nil {
				b.Fatal("it does not run")
			}
		}
	}
	return hosts
}

func BenchmarkLarge(b *testing.B) {
	var hosts []*sim.Host
	b.Run("fill", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			hosts = large(b)
		}
	})
	b.Run("observe", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, h := range hosts {
				if _, err := h.Observe(b.Context(), engine.Query{Owner: owner}); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
