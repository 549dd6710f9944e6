package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// succeeding is a life on one host in which a service of one app, and a whole app,
// are taken away and others with as much come, and all of it back.
func succeeding() []fstest.MapFS {
	hosts := strings.ReplaceAll(hostManifests(1), "spec: {", "spec: {capacity: {memory: 1000MiB, cpus: 2}, ")
	reserve := func(memory int) string {
		return fmt.Sprintf("resources: {reservations: {memory: %dMiB, cpus: 0.5}}", memory)
	}
	bank := "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: bank}\nspec: {}\n"
	before := map[string]string{
		"hosts.yaml": hosts, "aa.yaml": serviceManifest("aa", "web:1", 1, reserve(300)),
		"bank/app.yaml": bank, "bank/ledger.yaml": serviceManifest("ledger", "web:1", 2, reserve(300)),
	}
	between := map[string]string{
		"hosts.yaml": hosts, "bb.yaml": serviceManifest("bb", "web:1", 1, reserve(350)), "cc.yaml": serviceManifest("cc", "web:1", 1, reserve(600)),
	}
	return []fstest.MapFS{tree(before), tree(between), tree(before)}
}

// TestCrashAtEveryWriteWhileServicesSucceedEachOther does what TestCrashAtEveryWrite
// does, and looks after each effect for what runs without room.
func TestCrashAtEveryWriteWhileServicesSucceedEachOther(t *testing.T) {
	everyCrash(t, func(w *world) string {
		w.sim.Check(func(_ sim.Call, live model.Live) error {
			used := model.Resources{}
			for i := range live.Hosts[0].Containers {
				if c := &live.Hosts[0].Containers[i]; c.Running() {
					used = used.Plus(c.Reserve())
				}
			}
			if used.Memory > 1000<<20 || used.NanoCPUs > 2e9 {
				return fmt.Errorf("2 CPUs and 1000MiB are there, and what runs reserves %+v", used)
			}
			return nil
		})
		return w.through(succeeding())
	})
}
