package reconcile

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

// TestAnAppThatDoesNotFollow has sync.auto off: a commit waits for a person, what
// runs is healed meanwhile, and `apply` rolls it.
func TestAnAppThatDoesNotFollow(t *testing.T) {
	at := func(image string) fstest.MapFS {
		return tree(map[string]string{
			"hosts.yaml": hostManifests(2), "web.yaml": serviceManifest("web", image, 2),
			"app.yaml": "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {sync: {auto: false}}\n",
		})
	}
	simulate(t, 2, func(w *world) {
		apply := func(image string) {
			if err := w.running.Apply(w.t.Context(), false); err != nil {
				t.Fatal(err)
			}
			after(time.Minute)
			if got := w.healthy("web", image); got != 2 {
				t.Fatalf("%d of 2 replicas on %s after apply:\n%s", got, image, w.describe())
			}
		}
		w.branch.commit(at("web:1"))
		after(time.Minute)
		apply("web:1")
		w.branch.commit(at("web:2"))
		after(time.Minute)
		w.stop()
		w.start()
		after(time.Minute)
		victim := w.containers("web")[0]
		if err := w.hosts[victim.Host].RemoveContainer(victim.ID); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		if got := w.healthy("web", "web:1"); got != 2 {
			t.Errorf("%d of 2 replicas on web:1 while web:2 waits:\n%s", got, w.describe())
		}
		if s := w.running.Status(); s.Sync != report.OutOfSync || !strings.Contains(s.Apps[0].Reason, "waits: sync.auto is off") {
			t.Errorf("sync %s, the app says %q", s.Sync, s.Apps[0].Reason)
		}
		apply("web:2")
	})
}
