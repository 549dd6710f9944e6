package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// behindBlog is app shop, which comes after app blog.
func behindBlog(web, blog string, extra ...string) fstest.MapFS {
	t := edited(shop(web, blog), "shop/app.yaml", "spec: {}", "spec: {dependsOn: [blog]}")
	t["blog/blog.yaml"] = &fstest.MapFile{Data: []byte(serviceManifest("blog", blog, 1, extra...)), Mode: 0o644}
	return t
}

// TestAnAppComesAfterTheOneThatItDependsOn from the first commit on, also when
// the dependency is new itself, and with another controller in between.
func TestAnAppComesAfterTheOneThatItDependsOn(t *testing.T) {
	const slow = "environment: {START_DELAY: 30s}"
	patient := func(image string) fstest.MapFS {
		return edited(behindBlog(image, image, slow), "blog/blog.yaml", "retries: 2", "retries: 2, startPeriod: 2m")
	}
	simulate(t, 2, func(w *world) {
		w.branch.commit(patient("web:1"))
		after(20 * time.Second)
		if a := w.app("shop"); len(w.containers("web")) > 0 || a.Reason != `app "blog" comes first, and its rollout is not complete` {
			t.Errorf("the app has %d replicas and says %q", len(w.containers("web")), a.Reason)
		}
		w.converge()
		w.branch.commit(patient("web:2"))
		after(10 * time.Second)
		w.stop()
		w.start()
		after(10 * time.Second)
		if n := w.healthy("web", "web:2"); n > 0 {
			t.Errorf("%d replicas are new before blog is there", n)
		}
		s := w.converge()
		w.expectOn("web:2")
		if got := report.OutcomeOf(&s); got != report.Converged {
			t.Errorf("the outcome is %s", got)
		}
	})
}

// TestAnAppDoesNotFollowOneThatWentBack: it stays where it was, is healed there,
// waits without end, and goes on when the other one is mended.
func TestAnAppDoesNotFollowOneThatWentBack(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1")) // does not say yet that it comes after
		w.converge()
		w.branch.commit(behindBlog("web:2", "web:2", broken))
		after(time.Hour)
		victim := w.containers("web")[0]
		if err := w.hosts[victim.Host].RemoveContainer(victim.ID); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		w.expectOn("web:1")
		a := w.app("shop")
		if want := fmt.Sprintf("revision %s waits: app %q comes first, and was rolled back", short(commitOf(1).ID), "blog"); a.Reason != want || a.Phase != rollout.Complete {
			t.Errorf("the app is %s and says %q, want %q", a.Phase, a.Reason, want)
		}
		s := w.running.Status()
		if got := report.OutcomeOf(&s); got != report.FailedOut {
			t.Errorf("the outcome is %s, and blog has failed", got)
		}
		w.branch.commit(behindBlog("web:3", "web:3"))
		w.converge()
		w.expectOn("web:3")
	})
}

// TestACommitPreEmptsTheWaitForAnotherApp, which may never come.
func TestACommitPreEmptsTheWaitForAnotherApp(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		w.branch.commit(edited(behindBlog("web:2", "web:2", "environment: {START_DELAY: 10h}"), "blog/blog.yaml", "retries: 2", "retries: 2, startPeriod: 20h"))
		after(20 * time.Second)
		if a := w.app("shop"); !strings.Contains(a.Reason, "comes first") {
			t.Fatalf("does not wait: %q", a.Reason)
		}
		w.branch.commit(behindBlog("web:3", "web:1"))
		w.converge()
		w.expectOn("web:3")
	})
}

// TestCrashWhileOneAppWaitsForAnother kills the controller after each effect and
// each journal write.
func TestCrashWhileOneAppWaitsForAnother(t *testing.T) {
	everyCrash(t, func(w *world) string {
		return w.live([]fstest.MapFS{behindBlog("web:1", "web:1"), behindBlog("web:2", "web:2")})
	})
}
