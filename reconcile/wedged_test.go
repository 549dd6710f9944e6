package reconcile

import (
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
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

// TestAReplicaThatIsKilledInARollout, by hand or by an engine that is restarted and
// takes its containers with it, has not failed: it is started again.
func TestAReplicaThatIsKilledInARollout(t *testing.T) {
	simulate(t, 3, func(w *world) {
		w.branch.commit(onThree(serviceManifest("web", "web:1", 3)))
		w.converge()
		w.branch.commit(onThree(serviceManifest("web", "web:2", 3)))
		w.reach("a new container runs", func(report.Status) bool { return w.ofImage("web:2") != nil })
		victim := w.ofImage("web:2")
		if err := w.hosts[victim.Host].Kill(victim.ID); err != nil {
			t.Fatal(err)
		}
		w.converge()
		if phase := w.running.Status().Apps[0].Phase; phase != rollout.Complete {
			t.Errorf("the rollout is %s:\n%s", phase, w.lastEvents())
		}
	})
}

// ofImage is a running container of an image, or nil.
func (w *world) ofImage(image string) *model.Container {
	for _, c := range w.containers("web") {
		if c.Spec.Image == image && c.Running() {
			return &c
		}
	}
	return nil
}
