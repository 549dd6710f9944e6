package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
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

// TestARuleThatCameLaterAndCanNotBeMetIsTold: what runs is left in peace, and status
// says in whose spite.
func TestARuleThatCameLaterAndCanNotBeMetIsTold(t *testing.T) {
	simulate(t, 3, func(w *world) {
		w.branch.commit(onThree(serviceManifest("web", "web:1", 5)))
		w.converge()
		w.branch.commit(onThree(serviceManifest("web", "web:1", 5, "placement: {maxPerHost: 1}")))
		w.converge()
		s := w.running.Status()
		web := s.Apps[0].Services[0]
		const want = "web-4: can't leave host-1: 3 of 3 are at maxPerHost 1 (host-1, host-2, host-3); and 1 more"
		if s.Sync != report.Synced || s.Health != report.Healthy || web.Reason != want {
			t.Errorf("%s and %s, because %q", s.Sync, s.Health, web.Reason)
		}
	})
}
