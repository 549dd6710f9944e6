package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

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
