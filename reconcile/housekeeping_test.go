package reconcile

import (
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// retaining is a commit of app web, at an image of the registry, with how many
// good revisions' images are kept.
func retaining(image string, keep int, extra ...string) fstest.MapFS {
	files := apps(pulled("web", image, extra...), pulled("other", "web:2"))
	files["web/app.yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil, "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: web}\nspec: {imageRetention: %d}\n", keep), Mode: 0o644}
	return files
}

// has says on how many hosts an image is.
func (w *world) has(image *sim.Image) int {
	w.t.Helper()
	ref, n := model.WithDigest(image.Ref, image.Digest()), 0
	for _, h := range w.hosts {
		state, err := h.Observe(w.t.Context(), engine.Query{Owner: owner, Images: []string{ref}})
		if err != nil {
			w.t.Fatal(err)
		}
		if state.Images[ref] != "" {
			n++
		}
	}
	return n
}

// TestOldImagesGo rolls through several images: those of the last good revisions
// stay, older ones go, and so does one that failed; what another app is at, and
// what somebody else's container is made from, stays.
func TestOldImagesGo(t *testing.T) {
	registered(t, 2, func(w *world) {
		images := map[int]*sim.Image{}
		for n := 3; n <= 9; n++ {
			images[n] = sim.TestImage(fmt.Sprintf("web:%d", n))
			w.sim.Publish(images[n])
		}
		for _, n := range []int{3, 4, 5} {
			w.branch.commit(retaining(fmt.Sprintf("web:%d", n), 2))
			w.converge()
			after(5 * time.Minute)
		}
		want := func(when string, counts map[int]int) {
			t.Helper()
			for n, hosts := range counts {
				if got := w.has(images[n]); got != hosts {
					t.Errorf("%s: image web:%d is on %d hosts, want %d", when, n, got, hosts)
				}
			}
			if got := w.has(sim.TestImage("web:2")); got != 2 {
				t.Errorf("%s: the other app's image is on %d hosts", when, got)
			}
		}
		want("after three revisions of which two are kept", map[int]int{3: 0, 4: 2, 5: 2})

		w.branch.commit(retaining("web:6", 2, broken))
		after(10 * time.Minute)
		want("after one that failed", map[int]int{4: 2, 5: 2})
		w.branch.commit(retaining("web:7", 2))
		w.converge()
		after(5 * time.Minute)
		want("after the next one", map[int]int{4: 0, 5: 2, 6: 0, 7: 2})

		w.again()
		w.branch.commit(retaining("web:8", 1))
		w.converge()
		after(5 * time.Minute)
		want("with one kept, after a restart", map[int]int{5: 0, 7: 0, 8: 2})

		w.branch.commit(retaining("web:9", 0))
		w.converge()
		w.branch.commit(retaining("web:8", 0))
		w.converge()
		after(5 * time.Minute)
		want("with all kept", map[int]int{8: 2, 9: 2})
	})
}

// TestOldImagesWaitForAHostThatIsAway removes them when it is back.
func TestOldImagesWaitForAHostThatIsAway(t *testing.T) {
	registered(t, 2, func(w *world) {
		image := sim.TestImage("web:1")
		w.branch.commit(retaining("web:1", 1))
		w.converge()
		w.branch.commit(retaining("web:2", 1))
		for w.app("web").Phase != "complete" || w.app("web").Revision != commitOf(1).ID {
			after(100 * time.Millisecond)
		}
		w.hosts["host-2"].SetGone(true)
		after(10 * time.Minute)
		w.hosts["host-2"].SetGone(false)
		w.again()
		after(10 * time.Minute)
		if got := w.has(image); got != 0 {
			t.Errorf("the old image is on %d hosts", got)
		}
	})
}
