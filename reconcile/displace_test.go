package reconcile

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// displacing is a life in which a replica of another app makes room for one of
// higher priority, and is left alone when that has gone.
func displacing() []fstest.MapFS {
	hosts := strings.ReplaceAll(hostManifests(2), "spec: {", "spec: {capacity: {memory: 100MiB}, ")
	low := serviceManifest("low", "web:1", 2, "resources: {reservations: {memory: 40MiB}}")
	high := serviceManifest("high", "web:1", 1, "resources: {reservations: {memory: 80MiB}}", "priority: 9")
	bank := "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: bank}\nspec: {}\n"
	without := map[string]string{"hosts.yaml": hosts, "low.yaml": low, "bank/app.yaml": bank}
	with := map[string]string{"hosts.yaml": hosts, "low.yaml": low, "bank/app.yaml": bank, "bank/high.yaml": high}
	return []fstest.MapFS{tree(without), tree(with), tree(without)}
}

// TestCrashAtEveryWriteOfADisplacement does what TestCrashAtEveryWrite does, and
// looks after each effect for what runs without room.
func TestCrashAtEveryWriteOfADisplacement(t *testing.T) {
	everyCrash(t, func(w *world) string {
		w.sim.Check(roomy)
		return w.through(displacing())
	})
}

// roomy says whether everything that runs has room on its host.
func roomy(_ sim.Call, live model.Live) error {
	needs := map[string]int64{"low": 40, "high": 80}
	for _, h := range live.Hosts {
		used := int64(0)
		for i := range h.Containers {
			if c := &h.Containers[i]; c.Running() {
				used += needs[c.Owner.Service]
			}
		}
		if used > 100 {
			return fmt.Errorf("%s has 100MiB, and what runs there reserves %dMiB", h.Name, used)
		}
	}
	return nil
}

// TestWhatCanNotBeMadeHoldsNobody: a replica of high priority has an image that no
// host has. While its rollout hopes for it nobody leaves, and when that has failed
// those of low priority roll on and are healed as if it were not there.
func TestWhatCanNotBeMadeHoldsNobody(t *testing.T) {
	simulate(t, 2, func(w *world) {
		steps := displacing()
		for _, step := range steps { // who has to leave has nowhere to go
			step["hosts.yaml"].Data = []byte(strings.ReplaceAll(string(step["hosts.yaml"].Data), "100MiB", "70MiB"))
			step["bank/app.yaml"].Data = []byte(strings.Replace(string(step["bank/app.yaml"].Data), "spec: {}", "spec: {onFailure: pause}", 1))
		}
		w.branch.commit(steps[0])
		w.converge()
		hopeless := steps[1]
		hopeless["bank/high.yaml"].Data = []byte(strings.Replace(string(hopeless["bank/high.yaml"].Data), "web:1", "web:none", 1))
		hopeless["bank/high.yaml"].Data = []byte(strings.Replace(string(hopeless["bank/high.yaml"].Data), "80MiB", "60MiB", 1))
		w.branch.commit(hopeless)
		after(10 * time.Minute)
		if got := w.healthy("low", "web:1"); got != 2 {
			t.Errorf("%d of 2 replicas of low serve:\n%s", got, w.describe())
		}
		next := maps.Clone(hopeless)
		next["low.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(string(hopeless["low.yaml"].Data), "web:1", "web:2", 1)), Mode: 0o644}
		w.branch.commit(next)
		after(10 * time.Minute)
		if got := w.healthy("low", "web:2"); got != 2 {
			t.Errorf("%d of 2 replicas of low are new:\n%s", got, w.describe())
		}
		for _, c := range w.containers("low") {
			_ = w.hosts[c.Host].Kill(c.ID) // one of an old generation may have ended
		}
		after(10 * time.Minute)
		if got := w.healthy("low", "web:2"); got != 2 {
			t.Errorf("%d of 2 replicas of low are healed:\n%s", got, w.describe())
		}
	})
}
