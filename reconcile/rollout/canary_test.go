package rollout

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// withCanary is a service of four replicas with a canary of two.
func withCanary(image string, after time.Duration) model.Service {
	s := behaving(declared("web", image, 4), "healthy")
	s.Update.Canary = model.Canary{Replicas: model.Portion{N: 2}, PromoteAfter: after, Manual: after == 0}
	return s
}

// passes lets so many seconds go by.
func (f *fleet) passes(n int) {
	for range n {
		f.pass()
	}
}

func (f *fleet) promote(t *testing.T) {
	t.Helper()
	next, err := f.state.Obey(Order{Verb: VerbPromote, App: "shop"}, f.now)
	if err != nil {
		t.Fatal(err)
	}
	f.state = next
}

func TestACanaryRunsBesideTheOldOnesUntilAPersonPromotesIt(t *testing.T) {
	f := newFleet("h1")
	f.up(t, withCanary("web:1", 0))
	f.commit(withCanary("web:2", 0))
	f.passes(3600)
	if got := f.images("web"); got != "web:1 web:1 web:1 web:1 web:2 web:2" {
		t.Errorf("%q runs while the canary waits", got)
	}
	if r := f.record(); r.Phase != Progressing {
		t.Errorf("the rollout is %s: %s", r.Phase, r.Reason)
	}
	for thing, want := range map[string]string{"shop/web-1": keptForCanary, "shop/web-4": awaitsPromotion} {
		if got := f.held(thing); got != want {
			t.Errorf("%s: says %q, want %q", thing, got, want)
		}
	}
	canary := f.last.Canaries["shop"]
	if want := (Canary{Service: "web", Replicas: 2, Of: 4, Idle: true}); canary != want {
		t.Errorf("told is %+v, want %+v", canary, want)
	}
	if got, want := canary.Text("shop"), "canary: 2 of 4 replicas of web on the new revision, waits for `tallyman promote shop`"; got != want {
		t.Errorf("says %q, want %q", got, want)
	}
	f.promote(t)
	f.run(t, Complete)
	if got := f.images("web"); got != "web:2 web:2 web:2 web:2" {
		t.Errorf("%q runs after it was promoted", got)
	}
	if _, err := f.state.Obey(Order{Verb: VerbPromote, App: "shop"}, f.now); !errors.Is(err, ErrNothingToDo) {
		t.Errorf("promoting nothing says %v", err)
	}
}

// TestACanaryIsPromotedWhenItsTimeHasCome, and not before: also when the
// controller is another one in every pass.
func TestACanaryIsPromotedWhenItsTimeHasCome(t *testing.T) {
	for name, every := range map[string]func(*fleet){"undisturbed": func(*fleet) {}, "killed in every pass": (*fleet).restart} {
		f := newFleet("h1")
		f.up(t, withCanary("web:1", 10*time.Minute))
		f.commit(withCanary("web:2", 10*time.Minute))
		for len(f.starts("web:2")) < 3 {
			f.pass()
			every(f)
		}
		started := f.starts("web:2")
		if gap := started[2] - started[1]; gap < 10*time.Minute || gap > 10*time.Minute+10*time.Second {
			t.Errorf("%s: the third replica came %s after the second canary, want ten minutes", name, gap)
		}
		f.run(t, Complete)
	}
}

func TestTheTimeOfPromotionIsTold(t *testing.T) {
	f := newFleet("h1")
	f.up(t, withCanary("web:1", 10*time.Minute))
	f.commit(withCanary("web:2", 10*time.Minute))
	f.passes(60)
	canary := f.last.Canaries["shop"]
	if got := canary.Text("shop"); !strings.HasSuffix(got, "on the new revision, promoted at 06:10 UTC") {
		t.Errorf("says %q", got)
	}
	if wake := f.last.Wake; wake.Sub(canary.PromotedAt) > 0 {
		t.Errorf("asks to be woken at %s, promoted at %s", wake, canary.PromotedAt)
	}
}

func TestACanaryThatRestartsIsWatchedAnew(t *testing.T) {
	f := newFleet("h1")
	f.up(t, withCanary("web:1", 10*time.Minute))
	f.commit(withCanary("web:2", 10*time.Minute))
	f.passes(300)
	for _, c := range f.containers("web") {
		if c.Spec.Image == "web:2" {
			c.StartedAt = f.now // its engine restarted it, faster than anybody looked
			break
		}
	}
	f.passes(400)
	if got := f.images("web"); got != "web:1 web:1 web:1 web:1 web:2 web:2" {
		t.Errorf("%q runs ten minutes after the first start, want the time to have begun anew", got)
	}
	f.run(t, Complete)
}

// TestACanaryThatFailsFailsTheRollout although maxFailures would allow it, and
// the old ones have never been away.
func TestACanaryThatFailsFailsTheRollout(t *testing.T) {
	for _, onFailure := range []string{model.OnFailureRollback, model.OnFailurePause} {
		f := newFleet("h1")
		f.desired.Apps[0].OnFailure = onFailure
		f.up(t, withCanary("web:1", time.Hour))
		bad := withCanary("web:2", time.Hour)
		bad.Container.Env["BEHAVE"] = "ends"
		bad.Update.MaxFailures, bad.Update.Monitor = model.Portion{N: 3}, time.Minute
		f.commit(bad)
		for range 120 {
			f.pass()
			if got := f.images("web"); !strings.HasPrefix(got, "web:1 web:1 web:1 web:1") {
				t.Fatalf("%s: %q runs", onFailure, got)
			}
		}
		failed := f.record()
		if onFailure == model.OnFailureRollback {
			if f.choice.State.Standings["shop"].Hold == nil || failed.Phase != Complete || len(f.containers("web")) != 4 {
				t.Errorf("%s: the app is %s with %d containers", onFailure, failed.Phase, len(f.containers("web")))
			}
			continue
		}
		if failed.Phase != Failed || !strings.Contains(failed.Reason, "exited with code 3") {
			t.Errorf("%s: the app is %s: %s", onFailure, failed.Phase, failed.Reason)
		}
	}
}

// TestAStopFirstCanaryTakesThePlaceOfTheOld, which is kept for the way back.
func TestAStopFirstCanaryTakesThePlaceOfTheOld(t *testing.T) {
	f := newFleet("h1")
	stopFirst := func(image string) model.Service {
		s := withCanary(image, 0)
		s.Update.Order = model.OrderStopFirst
		return s
	}
	f.up(t, stopFirst("web:1"))
	f.commit(stopFirst("web:2"))
	f.passes(60)
	if got := f.images("web"); got != "web:1 web:1 web:2 web:2" || len(f.containers("web")) != 6 {
		t.Errorf("%q runs, of %d containers", got, len(f.containers("web")))
	}
	before := f.made
	f.commit(stopFirst("web:1"))
	f.run(t, Complete)
	if f.made != before {
		t.Errorf("going back made %d containers, although the old ones were there", f.made-before)
	}
}

// TestGoingBackNeedsNoCanary: a revert in the middle of a canary retires it at
// once, and so does a newer commit with its own.
func TestGoingBackNeedsNoCanary(t *testing.T) {
	f := newFleet("h1")
	f.up(t, withCanary("web:1", 0))
	f.advance(time.Minute)
	f.commit(withCanary("web:2", 0))
	f.passes(60)
	f.commit(withCanary("web:1", 0))
	f.run(t, Complete)
	if got := f.images("web"); got != "web:1 web:1 web:1 web:1" || len(f.containers("web")) != 4 {
		t.Errorf("%q runs, of %d containers", got, len(f.containers("web")))
	}
	f.commit(withCanary("web:2", 0))
	f.passes(60)
	f.commit(withCanary("web:3", 0))
	f.passes(60)
	if got := f.images("web"); got != "web:1 web:1 web:1 web:1 web:3 web:3" {
		t.Errorf("%q runs after a newer commit cut the canary short", got)
	}
}

func TestFirstReplicasAndMissingOnesNeedNoCanary(t *testing.T) {
	f := newFleet("h1")
	f.commit(withCanary("web:1", 0))
	f.run(t, Complete)
	f.commit(withCanary("web:2", 0))
	f.passes(60)
	h := f.host("h1")
	for i := range h.Containers {
		if h.Containers[i].Owner.Slot == "4" {
			h.Containers = append(h.Containers[:i], h.Containers[i+1:]...) // by hand
			break
		}
	}
	f.passes(10)
	if got := f.images("web"); got != "web:1 web:1 web:1 web:2 web:2 web:2" {
		t.Errorf("%q runs: what is missing is made, whatever a canary waits for", got)
	}
}
