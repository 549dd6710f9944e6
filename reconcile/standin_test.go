package reconcile

import (
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

// TestTheLastHostsManifestIsNotTakenAway: the fleet does not move to the local
// engine because somebody deleted a file, also not after a restart on that commit.
func TestTheLastHostsManifestIsNotTakenAway(t *testing.T) {
	simulate(t, 2, func(w *world) {
		web := serviceManifest("web", "web:1", 2)
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(2), "web.yaml": web}))
		w.converge()
		w.branch.commit(tree(map[string]string{"web.yaml": web}))
		for _, when := range []string{"at work", "after a restart"} {
			after(time.Minute)
			s := w.running.Status()
			if !strings.Contains(s.SourceError, "the last Host manifest is gone") {
				t.Errorf("%s: the commit is not refused: %q", when, s.SourceError)
			}
			if len(s.Hosts) != 2 || len(w.containers("web")) != 2 {
				t.Errorf("%s: %d hosts and %d containers, want 2 and 2", when, len(s.Hosts), len(w.containers("web")))
			}
			w.stop()
			w.start()
		}
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(1), "web.yaml": web}))
		w.reach("hosts are declared again", func(s report.Status) bool { return s.SourceError == "" })
	})
}

// TestTheLocalEngineStandsInUntilHostsAreDeclared, however many commits that takes.
func TestTheLocalEngineStandsInUntilHostsAreDeclared(t *testing.T) {
	simulate(t, 1, func(w *world) {
		for _, image := range []string{"web:1", "web:2"} {
			w.branch.commit(tree(map[string]string{"web.yaml": serviceManifest("web", image, 1)}))
			w.reach("is taken", func(s report.Status) bool { return s.SourceError == "" && len(s.Hosts) == 1 })
		}
	})
}
