package reconcile

import (
	"testing"
	"time"
)

// TestLooksThatTellNothingNewWakeNobody: with many hosts, whose looks come at
// different moments, there would be a pass for each of them.
func TestLooksThatTellNothingNewWakeNobody(t *testing.T) {
	simulate(t, 20, func(w *world) {
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(20), "web.yaml": serviceManifest("web", "web:1", 30)}))
		w.converge()
		after(time.Minute)
		passes := map[time.Time]bool{}
		const idle = 10 * time.Minute
		for end := time.Now().Add(idle); time.Now().Before(end); after(time.Second) {
			w.running.mu.Lock()
			passes[w.running.at] = true
			w.running.mu.Unlock()
		}
		if most := int(idle/resyncEvery) + 2; len(passes) > most {
			t.Errorf("%d passes in %s in which nothing happened, at most %d are due", len(passes), idle, most)
		}
		if err := w.hosts["host-7"].Kill(w.containers("web")[6].ID); err == nil {
			after(3 * time.Second)
		}
		w.converge()
	})
}
