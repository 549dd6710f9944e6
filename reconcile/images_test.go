package reconcile

import (
	"fmt"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
)

// moved is another image under the same reference.
func moved(ref string) *sim.Image {
	i := sim.TestImage(ref)
	i.Defaults.ID = "sha256:" + fmt.Sprintf("%064d", 45678)
	return i
}

// load gives every host an image.
func (w *world) load(i *sim.Image) {
	for _, h := range w.hosts {
		h.Load(i)
	}
}

// made counts the service's containers that run the image.
func (w *world) made(service string, of *sim.Image) int {
	n := 0
	for _, c := range w.containers(service) {
		if c.Running() && c.Image.ID == of.Defaults.ID {
			n++
		}
	}
	return n
}

// TestATagIsLookedUpOncePerCommit moves a tag on a host: what runs is left alone
// until the app changes, and then every replica gets what the tag means.
func TestATagIsLookedUpOncePerCommit(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(web("web:1", 2))
		w.converge()
		next := moved("web:1")
		w.load(next)
		after(2 * time.Minute)
		if got := w.made("web", next); got != 0 {
			t.Errorf("nothing was committed, and %d replicas followed the tag", got)
		}
		w.branch.commit(web("web:1", 3))
		w.converge()
		if got := w.made("web", next); got != 3 {
			t.Errorf("%d of 3 replicas run what the tag means since the commit", got)
		}
	})
}

// TestAPersonGetsWhatTheTagMeansNow asks a running controller to apply what is
// applied already.
func TestAPersonGetsWhatTheTagMeansNow(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(web("web:1", 2))
		w.converge()
		next := moved("web:1")
		w.load(next)
		after(time.Minute)
		if err := w.running.Apply(w.t.Context(), false); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		if got := w.made("web", next); got != 2 {
			t.Errorf("%d of 2 replicas run it", got)
		}
	})
}

// TestAMovedTagOutlivesTheController dies in the middle of the roll.
func TestAMovedTagOutlivesTheController(t *testing.T) {
	for dies := 1; dies <= 12; dies++ {
		simulate(t, 2, func(w *world) {
			w.branch.commit(web("web:1", 2))
			w.converge()
			next := moved("web:1")
			w.load(next)
			w.sim.DieAfter(dies, dies%2 == 0)
			w.branch.commit(web("web:1", 2, "environment: {A: b}"))
			w.converge()
			if got := w.made("web", next); got != 2 || len(w.containers("web")) != 2 {
				t.Errorf("died after %d effects: %d of 2 replicas run it, of %d containers", dies, got, len(w.containers("web")))
			}
		})
	}
}
