package reconcile

import (
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// TestAnEngineThatLosesTrackOfAStart: an engine that is restarted in the middle of
// a start may never be able to start that container. That is nothing to the
// commit: another one takes its place.
func TestAnEngineThatLosesTrackOfAStart(t *testing.T) {
	for name, service := range map[string]string{
		"a replica": serviceManifest("web", "web:2", 2),
		"a pod":     serviceManifest("web", "web:2", 2, "sidecars: [{name: proxy, image: 'web:1', pull: never}]"),
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 3, func(w *world) {
				w.branch.commit(onThree(serviceManifest("web", "web:1", 2)))
				w.converge()
				for _, h := range w.hosts {
					h.WedgeNext()
				}
				w.branch.commit(onThree(service))
				w.converge()
				if phase := w.running.Status().Apps[0].Phase; phase != rollout.Complete {
					t.Errorf("the rollout is %s:\n%s", phase, w.lastEvents())
				}
				for _, c := range w.containers("web") {
					if c.Wedged {
						t.Errorf("container %s can't be started and is still there", c.Name)
					}
				}
			})
		})
	}
}
