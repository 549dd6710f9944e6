package reconcile

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// order has the running controller obey.
func (w *world) order(o rollout.Order) {
	w.t.Helper()
	if o.App == "" && o.Host == "" {
		o.App = "shop"
	}
	if err := w.running.Order(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}

// again is another controller on the same journal.
func (w *world) again() {
	w.stop()
	w.start()
	after(time.Minute)
}

// expectOn says that all of app shop runs healthy on an image.
func (w *world) expectOn(image string) {
	w.t.Helper()
	for service, n := range map[string]int{"web": 3, "db": 1} {
		if got := w.healthy(service, image); got != n {
			w.t.Errorf("%d of %d replicas of %s run on %s:\n%s", got, n, service, image, w.describe())
		}
	}
}

// TestAPausedAppHealsAndDoesNotRoll pauses an app that is where it should be: a
// commit waits, what is broken is mended, another controller keeps to it, and the
// commit rolls when it is resumed.
func TestAPausedAppHealsAndDoesNotRoll(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		w.order(rollout.Order{Verb: rollout.VerbPause, By: "ada", Reason: "sale"})
		w.branch.commit(shop("web:2", "web:2"))
		after(10 * time.Minute)
		w.again()
		victim := w.containers("web")[0]
		if err := w.hosts[victim.Host].RemoveContainer(victim.ID); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		w.expectOn("web:1")
		if n := w.healthy("blog", "web:2"); n != 1 {
			t.Errorf("the other app does not go on: %d of blog on web:2", n)
		}
		if a := w.app("shop"); a.Sync != report.OutOfSync || !strings.Contains(a.Reason, "waits: paused by ada: sale") || a.Pause == nil {
			t.Errorf("sync %s, says %q", a.Sync, a.Reason)
		}
		w.order(rollout.Order{Verb: rollout.VerbResume})
		w.converge()
		w.expectOn("web:2")
	})
}

// TestAPauseStopsARolloutInTheMiddle freezes what is half done: both generations
// serve, no deadline runs, and it goes on from there.
func TestAPauseStopsARolloutInTheMiddle(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		w.branch.commit(shop("web:2", "web:1"))
		for w.healthy("web", "web:2") == 0 {
			after(100 * time.Millisecond)
		}
		w.order(rollout.Order{Verb: rollout.VerbPause, Until: time.Now().Add(time.Hour)})
		after(time.Minute)
		before, effects := w.healthy("web", "web:2"), w.sim.Effects()
		w.again()
		after(30 * time.Minute)
		if n := w.healthy("web", "web:2"); n != before || n == 3 {
			t.Errorf("%d replicas are new, %d were when it was paused", n, before)
		}
		if n := w.healthy("web", "web:1") + w.healthy("web", "web:2"); n < 3 {
			t.Errorf("only %d of 3 serve while it is paused", n)
		}
		if n := w.sim.Effects() - effects; n != 0 {
			t.Errorf("%d ops while it was paused", n)
		}
		after(time.Hour) // it ends by itself
		w.converge()
		w.expectOn("web:2")
	})
}

// TestAPinHoldsARevision goes back without a commit, stays there over commits and
// controllers, is told everywhere, and goes on when resumed.
func TestAPinHoldsARevision(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		w.branch.commit(shop("web:2", "web:1"))
		w.converge()
		w.order(rollout.Order{Verb: rollout.VerbPin, Revision: commitOf(0).ID, By: "ada", Reason: "errors at checkout"})
		after(10 * time.Minute)
		w.expectOn("web:1")
		w.branch.commit(shop("web:3", "web:3"))
		after(10 * time.Minute)
		w.again()
		w.expectOn("web:1")
		a := w.app("shop")
		if a.Sync != report.OutOfSync || a.Pin == nil || !strings.Contains(a.Reason, "pinned by ada: errors at checkout") || !strings.Contains(a.Reason, "tallyman resume shop") {
			t.Errorf("sync %s, says %q", a.Sync, a.Reason)
		}
		if held := w.running.Plan().Held; len(held) != 1 || held[0].App != "shop" {
			t.Errorf("the plan does not say that the app is pinned: %v", held)
		}
		w.order(rollout.Order{Verb: rollout.VerbResume})
		w.converge()
		w.expectOn("web:3")
	})
}

// TestAPinnedAppOutlivesItsManifests is a pin on an app that a commit removes.
func TestAPinnedAppOutlivesItsManifests(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		w.order(rollout.Order{Verb: rollout.VerbPin, Revision: commitOf(0).ID})
		files := shop("web:1", "web:1")
		for name := range files {
			if strings.HasPrefix(name, "shop/") {
				delete(files, name)
			}
		}
		w.branch.commit(files)
		after(10 * time.Minute)
		w.again()
		w.expectOn("web:1")
		w.order(rollout.Order{Verb: rollout.VerbResume})
		after(10 * time.Minute)
		if n := len(w.containers("web")); n != 0 {
			t.Errorf("%d replicas are left of the app that has gone", n)
		}
	})
}

// TestRetryTriesAgainWhatIsHeld mends the world instead of the commit.
func TestRetryTriesAgainWhatIsHeld(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		for _, h := range w.hosts {
			h.RemoveImage("web:2")
		}
		w.branch.commit(shop("web:2", "web:1"))
		after(10 * time.Minute)
		if w.app("shop").Hold == nil {
			t.Fatalf("not held: %s", w.describe())
		}
		for _, h := range w.hosts {
			h.Load(sim.TestImage("web:2"))
		}
		after(time.Hour)
		w.expectOn("web:1")
		w.order(rollout.Order{Verb: rollout.VerbRetry})
		w.converge()
		w.expectOn("web:2")
	})
}

// TestApplyLeavesAHoldAlone as often as it is run, by a controller that runs and
// by those that cron starts; what only stopped is begun anew.
func TestApplyLeavesAHoldAlone(t *testing.T) {
	for spec, want := range map[string]int{"": 0, "onFailure: pause": 3} {
		simulate(t, 2, func(w *world) {
			w.branch.commit(specified(shop("web:1", "web:1"), spec))
			w.converge()
			w.branch.commit(specified(shop("web:2", "web:1", broken), spec))
			after(10 * time.Minute)
			begun := time.Now()
			for range 2 {
				w.apply()
				after(10 * time.Minute)
			}
			w.stop()
			w.manual = true
			w.start()
			after(10 * time.Minute)
			if s := w.running.Status(); report.OutcomeOf(&s) != report.FailedOut {
				t.Errorf("%q: the outcome is %s", spec, report.OutcomeOf(&s))
			}
			again := 0
			for _, r := range w.journal.history {
				if r.App == "shop" && !r.StartedAt.Before(begun) {
					again++
				}
			}
			if again != want {
				t.Errorf("%q: %d rollouts since, want %d", spec, again, want)
			}
		})
	}
}

// TestOrdersThatCantBeObeyed change nothing and say why.
func TestOrdersThatCantBeObeyed(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		for _, tc := range []struct {
			order rollout.Order
			want  string
		}{
			{rollout.Order{Verb: rollout.VerbPause, App: "shopp"}, "there is no such app; there is blog, shop"},
			{rollout.Order{Verb: rollout.VerbPause, App: "shop", Until: time.Now()}, "is in the past"},
			{rollout.Order{Verb: rollout.VerbPin, App: "shop", Revision: "beef"}, "no such commit"},
			{rollout.Order{Verb: rollout.VerbResume, App: "shop"}, "neither paused nor pinned"},
			{rollout.Order{Verb: rollout.VerbRetry, App: "shop"}, "has not failed"},
			{rollout.Order{Verb: "explode", App: "shop"}, "no such verb"},
		} {
			writes := w.journal.writes
			err := w.running.Order(t.Context(), tc.order)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s %s: %v, want %q", tc.order.Verb, tc.order.App, err, tc.want)
			}
			if w.journal.writes != writes {
				t.Errorf("%s %s: wrote to the journal", tc.order.Verb, tc.order.App)
			}
		}
		if err := w.running.Order(t.Context(), rollout.Order{Verb: rollout.VerbRetry, App: "shop"}); !errors.Is(err, rollout.ErrNothingToDo) {
			t.Errorf("nothing to do reads %v", err)
		}
	})
}

// TestCrashAroundAPin kills the controller after each effect and each journal
// write of a pin and its end.
func TestCrashAroundAPin(t *testing.T) {
	everyCrash(t, func(w *world) string {
		w.start()
		defer func() { w.stop() }()
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		w.branch.commit(shop("web:2", "web:1"))
		w.converge()
		w.insist(rollout.Order{Verb: rollout.VerbPin, App: "shop", Revision: commitOf(0).ID})
		w.reach("pinned", func(s report.Status) bool {
			a := w.app("shop")
			return s.Busy == 0 && a.Held != nil && a.Phase == rollout.Complete && a.Health == report.Healthy && len(s.Changes) == 0
		})
		w.expectOn("web:1")
		w.insist(rollout.Order{Verb: rollout.VerbResume, App: "shop"})
		w.converge()
		w.expectOn("web:2")
		return w.endState()
	})
}

// insist orders until a controller that lives has noted it, as a person does
// whose controller died at that moment.
func (w *world) insist(o rollout.Order) {
	w.t.Helper()
	for {
		err := w.running.Order(w.t.Context(), o)
		if err != nil && !errors.Is(err, rollout.ErrNothingToDo) {
			w.t.Fatal(err)
		}
		dead := false
		select {
		case <-w.sim.Dead():
			dead = true
		default:
		}
		if !dead {
			return
		}
		w.reach("another controller", func(report.Status) bool { return true })
	}
}
