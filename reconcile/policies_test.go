package reconcile

import (
	"strings"
	"testing"
	"time"
)

// TestAGoneAppKeepsItsPolicy takes an app's folder away with what it said of
// removals: it still counts, also for a controller that starts after that.
func TestAGoneAppKeepsItsPolicy(t *testing.T) {
	simulate(t, 2, func(w *world) {
		shop := "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {sync: {maxRemovals: 2}}\n"
		w.branch.commit(tree(map[string]string{
			"hosts.yaml": hostManifests(2), "shop/app.yaml": shop, "shop/web.yaml": serviceManifest("web", "web:1", 3),
		}))
		w.converge()
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(2)}))
		after(time.Minute)
		w.stop()
		w.start()
		after(time.Minute)
		if got := len(w.containers("web")); got != 3 {
			t.Errorf("%d containers are left, want 3", got)
		}
		plan := w.running.Plan()
		if got := plan.String(); !strings.Contains(got, `removes 3 replicas of app "shop", more than maxRemovals 2`) {
			t.Errorf("does not say why it holds them:\n%s", got)
		}
		if err := w.running.Apply(w.t.Context(), true); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		if got := len(w.containers("web")); got != 0 {
			t.Errorf("a person allowed it, and %d containers are left", got)
		}
	})
}
