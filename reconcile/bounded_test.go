package reconcile

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// TestEveryFailureEndsInBoundedTime: whatever a commit breaks, its rollout ends
// with a reason of its own, and the app is back where it was soon after.
func TestEveryFailureEndsInBoundedTime(t *testing.T) {
	broken := func(old, new string) fstest.MapFS { return edited(shop("web:2", "web:1"), "shop/web.yaml", old, new) }
	env := func(pairs string) fstest.MapFS { return shop("web:2", "web:1", "environment: {"+pairs+"}") }
	for name, tc := range map[string]struct {
		commit fstest.MapFS
		reason string
		within time.Duration
	}{
		"an image that can't be pulled":  {edited(broken("image: web:2", "image: nowhere:9"), "shop/web.yaml", "pull: never", "pull: missing"), "nowhere:9", 2 * time.Minute},
		"an image that is not there":     {broken("image: web:2", "image: web:9"), `image "web:9" is not on host`, 2 * time.Minute},
		"no host":                        {broken("image: web:2", "image: web:2\n  placement: {constraints: [host.labels.disk == ssd]}"), "no host for web-1", 3 * time.Minute},
		"a container that exits":         {env(`FAIL: exit, EXIT_CODE: "3"`), "exited with code 3", time.Minute},
		"a container that exits later":   {edited(env(`FAIL: exit, EXIT_CODE: "3", EXIT_AFTER: 8s`), "shop/web.yaml", "monitor: 2s", "monitor: 20s"), "code 3", time.Minute},
		"one that is never healthy":      {env("FAIL: unhealthy"), "unhealthy", time.Minute},
		"one that never answers":         {edited(env("START_DELAY: 10h"), "shop/web.yaml", "retries: 2", "retries: 2, startPeriod: 20h"), "no progress within 1m0s", 2 * time.Minute},
		"a canary that exits":            {edited(env("FAIL: exit"), "shop/web.yaml", "deadline: 1m", "deadline: 1m, canary: {replicas: 1, promoteAfter: 1h}"), "exited with code", time.Minute},
		"a dependency that is never fit": {edited(shop("web:2", "web:1"), "shop/db.yaml", "replicas: 1", "replicas: 1\n  environment: {FAIL: unhealthy}"), "shop/db-1", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 2, func(w *world) {
				w.branch.commit(shop("web:1", "web:1"))
				w.converge()
				began := time.Now()
				w.branch.commit(tc.commit)
				w.reach("way back", func(s report.Status) bool {
					for _, a := range s.Apps {
						if a.Name == "shop" {
							return a.Hold != nil && a.Phase == rollout.Complete && s.Busy == 0
						}
					}
					return false
				})
				if took := time.Since(began); took > tc.within {
					t.Errorf("back after %s, want within %s", took, tc.within)
				}
				if a := w.app("shop"); !strings.Contains(a.Hold.Reason, tc.reason) {
					t.Errorf("the reason is %q, want %q", a.Hold.Reason, tc.reason)
				}
				w.expectOn("web:1")
			})
		})
	}
}
