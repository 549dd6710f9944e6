package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// onThree is a commit of services on three hosts.
func onThree(services ...string) fstest.MapFS {
	files := map[string]string{"hosts.yaml": hostManifests(3)}
	for i, s := range services {
		files[fmt.Sprintf("s%d.yaml", i)] = s
	}
	return tree(files)
}

// serving counts a service's healthy replicas on hosts that can be reached, each
// slot once.
func (w *world) serving(service string) int {
	slots := map[string]bool{}
	for _, h := range w.sim.Live().Hosts {
		for _, c := range h.Containers {
			if c.Owner.Service == service && c.Health == model.HealthHealthy && c.Running() && !w.away[h.Name] {
				slots[c.Owner.Slot] = true
			}
		}
	}
	return len(slots)
}

// take takes hosts away, give gives them back.
func (w *world) take(hosts ...string) { w.setGone(true, hosts) }
func (w *world) give(hosts ...string) { w.setGone(false, hosts) }

func (w *world) setGone(gone bool, hosts []string) {
	for _, h := range hosts {
		w.hosts[h].SetGone(gone)
		if w.away == nil {
			w.away = map[string]bool{}
		}
		w.away[h] = gone
	}
}

// warm lets a controller's warm-up pass.
func warm() { after(model.DefaultFleet().WarmUp) }

func hostOf(s report.Status, name string) report.Host {
	return s.Hosts[slices.IndexFunc(s.Hosts, func(h report.Host) bool { return h.Name == name })]
}

// TestALostHostsReplicasRunElsewhere: not within the grace, at once after it, and
// once only; and when the host is back each replica is there once.
func TestALostHostsReplicasRunElsewhere(t *testing.T) {
	simulate(t, 3, func(w *world) {
		w.branch.commit(onThree(serviceManifest("web", "web:1", 6)))
		w.converge()
		warm()
		w.take("host-1")
		after(25 * time.Second)
		if got := len(w.containers("web")); got != 6 {
			t.Errorf("%d containers within the grace, want 6: nothing is moved yet", got)
		}
		if h := hostOf(w.running.Status(), "host-1"); h.Condition != model.Unreachable {
			t.Errorf("after 25s the host is %q", h.Condition)
		}
		after(20 * time.Second)
		if got := w.serving("web"); got != 6 {
			t.Errorf("%d replicas serve 45s after a host went, want 6:\n%s", got, w.describe())
		}
		s := w.running.Status()
		if h := hostOf(s, "host-1"); h.Condition != model.Lost {
			t.Errorf("after 45s the host is %q", h.Condition)
		}
		if s.Sync != report.Synced || s.Health != report.Healthy {
			t.Errorf("with all replicas elsewhere it is %s and %s:\n%s", s.Sync, s.Health, w.describe())
		}
		after(10 * time.Minute)
		if got := len(w.containers("web")); got != 8 {
			t.Errorf("%d containers, want 8: 6 that serve and 2 out of sight", got)
		}
		w.give("host-1")
		after(time.Minute)
		if got := w.serving("web"); got != 6 || len(w.containers("web")) != 6 {
			t.Errorf("%d replicas serve in %d containers when the host is back, want 6 in 6:\n%s", got, len(w.containers("web")), w.describe())
		}
		w.converge()
	})
}

// TestWhatIsSaidOfALostHost: a service without volumes may wait for its host, and
// one with volumes go without them, if they say so.
func TestWhatIsSaidOfALostHost(t *testing.T) {
	for name, tc := range map[string]struct {
		service string
		moves   bool
	}{
		"nothing":                      {serviceManifest("db", "web:1", 1), true},
		"wait":                         {serviceManifest("db", "web:1", 1, "onHostLoss: wait"), false},
		"nothing, with a volume":       {holderOf("db", "web:1"), false},
		"move, with a volume":          {holderOf("db", "web:1", "onHostLoss: move"), true},
		"nothing, on every host":       {strings.Replace(serviceManifest("db", "web:1", 1), "replicas: 1", "mode: global", 1), false},
		"nothing, with a shared one":   {serviceManifest("db", "web:1", 1, "mounts: [{volume: shared, path: /data}]"), true},
		"nothing, but it fits nowhere": {serviceManifest("db", "web:1", 1, `placement: {constraints: ["host.name == host-1"]}`), false},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 3, func(w *world) {
				volumes := dataVolume + "---\napiVersion: tallyman/v1\nkind: Volume\nmetadata: {name: shared}\nspec: {access: shared}\n"
				w.branch.commit(onThree(volumes, tc.service))
				w.converge()
				warm()
				before := w.containers("db")
				w.take(before[0].Host)
				after(5 * time.Minute)
				if got := len(w.containers("db")) - len(before); got != 1 && tc.moves || got != 0 && !tc.moves {
					t.Errorf("%d new containers:\n%s", got, w.describe())
				}
				w.give(before[0].Host)
				after(time.Minute)
				w.converge()
				if got := len(w.containers("db")); got != len(before) {
					t.Errorf("%d containers when the host is back, want %d", got, len(before))
				}
			})
		})
	}
}

// TestWhatMovedWithoutItsVolumeStays where it was moved to, with the volume it
// has there, also past a restart of the controller; the two never run together
// once both hosts can be reached.
func TestWhatMovedWithoutItsVolumeStays(t *testing.T) {
	simulate(t, 3, func(w *world) {
		w.branch.commit(onThree(dataVolume, holderOf("db", "web:1", "onHostLoss: move")))
		w.converge()
		warm()
		home := w.containers("db")[0].Host
		w.take(home)
		after(time.Minute)
		w.stop()
		w.start()
		after(5 * time.Minute)
		w.give(home)
		after(time.Minute)
		w.converge()
		if live := w.containers("db"); len(live) != 1 || live[0].Host == home {
			t.Errorf("containers %v, want one, and not on %s", live, home)
		}
	})
}

// TestWhoStaysWhenALostHostIsBack: the newer revision, then the healthy one, then
// the one that has run longer.
func TestWhoStaysWhenALostHostIsBack(t *testing.T) {
	for name, tc := range map[string]struct {
		away func(w *world)
		back bool // the one that was out of sight stays
	}{
		"both alike":         {func(*world) {}, true},
		"another revision":   {func(w *world) { w.branch.commit(onThree(serviceManifest("web", "web:2", 1))) }, false},
		"it ended meanwhile": {func(w *world) { w.hosts["host-1"].PowerCycle() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 3, func(w *world) {
				w.branch.commit(onThree(serviceManifest("web", "web:1", 1)))
				w.converge()
				warm()
				was := w.containers("web")[0]
				w.take(was.Host)
				after(time.Minute)
				tc.away(w)
				after(time.Minute)
				w.give(was.Host)
				after(time.Minute)
				w.converge()
				live := w.containers("web")
				if len(live) != 1 || (live[0].ID == was.ID) != tc.back {
					t.Errorf("there are %v; the one that was out of sight, %s, stays: want %v", live, was.ID, tc.back)
				}
			})
		})
	}
}

// TestAControllerThatHasJustBegunGivesUpNoHost: it may be its own network that is
// not there yet.
func TestAControllerThatHasJustBegunGivesUpNoHost(t *testing.T) {
	simulate(t, 3, func(w *world) {
		w.branch.commit(onThree(serviceManifest("web", "web:1", 6)))
		w.converge()
		w.stop()
		w.take("host-1")
		after(time.Hour)
		w.start()
		after(50 * time.Second)
		if got := len(w.containers("web")); got != 6 {
			t.Errorf("%d containers 50s after the start, want 6", got)
		}
		after(30 * time.Second)
		if got := w.serving("web"); got != 6 {
			t.Errorf("%d replicas serve 80s after the start, want 6", got)
		}
	})
}

// TestAFrozenHostIsLost although its connections stay up, in the middle of a
// rollout whose ops hang there.
func TestAFrozenHostIsLost(t *testing.T) {
	simulate(t, 3, func(w *world) {
		w.branch.commit(onThree(serviceManifest("web", "web:1", 6)))
		w.converge()
		warm()
		thaw := w.freeze("host-1")
		w.branch.commit(onThree(serviceManifest("web", "web:2", 6)))
		after(3 * time.Minute)
		if got := w.elsewhere("host-1", "web:2"); got != 6 {
			t.Errorf("%d replicas are on web:2 and on hosts that are not frozen, want 6:\n%s\n%s", got, w.describe(), w.lastEvents())
		}
		thaw()
		after(time.Minute)
		w.converge()
		if got := len(w.containers("web")); got != 6 {
			t.Errorf("%d containers when the host goes on, want 6", got)
		}
	})
}

// TestALookThatHangsIsNoSignOfLife: a host that stops to answer in the middle of a
// look is given up as soon as any other, with the short grace that the manifest
// says.
func TestALookThatHangsIsNoSignOfLife(t *testing.T) {
	simulate(t, 3, func(w *world) {
		w.branch.commit(onThree(serviceManifest("web", "web:1", 3),
			"apiVersion: tallyman/v1\nkind: Fleet\nmetadata: {name: all}\nspec: {unreachableAfter: 3s, lostAfter: 2s, warmUp: 0s}\n"))
		w.converge()
		after(time.Second)
		victim := w.containers("web")[0]
		w.freeze(victim.Host)
		if err := w.hosts[victim.Host].Kill(victim.ID); err != nil { // an event, and so a look
			t.Fatal(err)
		}
		after(9 * time.Second)
		if h := hostOf(w.running.Status(), victim.Host); h.Condition != model.Lost {
			t.Errorf("9s after it froze the host is %q", h.Condition)
		}
	})
}

// freeze makes every call to a host hang, until thaw.
func (w *world) freeze(host string) (thaw func()) {
	observe := w.hosts[host].Inject(sim.Fault{Verb: "observe", Hang: true})
	ops := w.hosts[host].Inject(sim.Fault{Hang: true})
	return func() { observe(); ops() }
}

// elsewhere counts the healthy containers of an image that are not on a host.
func (w *world) elsewhere(host, image string) int {
	n := 0
	for _, c := range w.containers("web") {
		if c.Host != host && c.Spec.Image == image && c.Health == model.HealthHealthy {
			n++
		}
	}
	return n
}

// TestALossIsNotForgottenByARestart: what runs elsewhere by then is not started
// again, and status does not go back to hoping.
func TestALossIsNotForgottenByARestart(t *testing.T) {
	simulate(t, 3, func(w *world) {
		w.branch.commit(onThree(serviceManifest("web", "web:1", 6)))
		w.converge()
		warm()
		w.take("host-1")
		after(2 * time.Minute)
		before := w.sim.Effects()
		w.stop()
		w.start()
		after(10 * time.Second)
		s := w.running.Status()
		if h := hostOf(s, "host-1"); h.Condition != model.Lost || s.Health != report.Healthy {
			t.Errorf("after a restart the host is %q and health %s:\n%s", h.Condition, s.Health, w.describe())
		}
		after(10 * time.Minute)
		if got := w.sim.Effects() - before; got != 0 {
			t.Errorf("%d ops after a restart, want none:\n%s", got, w.lastEvents())
		}
	})
}

// TestLostThroughEveryCrash kills the controller after each effect and each
// journal write of a life in which a host is lost and comes back.
func TestLostThroughEveryCrash(t *testing.T) {
	everyCrash(t, func(w *world) string {
		w.start()
		defer func() { w.stop() }()
		files := func(image string) fstest.MapFS {
			return tree(map[string]string{
				"hosts.yaml": hostManifests(2), "fleet.yaml": "apiVersion: tallyman/v1\nkind: Fleet\nmetadata: {name: all}\nspec: {warmUp: 0s}\n",
				"web.yaml": serviceManifest("web", image, 2),
			})
		}
		w.branch.commit(files("web:1"))
		w.converge()
		w.take("host-1")
		w.reach("all elsewhere", func(report.Status) bool { return w.serving("web") == 2 })
		w.branch.commit(files("web:2"))
		w.converge()
		w.give("host-1")
		after(time.Minute)
		w.converge()
		return strings.Join(w.summaryOf("web"), "\n")
	})
}

// summaryOf is what is there of a service, wherever.
func (w *world) summaryOf(service string) []string {
	counts := map[string]int{}
	for _, c := range w.containers(service) {
		counts[fmt.Sprintf("%s-%s %s %s", service, c.Owner.Slot, c.State, c.Owner.Fingerprint)]++
	}
	return slices.Sorted(maps.Keys(counts))
}
