package reconcile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// oneHolder is what must hold after every single effect: of each volume of ours,
// which are exclusive here, there is one in the whole world, and at most one
// container that runs, or the containers of one pod, have it.
func oneHolder(call sim.Call, live model.Live) error {
	holder, place := map[string]string{}, map[string]string{}
	for _, h := range live.Hosts {
		for _, v := range h.Volumes {
			if v.Owner.Owner != owner {
				continue
			}
			if other := place[v.Name]; other != "" {
				return fmt.Errorf("after %s on %s there is a volume %s on %s and on %s", model.Verb(call.Op), call.Host, v.Name, other, h.Name)
			}
			place[v.Name] = h.Name
		}
		for _, c := range h.Containers {
			if c.Owner.Owner != owner || !c.Running() {
				continue
			}
			for _, m := range c.Spec.Mounts {
				name := h.Name + "/" + c.Name
				if c.Owner.Pod != "" {
					name = h.Name + "/" + c.Owner.Pod // its containers may have the volume together
				}
				if other := holder[m.Source]; other != "" && (c.Owner.Pod == "" || other != name) {
					return fmt.Errorf("after %s on %s both %s and %s have volume %s", model.Verb(call.Op), call.Host, other, name, m.Source)
				}
				holder[m.Source] = name
			}
		}
	}
	return nil
}

const dataVolume = "apiVersion: tallyman/v1\nkind: Volume\nmetadata: {name: data}\nspec: {}\n"

// holding is a commit whose services each mount the volume, which validate lets
// one of them do.
func holding(services ...string) fstest.MapFS {
	files := map[string]string{"hosts.yaml": hostManifests(2), "data.yaml": dataVolume}
	for i, s := range services {
		files[fmt.Sprintf("s%d.yaml", i)] = s
	}
	return tree(files)
}

func holderOf(name, image string, extra ...string) string {
	return serviceManifest(name, image, 1, append(extra, "mounts: [{volume: data, path: /data}]")...)
}

// holdingWalk hands a volume from one service to another in every way: a new
// image, another service beside it, in its place, and back.
func holdingWalk() []fstest.MapFS {
	return []fstest.MapFS{
		holding(holderOf("db", "web:1")),
		holding(holderOf("db", "web:2")),
		holding(serviceManifest("db", "web:2", 1), holderOf("db2", "web:2")),
		holding(holderOf("db3", "web:3")),
		holding(holderOf("db", "web:1")),
	}
}

func (w *world) wantNoViolations() {
	w.t.Helper()
	for _, v := range w.sim.Violations() {
		w.t.Error(v)
	}
}

// livedBy is the end state of a world that goes through commits, with what
// prepare has done to it.
func livedBy(t *testing.T, walk []fstest.MapFS, prepare func(w *world)) (end string, w *world) {
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(t, 2, sim.Remember(50))
		prepare(w)
		w.sim.Check(oneHolder)
		w.start()
		defer func() { w.stop() }()
		for _, s := range walk {
			w.branch.commit(s)
			w.converge()
		}
		w.wantNoViolations()
		end = w.endState()
	})
	return end, w
}

// TestOneHolderThroughEveryCrash kills the controller after each effect and each
// journal write of a walk in which a volume changes hands, and takes the host
// that has it away at the same moment.
func TestOneHolderThroughEveryCrash(t *testing.T) {
	reference, undisturbed := livedBy(t, holdingWalk(), func(*world) {})
	effects, writes := undisturbed.sim.Effects(), undisturbed.journal.writes
	t.Logf("%d effects, %d journal writes; end state:\n%s", effects, writes, reference)
	crash := func(name string, prepare func(w *world)) {
		t.Run(name, func(t *testing.T) {
			if got, _ := livedBy(t, holdingWalk(), prepare); got != reference {
				t.Errorf("the end state differs from the undisturbed run's; got\n%s\nwant\n%s", got, reference)
			}
		})
	}
	for k := 1; k <= effects; k++ {
		crash(fmt.Sprintf("effect=%d", k), func(w *world) { w.sim.DieAfter(k, true) })
		crash(fmt.Sprintf("effect=%d/reply-lost", k), func(w *world) { w.sim.DieAfter(k, false) })
		crash(fmt.Sprintf("effect=%d/host-away", k), func(w *world) {
			w.sim.DieAfter(k, false)
			go w.awayWhileDead(10 * time.Minute)
		})
	}
	for k := 1; k <= writes; k++ {
		crash(fmt.Sprintf("journal=%d", k), func(w *world) { w.journal.diesAt = k })
	}
}

// awayWhileDead takes the first host away when the controller has died, so that
// the next one starts without it, and brings it back later.
func (w *world) awayWhileDead(d time.Duration) {
	<-w.sim.Dead()
	w.hosts["host-1"].SetGone(true)
	time.Sleep(d)
	w.hosts["host-1"].SetGone(false)
}

// TestAServiceWaitsForTheHostThatHasItsData: with that host away nothing is
// started elsewhere, whoever forgot what, and it goes on when the host is back.
func TestAServiceWaitsForTheHostThatHasItsData(t *testing.T) {
	for name, meanwhile := range map[string]func(w *world){
		"host away": func(*world) {},
		"controller restarted": func(w *world) {
			w.stop()
			w.start()
		},
		"another commit": func(w *world) { w.branch.commit(holding(holderOf("db", "web:2"))) },
		"another service": func(w *world) {
			w.branch.commit(holding(holderOf("db2", "web:2")))
		},
	} {
		for _, before := range []string{"running", "container removed"} {
			t.Run(name+"/"+before, func(t *testing.T) {
				simulate(t, 2, func(w *world) {
					w.sim.Check(oneHolder)
					w.branch.commit(holding(holderOf("db", "web:1")))
					w.converge()
					db := w.containers("db")[0]
					home := w.hosts[db.Host]
					if before != "running" {
						w.stop()
						if err := home.RemoveContainer(db.ID); err != nil {
							t.Fatal(err)
						}
						home.SetGone(true)
						w.start()
					}
					home.SetGone(true)
					after(time.Minute)
					meanwhile(w)
					after(10 * time.Minute)
					for _, h := range w.sim.Live().Hosts {
						if h.Name != db.Host && len(h.Containers) > 0 {
							t.Errorf("started on %s, where the data is not:\n%s", h.Name, w.describe())
						}
					}
					if text := w.describe(); !strings.Contains(text, "waits for host") && !strings.Contains(text, "is lost") && !strings.Contains(text, "is unreachable") {
						t.Errorf("it does not say what it waits for:\n%s", text)
					}
					home.SetGone(false)
					w.converge()
					w.wantNoViolations()
				})
			})
		}
	}
}

// TestOneHolderOnStaleLists answers every list with what was true some effects
// ago, while the volume changes hands back and forth.
func TestOneHolderOnStaleLists(t *testing.T) {
	for lag := 1; lag <= 6; lag++ {
		t.Run(fmt.Sprintf("lag=%d", lag), func(t *testing.T) {
			simulate(t, 2, func(w *world) {
				w.sim.Check(oneHolder)
				for i, s := range append(holdingWalk(), holdingWalk()...) {
					for _, h := range w.hosts {
						h.Stale(lag)
					}
					w.branch.commit(s)
					after(time.Duration(1+i*3) * time.Second)
					for _, h := range w.hosts {
						h.Stale(0)
					}
				}
				after(time.Minute)
				w.branch.commit(holding(holderOf("db", "web:3"))) // lists may have been old for so long that a rollout failed
				w.converge()
				w.wantNoViolations()
			}, sim.Remember(50))
		})
	}
}

// TestRefusedOpsOfHolders lets each kind of op fail in each way while the volume
// changes hands.
func TestRefusedOpsOfHolders(t *testing.T) {
	for _, verb := range []string{"createVolume", "create", "start", "stop", "remove"} {
		for _, class := range []engine.Class{engine.Failed, engine.Timeout, engine.Unreachable} {
			for _, host := range []string{"host-1", "host-2"} {
				t.Run(verb+"/"+string(class)+"/"+host, func(t *testing.T) {
					livedBy(t, holdingWalk(), func(w *world) {
						w.hosts[host].Inject(sim.Fault{Verb: verb, Class: class, Times: 3})
					})
				})
			}
		}
	}
}

// TestOneHolderRandomWalk hands the volume about at random, among faults at
// random.
func TestOneHolderRandomWalk(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			simulate(t, 2, func(w *world) {
				w.sim.Check(oneHolder)
				r := rand.New(rand.NewPCG(seed, 2))
				for range 10 {
					w.branch.commit(randomHolders(r))
					for _, h := range w.hosts {
						h.Stale(max(0, r.IntN(8)-4))
					}
					w.disturb(r)
				}
				for _, h := range w.hosts {
					h.Stale(0)
				}
				after(time.Minute)
				// No commit of the walk is like it: one that failed, because lists were
				// old for so long, would be on hold.
				w.branch.commit(holding(holderOf("a", "web:1", "environment: {LAST: commit}")))
				w.converge()
				w.wantNoViolations()
			}, sim.Remember(50))
		})
	}
}

// randomHolders has three services, of which at most one has the volume.
func randomHolders(r *rand.Rand) fstest.MapFS {
	var services []string
	holder := r.IntN(4)
	for i, name := range []string{"a", "b", "c"} {
		image := fmt.Sprintf("web:%d", 1+r.IntN(3))
		switch {
		case i == holder:
			services = append(services, holderOf(name, image))
		case r.IntN(2) == 0:
			services = append(services, serviceManifest(name, image, r.IntN(3)))
		}
	}
	return holding(services...)
}
