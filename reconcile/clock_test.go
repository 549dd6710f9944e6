package reconcile

import (
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// TestAHostsClockIsSet while its replicas run, before and in the middle of a
// rollout: that is nothing to what runs, and nothing to the commit.
func TestAHostsClockIsSet(t *testing.T) {
	for name, by := range map[string]time.Duration{"back": time.Hour, "forward": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			unchecked := func(image string) string {
				s := serviceManifest("web", image, 6)
				i := strings.Index(s, "  healthCheck")
				return s[:i] + s[i+strings.Index(s[i:], "\n")+1:]
			}
			simulate(t, 3, func(w *world) {
				w.branch.commit(onThree(unchecked("web:1")))
				w.converge()
				before := w.sim.Effects()
				w.hosts["host-1"].SetClockBack(by)
				after(time.Minute)
				if s := w.running.Status(); s.Health != report.Healthy || w.sim.Effects() != before {
					t.Errorf("when the clock was set it is %s, after %d ops:\n%s", s.Health, w.sim.Effects()-before, w.describe())
				}
				w.branch.commit(onThree(unchecked("web:2")))
				after(3 * time.Second)
				w.hosts["host-1"].SetClockBack(by)
				after(2 * time.Minute)
				if s := w.running.Status(); s.Health != report.Healthy || s.Apps[0].Phase != rollout.Complete {
					t.Errorf("a commit is %s and %s:\n%s", s.Apps[0].Phase, s.Health, w.lastEvents())
				}
				w.converge()
			})
		})
	}
}
