package reconcile

import (
	"fmt"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// walk is a life of an app: S0 → S1 → S2 → S1, with everything in it that takes
// several writes.
func walk() []fstest.MapFS {
	hosts := hostManifests(2)
	things := "apiVersion: tallyman/v1\nkind: Network\nmetadata: {name: front}\nspec: {}\n---\n" +
		"apiVersion: tallyman/v1\nkind: Volume\nmetadata: {name: data}\nspec: {}\n---\n" +
		"apiVersion: tallyman/v1\nkind: Config\nmetadata: {name: conf}\nspec: {data: {a: one}}\n"
	web := []string{"networks: [front]", "files: [{config: conf, key: a, path: /etc/a}]"}
	db := []string{"networks: [front]", "mounts: [{volume: data, path: /data}]"}
	s0 := map[string]string{"hosts.yaml": hosts, "web.yaml": serviceManifest("web", "web:1", 1)}
	s1 := map[string]string{
		"hosts.yaml": hosts, "things.yaml": things,
		"web.yaml": serviceManifest("web", "web:1", 3, web...),
		"db.yaml":  serviceManifest("db", "web:1", 1, db...),
	}
	s2 := map[string]string{
		"hosts.yaml": hosts, "things.yaml": things,
		"web.yaml": serviceManifest("web", "web:2", 2, append(web, "resources: {limits: {memory: 64MiB}}")...),
		"db.yaml":  serviceManifest("db", "web:2", 1, db...),
		"new.yaml": serviceManifest("new", "web:3", 2, "networks: [front]", "ports: [{port: 8080, published: 80}]", "dependsOn: [db]"),
	}
	return []fstest.MapFS{tree(s0), tree(s1), tree(s2), tree(s1)}
}

// live takes a world through the walk and gives its end state.
func (w *world) live(states []fstest.MapFS) string {
	w.sim.Check(w.safe)
	return w.through(states)
}

// through is the same with another check.
func (w *world) through(states []fstest.MapFS) string {
	w.start()
	defer func() { w.stop() }()
	for _, s := range states {
		w.branch.commit(s)
		w.converge()
	}
	for _, v := range w.sim.Violations() {
		w.t.Error(v)
	}
	effects := w.sim.Effects()
	w.stop()
	w.start()
	w.converge()
	if again := w.sim.Effects(); again != effects {
		w.t.Errorf("%d ops were performed after everything was right, want none for ever:\n%s", again-effects, w.lastEvents())
	}
	return w.endState()
}

// safe is what must hold after every single effect.
func (w *world) safe(call sim.Call, live model.Live) error { return oneHolder(call, live) }

// TestCrashAtEveryWrite kills the controller after each effect of the walk,
// with and without its last reply, and after each write to the journal. The end
// state must be that of a run that nothing disturbed.
func TestCrashAtEveryWrite(t *testing.T) {
	everyCrash(t, func(w *world) string { return w.live(walk()) })
}

// everyCrash runs a life undisturbed, and then once for each of its effects and
// journal writes with the controller killed there.
func everyCrash(t *testing.T, life func(w *world) string) {
	var reference string
	var effects, writes int
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		reference = life(w)
		effects, writes = w.sim.Effects(), w.journal.writes
	})
	t.Logf("%d effects, %d journal writes; end state:\n%s", effects, writes, reference)
	crash := func(name string, prepare func(w *world)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2)
				prepare(w)
				if got := life(w); got != reference {
					t.Errorf("the end state differs from the undisturbed run's; got\n%s\nwant\n%s", got, reference)
				}
			})
		})
	}
	for k := 1; k <= effects; k++ {
		crash(fmt.Sprintf("effect=%d", k), func(w *world) { w.sim.DieAfter(k, true) })
		crash(fmt.Sprintf("effect=%d/reply-lost", k), func(w *world) { w.sim.DieAfter(k, false) })
	}
	for k := 1; k <= writes; k++ {
		crash(fmt.Sprintf("journal=%d", k), func(w *world) { w.journal.diesAt = k })
	}
}
