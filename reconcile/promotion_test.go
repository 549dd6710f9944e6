package reconcile

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// promoted is app shop, which gets a commit an hour after app blog.
func promoted(web, blog string, extra ...string) fstest.MapFS {
	return edited(behindBlog(web, blog, extra...), "shop/app.yaml", "dependsOn: [blog]", "promotion: {from: blog, soak: 1h}")
}

// TestACommitIsPromotedWhenItHasProvedItself in the other app for the whole time,
// though the controller was replaced meanwhile.
func TestACommitIsPromotedWhenItHasProvedItself(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(promoted("web:1", "web:1"))
		after(30 * time.Minute)
		if n := len(w.containers("web")); n > 0 {
			t.Errorf("%d replicas came before the first commit was proved", n)
		}
		after(40 * time.Minute)
		w.converge()
		w.expectOn("web:1")

		w.branch.commit(promoted("web:2", "web:2"))
		after(30 * time.Minute)
		w.stop()
		w.start()
		after(20 * time.Minute)
		w.expectOn("web:1")
		a := w.app("shop")
		if a.Held == nil || a.Held.Kind != model.HeldSoak || !strings.Contains(a.Reason, `promoted from app "blog" when it has been healthy there for`) {
			t.Errorf("it says %q", a.Reason)
		}
		s := w.running.Status()
		if got := report.OutcomeOf(&s); got != report.Incomplete {
			t.Errorf("the outcome is %s, which nobody should wait an hour for", got)
		}
		after(15 * time.Minute)
		w.converge()
		w.expectOn("web:2")
	})
}

// TestABreakBeginsTheSoakAnew: a replica of the other app that dies near the end
// of the time puts the promotion off by the whole of it.
func TestABreakBeginsTheSoakAnew(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(promoted("web:1", "web:1"))
		after(70 * time.Minute)
		w.converge()
		w.branch.commit(promoted("web:2", "web:2"))
		after(50 * time.Minute)
		victim := w.containers("blog")[0]
		if err := w.hosts[victim.Host].RemoveContainer(victim.ID); err != nil {
			t.Fatal(err)
		}
		after(50 * time.Minute)
		w.expectOn("web:1")
		after(15 * time.Minute)
		w.converge()
		w.expectOn("web:2")
	})
}

// TestWhatFailedIsNotPromoted, nor is what came before it mistaken for it.
func TestWhatFailedIsNotPromoted(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(promoted("web:1", "web:1"))
		after(70 * time.Minute)
		w.converge()
		w.branch.commit(promoted("web:2", "web:2", broken))
		after(3 * time.Hour)
		w.expectOn("web:1")
		if a := w.app("shop"); !strings.Contains(a.Reason, `promoted from app "blog", and was rolled back`) {
			t.Errorf("it says %q", a.Reason)
		}
		w.branch.commit(promoted("web:3", "web:3"))
		after(70 * time.Minute)
		w.converge()
		w.expectOn("web:3")
	})
}
