package reconcile

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

func (a *answers) Platforms(_ context.Context, q ImageQuestion) ([]string, error) {
	return a.world.Platforms(q.Ref)
}

// madeFor is an image of the test server for these platforms only.
func madeFor(ref string, platforms ...string) *sim.Image {
	i := sim.TestImage(ref)
	i.Platforms = platforms
	return i
}

// mixed is a world whose images come from a registry, of which host-2 is arm64.
func mixed(t *testing.T, images []*sim.Image, f func(*world)) {
	registered(t, 2, func(w *world) {
		w.hosts["host-2"].Become("arm64")
		w.sim.Publish(images...)
		f(w)
	})
}

// on are the hosts where containers of a service run.
func (w *world) on(service string) string {
	hosts := map[string]bool{}
	for _, c := range w.containers(service) {
		if c.Running() {
			hosts[c.Host] = true
		}
	}
	var names []string
	for _, name := range []string{"host-1", "host-2"} {
		if hosts[name] {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func TestReplicasGoWhereTheirImageIsMadeFor(t *testing.T) {
	images := []*sim.Image{madeFor("web:1", "linux/amd64"), madeFor("web:2", "linux/arm64", "linux/arm/v7"), madeFor("web:3", "linux/amd64", "linux/arm64")}
	mixed(t, images, func(w *world) {
		for n, want := range map[string]string{"web:1": "host-1", "web:2": "host-2", "web:3": "host-1 host-2"} {
			w.branch.commit(apps(pulled("web", n), pulled("other", "web:3")))
			w.converge()
			if n == "web:3" { // who has a host keeps it, so a third one is added
				w.branch.commit(apps(strings.Replace(pulled("web", n), "replicas: 2", "replicas: 3", 1), pulled("other", "web:3")))
				w.converge()
			}
			if got := w.on("web"); got != want {
				t.Errorf("%s runs on %s, want %s: %s", n, got, want, w.describe())
			}
		}
	})
}

// TestAJobRunsWhereItsImageIsMadeFor too.
func TestAJobRunsWhereItsImageIsMadeFor(t *testing.T) {
	mixed(t, []*sim.Image{madeFor("web:1", "linux/amd64"), madeFor("web:2", "linux/arm64")}, func(w *world) {
		job := strings.Replace(jobManifest("move", "web:2", "when: preDeploy", exits(0, "1s")), "pull: never", "pull: missing", 1)
		w.branch.commit(apps(pulled("web", "web:1"), pulled("other", "web:1")+"---\n"+job))
		w.converge()
		if runs := w.runsOf("move"); len(runs) != 1 || runs[0].Host != "host-2" {
			t.Errorf("of one run on host-2 there is: %s", w.describe())
		}
	})
}

// TestPlatformsAreRemembered across commits, restarts and the way back, with the
// registry gone.
func TestPlatformsAreRemembered(t *testing.T) {
	images := []*sim.Image{madeFor("web:1", "linux/amd64"), madeFor("web:2", "linux/arm64")}
	mixed(t, images, func(w *world) {
		w.branch.commit(apps(pulled("web", "web:1"), pulled("other", "web:2")))
		w.converge()
		w.branch.commit(apps(pulled("web", "web:2"), pulled("other", "web:2")))
		w.converge()
		if asked := w.sim.AskedPlatforms(); asked != 2 {
			t.Errorf("asked %d times for 2 digests of two commits", asked)
		}
		w.sim.RegistryDown(true)
		w.stop()
		w.registries = &answers{world: w.sim, kept: map[asked]string{}}
		w.start()
		w.converge()
		w.order(rollout.Order{Verb: rollout.VerbPin, App: "web", Revision: commitOf(0).ID})
		w.reach("the way back", func(s report.Status) bool {
			a := w.app("web")
			return s.Busy == 0 && a.Held != nil && a.Phase == rollout.Complete && a.Health == report.Healthy
		})
		if got := w.on("web"); got != "host-1" {
			t.Errorf("back at web:1, it runs on %s: %s", got, w.describe())
		}
		if asked := w.sim.AskedPlatforms(); asked != 2 {
			t.Errorf("asked %d times altogether, 2 before the restart", asked)
		}
	})
}

// TestAnImageForNoHostTouchesNothing and says why.
func TestAnImageForNoHostTouchesNothing(t *testing.T) {
	images := []*sim.Image{madeFor("web:1", "linux/amd64", "linux/arm64"), madeFor("web:2", "linux/riscv64")}
	mixed(t, images, func(w *world) {
		w.branch.commit(apps(pulled("web", "web:1"), pulled("other", "web:1")))
		w.converge()
		before := w.ids("web")
		w.branch.commit(apps(pulled("web", "web:2"), pulled("other", "web:1")))
		after(30 * time.Second)
		if got := w.ids("web"); got != before {
			t.Errorf("what ran was touched: %s", w.describe())
		}
		if text := w.describe(); !strings.Contains(text, "is arm64 and the image is for riscv64 (host-2)") {
			t.Errorf("it does not say why: %s", text)
		}
		after(10 * time.Minute)
		if got := w.ids("web"); got != before || w.app("web").Hold == nil {
			t.Errorf("after the deadline, it did not go back: %s", w.describe())
		}
	})
}

// TestNobodyWaitsForPlatforms that a registry does not tell.
func TestNobodyWaitsForPlatforms(t *testing.T) {
	mixed(t, nil, func(w *world) {
		w.branch.commit(apps(pulled("web", "web:1"), pulled("other", "web:2")))
		w.converge()
		if got := w.on("web"); got != "host-1 host-2" {
			t.Errorf("it runs on %s", got)
		}
	})
}
