package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// web is a commit with two hosts and one service.
func web(image string, replicas int, extra ...string) fstest.MapFS {
	return tree(map[string]string{"hosts.yaml": hostManifests(2), "web.yaml": serviceManifest("web", image, replicas, extra...)})
}

// simulate runs a test in virtual time.
func simulate(t *testing.T, hosts int, f func(w *world), opts ...sim.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hosts, opts...)
		w.start()
		defer func() { w.stop() }()
		f(w)
	})
}

// after waits, in virtual time, until everything that happens by then has.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// containers are what is on the hosts of a service, by state.
func (w *world) containers(service string) []model.Container {
	var out []model.Container
	for _, h := range w.sim.Live().Hosts {
		for _, c := range h.Containers {
			if c.Owner.Service == service && c.Owner.Owner == owner {
				out = append(out, c)
			}
		}
	}
	return out
}

// healthy counts a service's healthy containers of an image.
func (w *world) healthy(service, image string) int {
	n := 0
	for _, c := range w.containers(service) {
		if c.State == model.StateRunning && c.Health == model.HealthHealthy && c.Spec.Image == image {
			n++
		}
	}
	return n
}

// TestConvergesWithoutEvents drops every event: the resync alone must do.
func TestConvergesWithoutEvents(t *testing.T) {
	var reference string
	synctest.Test(t, func(t *testing.T) { reference = newWorld(t, 2).live(walk()) })
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		for _, h := range w.hosts {
			h.Silence(true)
		}
		if got := w.live(walk()); got != reference {
			t.Errorf("without events the end state differs; got\n%s\nwant\n%s", got, reference)
		}
	})
}

// TestConvergesOnStaleLists answers every list with what was true some effects
// ago, for a while: nothing may be made twice for it, or lost.
func TestConvergesOnStaleLists(t *testing.T) {
	for lag := 1; lag <= 4; lag++ {
		t.Run(fmt.Sprintf("lag=%d", lag), func(t *testing.T) {
			simulate(t, 2, func(w *world) {
				w.sim.Check(w.safe)
				w.branch.commit(web("web:1", 4))
				w.converge()
				for _, h := range w.hosts {
					h.Stale(lag)
				}
				w.branch.commit(web("web:2", 4))
				after(20 * time.Second)
				for _, h := range w.hosts {
					h.Stale(0)
				}
				w.converge()
				if got := len(w.containers("web")); got != 4 || w.healthy("web", "web:2") != 4 {
					t.Errorf("%d containers, %d of them healthy on web:2, want 4 and 4", got, w.healthy("web", "web:2"))
				}
			}, sim.Remember(50))
		})
	}
}

// TestUpdatePolicyHolds looks at every single effect of a roll: never fewer
// healthy replicas than before, never more than one above.
func TestUpdatePolicyHolds(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(web("web:1", 4))
		w.converge()
		w.sim.Check(func(call sim.Call, live model.Live) error {
			healthy, running := 0, 0
			for _, h := range live.Hosts {
				for _, c := range h.Containers {
					if c.Running() {
						running++
					}
					if c.Health == model.HealthHealthy && c.Running() {
						healthy++
					}
				}
			}
			if healthy < 4 || running > 5 {
				return fmt.Errorf("after %s on %s: %d healthy and %d running of 4", model.Verb(call.Op), call.Host, healthy, running)
			}
			return nil
		})
		w.branch.commit(web("web:2", 4))
		w.converge()
		for _, v := range w.sim.Violations() {
			t.Error(v)
		}
	})
}

// TestHungOpHoldsNobody lets every create on one host hang: the other host's
// replicas roll, and the hung one's when it answers again.
func TestHungOpHoldsNobody(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(web("web:1", 2))
		w.converge()
		answer := w.hosts["host-1"].Inject(sim.Fault{Verb: "create", Hang: true})
		two := tree(map[string]string{
			"hosts.yaml": hostManifests(2), "web.yaml": serviceManifest("web", "web:1", 2),
			"a.yaml": strings.Replace(serviceManifest("a", "web:1", 1, `placement: {constraints: ["host.name == host-1"]}`), "1m", "5m", 1),
			"b.yaml": serviceManifest("b", "web:1", 1, `placement: {constraints: ["host.name == host-2"]}`),
		})
		w.branch.commit(two)
		after(5 * time.Second)
		if w.healthy("b", "web:1") != 1 {
			t.Errorf("host-2 waits for host-1, whose create hangs:\n%s", w.describe())
		}
		answer()
		w.converge()
	})
}

// TestHostGoneAndBack takes a host away during a roll of a service that waits for
// it.
func TestHostGoneAndBack(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(web("web:1", 4, "onHostLoss: wait"))
		w.converge()
		w.hosts["host-1"].SetGone(true)
		after(time.Minute)
		w.branch.commit(web("web:2", 4, "onHostLoss: wait"))
		after(5 * time.Minute)
		if got := w.healthy("web", "web:2"); got != 2 {
			t.Errorf("%d replicas of the host that is there are on web:2, want 2:\n%s", got, w.describe())
		}
		w.stop() // a controller that starts while a host is away knows of its containers
		w.start()
		after(time.Minute)
		if got := len(w.containers("web")); got != 4 {
			t.Errorf("%d containers while a host is away, want 4: nothing is made twice", got)
		}
		w.hosts["host-1"].SetGone(false)
		w.converge()
	})
}

// TestNewerCommitGoesStraightThrough commits a revision whose replicas never
// get healthy, and at once a good one.
func TestNewerCommitGoesStraightThrough(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(web("web:1", 4))
		w.converge()
		w.branch.commit(web("web:2", 4, `environment: {START_DELAY: 1h}`))
		after(3 * time.Second)
		w.branch.commit(web("web:3", 4))
		begun := time.Now()
		w.converge()
		if took := time.Since(begun); took > 40*time.Second {
			t.Errorf("the newer commit waited %s for the older one", took)
		}
	})
}

// TestBadCommitIsRefused commits manifests with an error: what runs keeps
// running, also under a controller that only starts then, and is still healed.
func TestBadCommitIsRefused(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(web("web:1", 2))
		w.converge()
		before := w.endState()
		for _, bad := range []fstest.MapFS{
			tree(map[string]string{"web.yaml": "apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: web}\nspec: {imag: x}\n"}),
			tree(map[string]string{}),
			tree(map[string]string{"README.md": "nothing here"}),
			tree(map[string]string{"web.yaml": "\x00\xff{{{"}),
		} {
			w.branch.commit(bad)
			after(time.Minute)
			w.stop()
			w.start()
			after(time.Minute)
			s := w.running.Status()
			if s.SourceError == "" || w.endState() != before {
				t.Errorf("a bad commit: error %q, end state\n%s", s.SourceError, w.endState())
			}
		}
		victim := w.containers("web")[0]
		if err := w.hosts[victim.Host].Kill(victim.ID); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		if w.healthy("web", "web:1") != 2 {
			t.Error("while a bad commit is refused a killed replica was not healed")
		}
		w.branch.commit(web("web:1", 2))
		w.converge()
	})
}

// TestHeals breaks replicas by hand in every way.
func TestHeals(t *testing.T) {
	breakages := map[string]func(h *sim.Host, c model.Container) error{
		"killed":       func(h *sim.Host, c model.Container) error { return h.Kill(c.ID) },
		"removed":      func(h *sim.Host, c model.Container) error { return h.RemoveContainer(c.ID) },
		"paused":       func(h *sim.Host, c model.Container) error { return h.Pause(c.ID) },
		"renamed":      func(h *sim.Host, c model.Container) error { return h.Rename(c.ID, "by-hand") },
		"updated":      func(h *sim.Host, c model.Container) error { return h.UpdateMemory(c.ID, 1<<30) },
		"disconnected": func(h *sim.Host, c model.Container) error { return h.Disconnect(c.ID, c.Spec.Networks[0].Network) },
		"unhealthy":    func(h *sim.Host, c model.Container) error { return h.SetHealth(c.ID, model.HealthUnhealthy) },
		"rebooted":     func(h *sim.Host, _ model.Container) error { h.PowerCycle(); return nil },
		"changed": func(h *sim.Host, c model.Container) error {
			return h.ChangeSpec(c.ID, func(s *model.ContainerSpec) { s.Env = map[string]string{"BY": "hand"} })
		},
		"network removed": func(h *sim.Host, c model.Container) error { return h.RemoveNetwork(c.Spec.Networks[0].Network) },
	}
	for name, do := range breakages {
		t.Run(name, func(t *testing.T) {
			simulate(t, 2, func(w *world) {
				w.branch.commit(web("web:1", 3))
				w.converge()
				before := w.endState()
				victim := w.containers("web")[0]
				if err := do(w.hosts[victim.Host], victim); err != nil {
					t.Fatal(err)
				}
				after(time.Minute)
				w.converge()
				if got := w.endState(); got != before {
					t.Errorf("a replica that was %s was not put right; got\n%s\nwant\n%s", name, got, before)
				}
			})
		})
	}
}

// TestLoopBreaker has a host undo every repair: the replica is reported, and
// not recreated for ever.
func TestLoopBreaker(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(web("web:1", 1))
		w.converge()
		undo := func(d, every time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); after(every) {
				for _, c := range w.containers("web") {
					_ = w.hosts[c.Host].ChangeSpec(c.ID, func(s *model.ContainerSpec) { s.Labels = map[string]string{"by": "hand"} })
				}
			}
		}
		undo(time.Hour, 200*time.Millisecond)
		before := w.sim.Effects()
		after(6 * time.Hour)
		if n := w.sim.Effects() - before; n != 0 {
			t.Errorf("%d ops in 6 hours on a replica that can't be made right, want none", n)
		}
		if s := w.describe(); !strings.Contains(s, "given up") {
			t.Errorf("the status does not say that it was given up:\n%s", s)
		}
	})
}

// TestRefusedOps lets each kind of op be refused a few times: the way on is
// found again.
func TestRefusedOps(t *testing.T) {
	for _, verb := range []string{"createNetwork", "create", "start", "stop", "remove"} {
		for _, class := range []engine.Class{engine.Failed, engine.Timeout, engine.Unreachable, engine.Conflict} {
			t.Run(verb+"/"+string(class), func(t *testing.T) {
				simulate(t, 2, func(w *world) {
					w.hosts["host-1"].Inject(sim.Fault{Verb: verb, Class: class, Times: 3})
					w.branch.commit(web("web:1", 2))
					w.converge()
					w.branch.commit(web("web:2", 2))
					w.converge()
				})
			})
		}
	}
}
