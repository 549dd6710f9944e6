package reconcile

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// pausing is web with the policy that a failed rollout stays as it is.
func pausing(image string, replicas int, extra ...string) fstest.MapFS {
	files := web(image, replicas, extra...)
	files["app.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: tallyman/v1\nkind: App\nmetadata: {name: default}\nspec: {onFailure: pause}\n"), Mode: 0o644}
	return files
}

// TestFailedRollout rolls to an image that is never healthy: the old replicas
// serve on, nothing is tried again by itself, also not by another controller,
// and a revert mends it without touching them.
func TestFailedRollout(t *testing.T) {
	for _, bad := range []struct{ name, env, reason string }{
		{"exits", `environment: {FAIL: exit, EXIT_CODE: "3"}`, "exited with code 3"},
		{"unhealthy", `environment: {FAIL: unhealthy}`, "unhealthy"},
		{"hangs", `environment: {START_DELAY: 1h}`, "unhealthy"},
	} {
		t.Run(bad.name, func(t *testing.T) {
			simulate(t, 2, func(w *world) {
				w.branch.commit(pausing("web:1", 3))
				w.converge()
				before := w.containers("web")
				w.branch.commit(pausing("web:2", 3, bad.env))
				after(5 * time.Minute)
				w.expectFailed(bad.reason)
				effects := w.sim.Effects()
				w.stop()
				w.start()
				after(10 * time.Minute)
				w.expectFailed(bad.reason)
				if n := w.sim.Effects() - effects; n != 0 {
					t.Errorf("%d ops after the rollout had failed, want none:\n%s", n, w.lastEvents())
				}
				w.branch.commit(pausing("web:1", 3))
				w.converge()
				kept := map[string]bool{}
				for _, c := range w.containers("web") {
					kept[c.ID] = true
				}
				for _, c := range before {
					if !kept[c.ID] {
						t.Errorf("the old replica %s did not outlive the failed rollout", c.Name)
					}
				}
			})
		})
	}
}

// TestFailedRolloutStopFirst fails where the old replica had to stop first: it is
// started again, the two never run together, and nothing more happens.
func TestFailedRolloutStopFirst(t *testing.T) {
	db := func(image string, extra ...string) fstest.MapFS {
		return tree(map[string]string{
			"hosts.yaml": hostManifests(2), "data.yaml": "apiVersion: tallyman/v1\nkind: Volume\nmetadata: {name: data}\nspec: {}\n",
			"db.yaml": serviceManifest("db", image, 1, append(extra, "mounts: [{volume: data, path: /data}]")...),
		})
	}
	for _, bad := range []string{`environment: {FAIL: exit}`, `environment: {FAIL: unhealthy}`} {
		simulate(t, 2, func(w *world) {
			w.sim.Check(w.safe)
			w.branch.commit(db("web:1"))
			w.converge()
			before := w.containers("db")[0].ID
			w.branch.commit(db("web:2", bad))
			after(5 * time.Minute)
			w.stop()
			w.start()
			after(5 * time.Minute)
			if got := w.healthy("db", "web:1"); got != 1 {
				t.Errorf("%s: %d old replicas serve, want 1:\n%s%s", bad, got, w.describe(), w.lastEvents())
			}
			effects := w.sim.Effects()
			after(time.Hour)
			if n := w.sim.Effects() - effects; n != 0 {
				t.Errorf("%s: %d ops long after the rollout had failed", bad, n)
			}
			w.branch.commit(db("web:1"))
			w.converge()
			if left := w.containers("db"); len(left) != 1 || left[0].ID != before {
				t.Errorf("%s: the revert left %d containers, not the one from before", bad, len(left))
			}
			for _, v := range w.sim.Violations() {
				t.Error(v)
			}
		})
	}
}

// expectFailed says that the rollout has failed for the reason, and that the
// old replicas serve.
func (w *world) expectFailed(reason string) {
	w.t.Helper()
	s := w.running.Status()
	if len(s.Apps) != 1 || s.Apps[0].Phase != rollout.Failed || !strings.Contains(s.Apps[0].Reason, reason) || !strings.Contains(s.Apps[0].Reason, "web-") {
		w.t.Errorf("the app is %+v, want a failed rollout that names the replica and %q", s.Apps, reason)
	}
	if got := w.healthy("web", "web:1"); got != 3 {
		w.t.Errorf("%d old replicas serve after the failed rollout, want 3", got)
	}
}
