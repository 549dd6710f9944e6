package reconcile

import (
	"fmt"
	"strings"
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

// TestAnOldImageIsToldOfOnce, however long another host is away.
func TestAnOldImageIsToldOfOnce(t *testing.T) {
	registered(t, 2, func(w *world) {
		here := `placement: {constraints: ["host.name == host-1"]}`
		retained := func(image string) fstest.MapFS {
			files := retaining(image, 1, here)
			files["other/other.yaml"] = &fstest.MapFile{Data: []byte(pulled("other", "web:2", here)), Mode: 0o644}
			return files
		}
		w.branch.commit(retained("web:1"))
		w.converge()
		w.hosts["host-2"].SetGone(true)
		after(time.Minute)
		w.branch.commit(retained("web:2"))
		after(time.Hour)
		told := func() (n int) {
			for _, e := range w.journal.events {
				if strings.Contains(e.Text, "no app may go back to it") {
					n++
				}
			}
			return n
		}
		if n := told(); n != 1 {
			t.Errorf("%d events tell of the removal of one image from one host", n)
		}
		w.hosts["host-2"].SetGone(false)
		after(10 * time.Minute)
		if n := told(); n != 2 {
			t.Errorf("%d events tell of its removal from two hosts", n)
		}
	})
}

// TestAnImageThatCameAgainGoesAgain: that it was removed once, while another host
// was away, does not keep it.
func TestAnImageThatCameAgainGoesAgain(t *testing.T) {
	registered(t, 2, func(w *world) {
		here := `placement: {constraints: ["host.name == host-1"]}`
		w.sim.Publish(sim.TestImage("web:3"))
		w.branch.commit(retaining("web:1", 1, here))
		w.converge()
		w.hosts["host-2"].SetGone(true)
		after(time.Minute)
		for n, image := range []string{"web:3", "web:1", "web:3"} {
			w.branch.commit(retaining(image, 1, here))
			after(10 * time.Minute)
			if a := w.app("web"); a.Revision != commitOf(n+1).ID {
				t.Fatalf("at %s the app is %s: %s", image, a.Phase, a.Reason)
			}
		}
		w.hosts["host-2"].SetGone(false)
		after(10 * time.Minute)
		if n := w.has(sim.TestImage("web:1")); n != 0 {
			t.Errorf("the old image is on %d hosts", n)
		}
	})
}

// TestTheImageOfAKeptRunGoesAfterIt: its container is kept for its log, and is
// not somebody else's.
func TestTheImageOfAKeptRunGoesAfterIt(t *testing.T) {
	registered(t, 1, func(w *world) {
		w.sim.Publish(sim.TestImage("web:3"))
		with := func(image string) fstest.MapFS {
			job := strings.Replace(jobManifest("migrate", image, "when: preDeploy", "historyLimit: 2", exits(0, "1s")), "pull: never", "pull: missing", 1)
			return tree(map[string]string{
				"hosts.yaml":   hostManifests(1),
				"web/app.yaml": "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: web}\nspec: {imageRetention: 1}\n",
				"web/web.yaml": pulled("web", "web:1"), "web/job.yaml": job,
			})
		}
		for _, image := range []string{"web:2", "web:3"} {
			w.branch.commit(with(image))
			w.converge()
			after(10 * time.Minute)
		}
		if n := w.has(sim.TestImage("web:2")); n != 1 {
			t.Errorf("the image of a run that is kept is on %d hosts", n)
		}
		w.branch.commit(with("web:1"))
		w.converge()
		after(time.Hour)
		if n := w.has(sim.TestImage("web:2")); n != 0 {
			t.Errorf("it is on %d hosts, and no container is made from it", n)
		}
	})
}
