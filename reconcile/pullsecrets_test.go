package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"filippo.io/age"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
)

// guarded is an image that the registry gives to who knows the password.
func guarded(ref, password string) *sim.Image {
	i := sim.TestImage(ref)
	i.Needs = password
	return i
}

// pullers is a tree with an app that has the password, and one that has not.
func pullers(t *testing.T, key *age.X25519Identity, password string) fstest.MapFS {
	t.Helper()
	files := apps(pulled("web", "web:1"), pulled("other", "web:1"))
	files["web/app.yaml"].Data = []byte("apiVersion: tallyman/v1\nkind: App\nmetadata: {name: web}\nspec: {pullSecrets: [hub]}\n")
	config := fmt.Sprintf(`{"auths": {"docker.io": {"username": "ada", "password": %q}}}`, password)
	files["web/hub.yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil,
		"apiVersion: tallyman/v1\nkind: Secret\nmetadata: {name: hub}\nspec:\n  age:\n    config.json: |\n      %s\n", sealed(t, config, key))}
	return files
}

func TestAnAppPullsWithItsOwnCredentials(t *testing.T) {
	registered(t, 2, func(w *world) {
		key := newKey(t)
		w.ageKeys.Store(key.String())
		w.sim.Publish(guarded("web:1", "hush-1"))
		w.branch.commit(pullers(t, key, "hush-1"))
		after(10 * time.Minute)
		if got := w.runs("web", sim.TestImage("web:1")); got != 2 {
			t.Fatalf("%d of 2 replicas of the app with the password run:\n%s", got, w.lastEvents())
		}
		if got := w.containers("other"); len(got) != 0 || !strings.Contains(w.reason("other"), "denies access") {
			t.Errorf("the app without has %d containers; its status says %q", len(got), w.reason("other"))
		}
		ids := w.ids("web")
		w.sim.Publish(guarded("web:1", "hush-2"))
		w.branch.commit(pullers(t, key, "hush-2"))
		after(10 * time.Minute)
		if got := w.ids("web"); got != ids {
			t.Errorf("another password replaces the containers: %s, then %s", ids, got)
		}
		gone := w.containers("web")[0]
		w.lose(gone)
		w.hosts[gone.Host].RemoveImage(gone.Spec.Image)
		after(10 * time.Minute)
		if got := w.runs("web", sim.TestImage("web:1")); got != 2 {
			t.Errorf("healed with the password of today, %d of 2 replicas run:\n%s", got, w.lastEvents())
		}
		w.silent("hush-")
	})
}

// standIns are the events that tell of a recorded digest.
func (w *world) standIns() (texts []string) {
	w.journal.mu.Lock()
	defer w.journal.mu.Unlock()
	for _, e := range w.journal.events {
		if e.Kind == "failed" && strings.Contains(e.Text, "the digest recorded of revision") {
			texts = append(texts, e.App+": "+e.Text)
		}
	}
	return texts
}

func TestARecordedDigestThatStandsInIsToldOnce(t *testing.T) {
	registered(t, 2, func(w *world) {
		commit := func(value string) {
			w.branch.commit(apps(pulled("web", "web:1", "environment: {A: "+value+"}"), pulled("other", "web:2")))
			w.converge()
			if got := w.runs("web", sim.TestImage("web:1")); got != 2 {
				t.Fatalf("with %s, %d of 2 replicas run", value, got)
			}
		}
		commit("a")
		w.sim.RegistryDown(true)
		commit("b")
		if got := w.standIns(); len(got) != 0 {
			t.Errorf("a registry that is only down is told of as if it refused: %q", got)
		}
		w.sim.RegistryDown(false)
		w.sim.Unpublish("web:1")
		commit("c")
		after(time.Hour)
		got := w.standIns()
		if len(got) != 1 || !strings.HasPrefix(got[0], `web: resolve image "web:1": the registry has no such image; the digest recorded of revision 0000000`) {
			t.Errorf("told: %q", got)
		}
	})
}

// TestAMendedPullSecretIsEnough: where the manifest has the digest no registry is
// asked, and the engine is the first to find out that the password is wrong.
func TestAMendedPullSecretIsEnough(t *testing.T) {
	registered(t, 2, func(w *world) {
		key := newKey(t)
		w.ageKeys.Store(key.String())
		image := guarded("web:1", "hush-1")
		w.sim.Publish(image)
		commit := func(password string) {
			files := pullers(t, key, password)
			files["web/web.yaml"].Data = []byte(pulled("web", "web:1@"+image.Digest()))
			w.branch.commit(files)
			after(10 * time.Minute)
		}
		commit("hush-0")
		if n := len(w.containers("web")); n != 0 {
			t.Fatalf("%d containers without the password", n)
		}
		commit("hush-1")
		if got := w.runs("web", image); got != 2 {
			t.Errorf("with the password mended, %d of 2 replicas run:\n%s\n%s", got, w.reason("web"), w.lastEvents())
		}
		w.sim.Publish(guarded("web:2", "hush-2"))
		image = guarded("web:2", "hush-2")
		commit("hush-1") // which goes back
		if !strings.Contains(w.reason("web"), "rolled back") {
			t.Errorf("an image that was refused leads to %q", w.reason("web"))
		}
		commit("hush-1") // the same, in another commit
		if got := w.runs("web", image); got != 0 {
			t.Errorf("nothing has changed, and %d replicas of it run", got)
		}
		commit("hush-2")
		if got := w.runs("web", image); got != 2 {
			t.Errorf("with the password mended after the way back, %d of 2 replicas run:\n%s\n%s", got, w.reason("web"), w.lastEvents())
		}
		w.silent("hush-")
	})
}
