package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// podOf is a service with two init containers and two sidecars.
type podOf struct {
	main, init, proxy string // images
	initExit          int
	replicas          int
	extra             []string
}

func (p podOf) manifest() string {
	lines := append([]string{
		"initContainers:",
		fmt.Sprintf("  - {name: migrate, image: '%s', pull: never, environment: {FAIL: exit, EXIT_AFTER: 3s, EXIT_CODE: '%d'}}", or(p.init, "web:1"), p.initExit),
		"  - {name: warm, image: 'web:1', pull: never, environment: {FAIL: exit, EXIT_CODE: '0'}}",
		"sidecars:",
		fmt.Sprintf("  - {name: proxy, image: '%s', pull: never, healthCheck: {command: [/server, health], interval: 1s, retries: 2}}", or(p.proxy, "web:1")),
		"  - {name: log, image: 'web:1', pull: never}",
	}, p.extra...)
	return serviceManifest("web", or(p.main, "web:1"), max(p.replicas, 1), lines...)
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

func (p podOf) tree() fstest.MapFS {
	return tree(map[string]string{"hosts.yaml": hostManifests(2), "web.yaml": p.manifest()})
}

// parts are the containers of the pods of a service, by their names in the pod.
func (w *world) parts() map[string]model.Container {
	out := map[string]model.Container{}
	for _, h := range w.sim.Live().Hosts {
		for _, c := range h.Containers {
			if c.Owner.Role != "" {
				out[c.Owner.Slot+"/"+c.Owner.Member] = c
			}
		}
	}
	return out
}

// ids tells the containers of a moment from those of another.
func (w *world) partIDs() map[string]string {
	out := map[string]string{}
	for name, c := range w.parts() {
		out[name] = c.ID
	}
	return out
}

func (w *world) wantKept(before map[string]string, changed ...string) {
	w.t.Helper()
	now := w.partIDs()
	if len(now) != len(before) {
		w.t.Errorf("%d containers, there were %d: %v", len(now), len(before), now)
	}
	for name, id := range before {
		if want := slices.Contains(changed, name); (now[name] != id) != want {
			w.t.Errorf("%s was %s and is %s, want another one: %t", name, id, now[name], want)
		}
	}
}

func TestAPodComesUpInOrder(t *testing.T) {
	simulate(t, 1, func(w *world) {
		w.branch.commit(podOf{}.tree())
		w.converge()
		parts := w.parts()
		order := []string{"1/holder", "1/migrate", "1/warm", "1/proxy", "1/log", "1/main"}
		if len(parts) != len(order) {
			t.Fatalf("the pod has %d containers, want %d", len(parts), len(order))
		}
		for i, name := range order[1:] {
			before, after := parts[order[i]], parts[name]
			if after.StartedAt.Before(before.StartedAt) {
				t.Errorf("%s started at %s, before %s", name, after.StartedAt, order[i])
			}
			if before.Owner.Role == model.RoleInit && after.StartedAt.Before(before.FinishedAt) {
				t.Errorf("%s started before %s had ended", name, order[i])
			}
			if name != "1/holder" && after.Joined != parts["1/holder"].ID {
				t.Errorf("%s shares the network of %q", name, after.Joined)
			}
		}
		if d := parts["1/log"].StartedAt.Sub(parts["1/proxy"].StartedAt); d < time.Second {
			t.Errorf("log started %s after proxy, which was not healthy by then", d)
		}
	})
}

func TestWhatReplacesWhichContainerOfAPod(t *testing.T) {
	for name, tc := range map[string]struct {
		to      podOf
		changed []string
	}{
		"nothing":        {podOf{}, nil},
		"a sidecar":      {podOf{proxy: "web:2"}, []string{"1/proxy"}},
		"main":           {podOf{main: "web:2"}, []string{"1/holder", "1/migrate", "1/warm", "1/proxy", "1/log", "1/main"}},
		"init container": {podOf{init: "web:2"}, []string{"1/holder", "1/migrate", "1/warm", "1/proxy", "1/log", "1/main"}},
		"the network":    {podOf{extra: []string{"hostname: other"}}, []string{"1/holder", "1/migrate", "1/warm", "1/proxy", "1/log", "1/main"}},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 1, func(w *world) {
				w.branch.commit(podOf{}.tree())
				w.converge()
				before, holder := w.partIDs(), w.parts()["1/holder"]
				w.branch.commit(tc.to.tree())
				w.converge()
				w.wantKept(before, tc.changed...)
				if tc.changed == nil || len(tc.changed) == 1 {
					if now := w.parts()["1/holder"]; now.StartedAt != holder.StartedAt {
						t.Error("the holder was started again, so the address is another one")
					}
				}
			})
		})
	}
}

func TestAPodIsHealedInPlace(t *testing.T) {
	for _, name := range []string{"1/main", "1/proxy", "1/log", "1/holder"} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 1, func(w *world) {
				w.branch.commit(podOf{}.tree())
				w.converge()
				before, parts := w.partIDs(), w.parts()
				host := w.hosts[parts[name].Host]
				network, _ := host.Network(parts["1/main"].ID)
				if err := host.Kill(parts[name].ID); err != nil {
					t.Fatal(err)
				}
				after(time.Second)
				w.converge()
				w.wantKept(before)
				now, err := host.Network(parts["1/main"].ID)
				if err != nil {
					t.Fatal(err)
				}
				if (now == network) != (name != "1/holder") {
					t.Errorf("network %s before, %s after", network, now)
				}
				for member, c := range w.parts() {
					if other, err := host.Network(c.ID); c.Owner.Role != model.RoleInit && (err != nil || other != now) {
						t.Errorf("%s is on network %q, not on %q (%v)", member, other, now, err)
					}
				}
			})
		})
	}
}

func TestPrunedInitContainersAreNotMissed(t *testing.T) {
	simulate(t, 1, func(w *world) {
		w.branch.commit(podOf{}.tree())
		w.converge()
		main := w.parts()["1/main"]
		for _, name := range []string{"1/migrate", "1/warm"} {
			if err := w.hosts["host-1"].RemoveContainer(w.parts()[name].ID); err != nil {
				t.Fatal(err)
			}
		}
		after(time.Minute)
		w.converge()
		if now := w.parts()["1/main"]; now.StartedAt != main.StartedAt || len(w.parts()) != 4 {
			t.Errorf("%d containers, main started %s, then %s", len(w.parts()), main.StartedAt, now.StartedAt)
		}
	})
}

func TestAFailingInitContainerIsTriedAgainAndFailsTheRollout(t *testing.T) {
	simulate(t, 1, func(w *world) {
		w.branch.commit(podOf{}.tree())
		w.converge()
		before := w.partIDs()
		began := time.Now()
		w.branch.commit(podOf{main: "web:2", initExit: 3}.tree())
		s := w.reach("the failure", func(s report.Status) bool { return len(s.Apps) > 0 && s.Apps[0].Hold != nil })
		if took := time.Since(began); took > 2*time.Minute || took < 30*time.Second {
			t.Errorf("it took %s, want some tries and not for ever", took)
		}
		after(time.Minute)
		if reason := s.Apps[0].Hold.Reason; !strings.Contains(reason, "migrate exited with code 3") {
			t.Errorf("the reason is %q", reason)
		}
		w.reach("the end of the new pod", func(s report.Status) bool { return len(w.parts()) == 6 && s.Busy == 0 })
		w.wantKept(before)
		s = w.running.Status()
		if f := s.Apps[0].Failure; f == nil || !strings.Contains(f.Log, "exiting with 3") {
			t.Errorf("the log of the init container is not kept: %+v", f)
		}
		if s.Apps[0].Phase != rollout.Complete {
			t.Errorf("phase %s", s.Apps[0].Phase)
		}
	})
}

// podWalk is a life of a pod: made, a sidecar and then the main container
// changed, a sidecar more and one less, and no pod any more.
func podWalk() []fstest.MapFS {
	plain := tree(map[string]string{"hosts.yaml": hostManifests(2), "web.yaml": serviceManifest("web", "web:2", 1)})
	return []fstest.MapFS{
		podOf{}.tree(), podOf{proxy: "web:2"}.tree(), podOf{main: "web:2", proxy: "web:2"}.tree(),
		plain, podOf{main: "web:3", replicas: 2}.tree(),
	}
}

func TestPodsThroughEveryCrash(t *testing.T) {
	everyCrash(t, func(w *world) string { return w.live(podWalk()) })
}

func TestAnotherSidecarComesInTurns(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(podOf{replicas: 4}.tree())
		w.converge()
		before := w.partIDs()
		more := strings.Replace(podOf{replicas: 4}.manifest(), "    - {name: log,", "    - {name: late, image: 'web:1', pull: never, environment: {START_DELAY: 3s}, healthCheck: {command: [/server, health], interval: 1s, retries: 9}}\n    - {name: log,", 1)
		w.sim.Check(func(_ sim.Call, live model.Live) error {
			starting := 0
			for _, h := range live.Hosts {
				for _, c := range h.Containers {
					if c.Owner.Member == "late" && c.Health != model.HealthHealthy {
						starting++
					}
				}
			}
			if starting > 1 {
				return fmt.Errorf("%d replicas wait for their new sidecar at once", starting)
			}
			return nil
		})
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(2), "web.yaml": more}))
		w.converge()
		w.wantNoViolations()
		for name, id := range before {
			if w.partIDs()[name] != id {
				t.Errorf("%s is another one", name)
			}
		}
		if n := len(w.partIDs()); n != len(before)+4 {
			t.Errorf("%d containers", n)
		}
		w.branch.commit(podOf{replicas: 4}.tree())
		w.converge()
		w.wantKept(before)
	})
}

func TestSidecarsTakeTurns(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(podOf{replicas: 4}.tree())
		w.converge()
		w.sim.Check(func(_ sim.Call, live model.Live) error {
			down := 0
			for _, h := range live.Hosts {
				running := map[string]bool{}
				for _, c := range h.Containers {
					running[c.Owner.Slot] = running[c.Owner.Slot] || c.Owner.Member == "proxy" && c.Running()
				}
				for slot, up := range running {
					if slot != "" && !up {
						down++
					}
				}
			}
			if down > 1 {
				return fmt.Errorf("%d replicas are without their proxy at once", down)
			}
			return nil
		})
		w.branch.commit(podOf{replicas: 4, proxy: "web:2"}.tree())
		w.converge()
		w.wantNoViolations()
	})
}

func TestASidecarThatFailsGoesBackInPlace(t *testing.T) {
	simulate(t, 1, func(w *world) {
		w.branch.commit(podOf{}.tree())
		w.converge()
		before := w.partIDs()
		bad := podOf{}.manifest()
		bad = strings.Replace(bad, "{name: log, image: 'web:1', pull: never}", "{name: log, image: 'web:1', pull: never, environment: {FAIL: exit}}", 1)
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(2), "web.yaml": bad}))
		s := w.reach("the way back", func(s report.Status) bool {
			return len(s.Apps) > 0 && s.Apps[0].Hold != nil && s.Apps[0].Phase == rollout.Complete && s.Busy == 0
		})
		if reason := s.Apps[0].Hold.Reason; !strings.Contains(reason, "log exited with code 1") {
			t.Errorf("the reason is %q", reason)
		}
		w.wantKept(before, "1/log")
	})
}

func TestAPodOutlivesARebootAndALostHolder(t *testing.T) {
	for name, accident := range map[string]func(w *world, host *sim.Host){
		"reboot": func(_ *world, host *sim.Host) { host.PowerCycle() },
		"holder removed": func(w *world, host *sim.Host) {
			if err := host.RemoveContainer(w.parts()["1/holder"].ID); err != nil {
				w.t.Fatal(err)
			}
		},
		"everything removed": func(w *world, host *sim.Host) {
			for _, c := range w.parts() {
				if err := host.RemoveContainer(c.ID); err != nil {
					w.t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 1, func(w *world) {
				w.branch.commit(podOf{}.tree())
				w.converge()
				host := w.hosts[w.parts()["1/main"].Host]
				accident(w, host)
				after(time.Minute)
				w.converge()
				parts := w.parts()
				if len(parts) != 6 {
					t.Fatalf("%d containers", len(parts))
				}
				network, err := host.Network(parts["1/holder"].ID)
				if err != nil {
					t.Fatal(err)
				}
				for _, name := range []string{"1/main", "1/proxy", "1/log"} {
					if other, err := host.Network(parts[name].ID); err != nil || other != network {
						t.Errorf("%s is on network %q, want %q: %v", name, other, network, err)
					}
				}
			})
		})
	}
}
