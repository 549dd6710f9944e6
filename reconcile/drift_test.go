package reconcile

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// withSync is a commit of app shop with one web.
func withSync(sync, image string, lines ...string) fstest.MapFS {
	return tree(map[string]string{
		"hosts.yaml":    hostManifests(1),
		"shop/app.yaml": "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {sync: {" + sync + "}}\n",
		"shop/web.yaml": serviceManifest("web", image, 1, lines...),
	})
}

// TestSelfHealOff reports what was stopped by hand and leaves it so, over a
// restart too. A commit rolls all the same, and a person has it put right.
func TestSelfHealOff(t *testing.T) {
	simulate(t, 1, func(w *world) {
		w.branch.commit(withSync("selfHeal: false", "web:1"))
		w.converge()
		stop := func() {
			if err := w.hosts["host-1"].Kill(w.containers("web")[0].ID); err != nil {
				w.t.Fatal(err)
			}
		}
		stop()
		effects := w.sim.Effects()
		after(10 * time.Minute)
		w.stop()
		w.start()
		after(10 * time.Minute)
		s := w.running.Status()
		if w.sim.Effects() != effects || w.healthy("web", "web:1") != 0 {
			w.t.Error("it was put right")
		}
		if len(s.Changes) != 1 || !s.Changes[0].LeftAlone || s.Changes[0].Held != plan.OnlyReported || s.Sync != report.OutOfSync {
			w.t.Errorf("%s, changes %+v", s.Sync, s.Changes)
		}
		if err := w.running.Apply(w.t.Context(), false); err != nil {
			w.t.Fatal(err)
		}
		w.converge()
		stop()
		w.branch.commit(withSync("selfHeal: false", "web:2"))
		w.converge()
		if w.healthy("web", "web:2") != 1 {
			w.t.Errorf("the commit was not rolled:\n%s", w.describe())
		}
	})
}

// TestIgnoredDifferences stay, over restarts and commits, until they are no
// longer ignored; new containers are made as declared.
func TestIgnoredDifferences(t *testing.T) {
	simulate(t, 1, func(w *world) {
		memory := func() int64 { return w.containers("web")[0].Spec.Adjustable.Memory }
		limit := func(n string) string { return "resources: {limits: {memory: " + n + "}}" }
		ignore := "ignoreDifferences: [resources.limits, environment.LOG]"
		w.branch.commit(withSync("", "web:1", limit("64MiB"), "environment: {LOG: info}", ignore))
		w.converge()
		id := w.containers("web")[0].ID
		w.branch.commit(withSync("", "web:1", limit("128MiB"), "environment: {LOG: debug}", ignore))
		s := w.converge()
		if got := w.containers("web")[0]; got.ID != id || got.Spec.Env["LOG"] != "info" || memory() != 64<<20 {
			w.t.Errorf("what is ignored was put right: memory %d, %v", memory(), got.Spec.Env)
		}
		if len(s.Ignored) != 1 || len(s.Ignored[0].Ignored) != 2 {
			w.t.Errorf("the status says of it %+v", s.Ignored)
		}
		effects := w.sim.Effects()
		w.stop()
		w.start()
		w.converge()
		after(10 * time.Minute)
		if w.sim.Effects() != effects {
			w.t.Errorf("put right after a restart:\n%s", w.lastEvents())
		}
		w.branch.commit(withSync("", "web:2", limit("128MiB"), "environment: {LOG: debug}", ignore))
		w.converge()
		if got := w.containers("web")[0]; got.ID == id || got.Spec.Env["LOG"] != "debug" || memory() != 128<<20 {
			w.t.Errorf("the new container is not as declared: memory %d, %v", memory(), got.Spec.Env)
		}
		w.branch.commit(withSync("", "web:2", limit("32MiB"), "environment: {LOG: debug}"))
		w.converge()
		if memory() != 32<<20 {
			w.t.Errorf("nothing is ignored any more, and memory is %d", memory())
		}
	})
}
