package reconcile

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// What holds an app back (a pause, a policy, a job, a full disk) meets what takes
// it forward or back.

// one is app shop with a web, and lines of its spec.
func one(web, spec string, extra ...string) fstest.MapFS {
	return tree(map[string]string{
		"hosts.yaml":    hostManifests(2),
		"shop/app.yaml": "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {" + spec + "}\n",
		"shop/web.yaml": serviceManifest("web", web, 3, extra...),
	})
}

// specified gives app shop of a commit these lines of spec.
func specified(files fstest.MapFS, spec string) fstest.MapFS {
	files["shop/app.yaml"] = one("", spec)["shop/app.yaml"]
	return files
}

// smoke is a check after the deployment that ends with the code.
func smoke(code int) string {
	return jobManifest("smoke", "web:1", "when: postDeploy", "backoffLimit: 0", exits(code, "2s"))
}

func (w *world) apply() {
	w.t.Helper()
	if err := w.running.Apply(w.t.Context(), false); err != nil {
		w.t.Fatal(err)
	}
}

const byHand = "sync: {auto: false}"

// TestAFailedCheckIsAFailure ends a rollout at which all replicas are healthy.
func TestAFailedCheckIsAFailure(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(specified(withJobs("web:1", smoke(0)), "onFailure: pause"))
		w.converge()
		w.branch.commit(specified(withJobs("web:2", smoke(4)), "onFailure: pause"))
		after(20 * time.Minute)
		s := w.running.Status()
		if a := w.app("shop"); a.Phase != rollout.Failed || report.OutcomeOf(&s) != report.FailedOut {
			t.Errorf("the rollout is %s, and the outcome %s", a.Phase, report.OutcomeOf(&s))
		}
	})
}

// TestAFailedJobSendsBack also one that is all that has changed. The history has
// the commit as failed, and what it would have removed was never touched.
func TestAFailedJobSendsBack(t *testing.T) {
	for name, tc := range map[string]struct{ before, bad fstest.MapFS }{
		"a check":             {withJobs("web:1", smoke(0)), withJobs("web:2", smoke(4))},
		"nothing but the job": {withJobs("web:1", migration("web:1", 0)), withJobs("web:1", migration("web:2", 3))},
	} {
		simulate(t, 2, func(w *world) {
			tc.before["shop/old.yaml"] = &fstest.MapFile{Data: []byte(serviceManifest("old", "web:1", 1)), Mode: 0o644}
			w.branch.commit(tc.before)
			w.converge()
			id := w.containers("old")[0].ID
			w.branch.commit(tc.bad)
			after(20 * time.Minute)
			for _, r := range w.journal.history {
				if r.Revision == commitOf(1).ID && r.Phase != rollout.Failed {
					t.Errorf("%s: the history says %s", name, r.Phase)
				}
			}
			if a := w.app("shop"); a.Hold == nil {
				t.Errorf("%s: not on hold: %s", name, w.describe())
			}
			if got := w.containers("old"); len(got) != 1 || got[0].ID != id {
				t.Errorf("%s: what the commit would have removed is %d other containers", name, len(got))
			}
		})
	}
}

// TestANewerCommitThatWaitsIsNotInTheWayBack fails a rollout while the branch has
// a newer commit already, which nobody has applied.
func TestANewerCommitThatWaitsIsNotInTheWayBack(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(one("web:1", byHand))
		after(5 * time.Second)
		w.apply()
		w.converge()
		w.branch.commit(one("web:2", byHand, `environment: {FAIL: hang-start}`, `restart: always`))
		after(10 * time.Second)
		w.apply()
		after(1200 * time.Millisecond) // on its way, and not failed yet
		w.branch.commit(one("web:3", byHand))
		after(30 * time.Minute)
		if a := w.app("shop"); w.healthy("web", "web:1") != 3 || a.Phase == rollout.Failed {
			t.Errorf("did not go back: %s", w.describe())
		}
		w.apply()
		after(10 * time.Minute)
		if n := w.healthy("web", "web:3"); n != 3 {
			t.Errorf("the newer commit was applied, and %d of 3 are at it", n)
		}
	})
}

// TestRetryDoesNotEndAPause also not that the app is healed meanwhile.
func TestRetryDoesNotEndAPause(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(specified(shop("web:1", "web:1"), ""))
		w.converge()
		w.branch.commit(specified(shop("web:2", "web:1", broken), "onFailure: pause"))
		after(10 * time.Minute)
		w.order(rollout.Order{Verb: rollout.VerbPause, By: "ada"})
		w.order(rollout.Order{Verb: rollout.VerbRetry, By: "ada"})
		after(time.Minute)
		for _, c := range w.containers("db") {
			if c.Running() {
				if err := w.hosts[c.Host].Pause(c.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		started := w.newest("shop").StartedAt
		after(10 * time.Minute)
		if n := w.healthy("db", "web:1") + w.healthy("db", "web:2"); n != 1 {
			t.Errorf("db is not healed: %s", w.describe())
		}
		if r := w.newest("shop"); !r.StartedAt.Equal(started) {
			t.Error("a rollout has begun in the pause")
		}
		w.order(rollout.Order{Verb: rollout.VerbResume})
		after(time.Minute)
		if r := w.newest("shop"); r.StartedAt.Equal(started) {
			t.Error("after the pause, what was to be tried again was not")
		}
	})
}

// TestARevertAfterAFailedWayBackAsksAsAnyCommit does: it waits for apply.
func TestARevertAfterAFailedWayBackAsksAsAnyCommit(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(one("web:1", byHand))
		after(5 * time.Second)
		w.apply()
		w.converge()
		for _, h := range w.hosts {
			h.RemoveImage("web:1")
		}
		w.branch.commit(one("web:2", byHand, `environment: {FAIL: hang-start}`))
		after(10 * time.Second)
		w.apply()
		after(time.Second)
		for _, c := range w.containers("web") {
			w.lose(c)
		}
		after(30 * time.Minute)
		started := w.newest("shop").StartedAt
		w.branch.commit(one("web:1", byHand))
		after(time.Minute)
		if r := w.newest("shop"); !r.StartedAt.Equal(started) {
			t.Errorf("a rollout has begun, and nobody ran apply")
		}
	})
}

// TestAPauseThatHasRunOutIsForgotten is told nowhere any more.
func TestAPauseThatHasRunOutIsForgotten(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		w.order(rollout.Order{Verb: rollout.VerbPause, Until: time.Now().Add(time.Hour), By: "ada"})
		after(5 * time.Hour)
		if a := w.app("shop"); a.Pause != nil || a.Reason != "" {
			t.Errorf("four hours after its end the status says %q, pause %+v", a.Reason, a.Pause)
		}
	})
}

// TestNobodyWaitsForAPausedRollout at a terminal, and what was asked for besides
// is over.
func TestNobodyWaitsForAPausedRollout(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		w.branch.commit(shop("web:2", "web:1"))
		for w.healthy("web", "web:2") == 0 {
			after(100 * time.Millisecond)
		}
		w.order(rollout.Order{Verb: rollout.VerbPause, By: "ada"})
		if err := w.running.Apply(w.t.Context(), true); err != nil {
			t.Fatal(err)
		}
		after(time.Hour)
		s := w.running.Status()
		w.running.mu.Lock()
		still := w.running.asked()
		w.running.mu.Unlock()
		if got := report.OutcomeOf(&s); got != report.Incomplete || still {
			t.Errorf("the outcome is %s, and --allow-removals still in force: %v", got, still)
		}
	})
}

// TestAPinGoesBeforeAPause is what an emergency brake is for.
func TestAPinGoesBeforeAPause(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		w.branch.commit(shop("web:2", "web:1"))
		w.converge()
		w.order(rollout.Order{Verb: rollout.VerbPause, By: "ada"})
		w.order(rollout.Order{Verb: rollout.VerbPin, By: "ada", Revision: commitOf(0).ID})
		after(time.Hour)
		if n := w.healthy("web", "web:1"); n != 3 {
			t.Errorf("%d of 3 are at the pinned revision", n)
		}
	})
}

// TestATrailerLetsRemovalsGoWhereDriftIsLeftAlone: they are no drift.
func TestATrailerLetsRemovalsGoWhereDriftIsLeftAlone(t *testing.T) {
	simulate(t, 2, func(w *world) {
		with := func(n int) fstest.MapFS {
			files := withDB(n)
			files["app.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: tallyman/v1\nkind: App\nmetadata: {name: default}\nspec: {sync: {selfHeal: false}}\n"), Mode: 0o644}
			return files
		}
		w.branch.commit(with(11))
		w.converge()
		w.branch.commit(with(0))
		after(time.Minute)
		w.branch.commitWith("Drop it\n\nTallyman-Allow-Removals: 11", with(0))
		after(10 * time.Minute)
		if n := len(w.containers("db")); n != 0 {
			t.Errorf("%d are left although the commit allows it", n)
		}
	})
}

// full is a journal on a full disk.
type full struct{ *journal }

var errNoRoom = errors.New("no room")

func (f *full) Record(rollout.Record, rollout.Standing) error { return errNoRoom }

// TestAnOrderThatCantBeNotedIsNotObeyed and says so.
func TestAnOrderThatCantBeNotedIsNotObeyed(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		w.running.mu.Lock()
		w.running.cfg.Journal = &full{w.journal}
		w.running.mu.Unlock()
		err := w.running.Order(w.t.Context(), rollout.Order{Verb: rollout.VerbPause, App: "shop"})
		if !errors.Is(err, errNoRoom) || w.app("shop").Pause != nil {
			t.Errorf("the order is answered with %v, and the app is paused: %v", err, w.app("shop").Pause != nil)
		}
	})
}

// TestWhatCouldNotBeWrittenIsWrittenLater, when there is room again.
func TestWhatCouldNotBeWrittenIsWrittenLater(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		w.running.mu.Lock()
		w.running.cfg.Journal = &full{w.journal}
		w.running.mu.Unlock()
		w.branch.commit(shop("web:2", "web:1", broken))
		after(10 * time.Minute)
		w.running.mu.Lock()
		w.running.cfg.Journal = w.journal
		w.running.mu.Unlock()
		after(time.Minute)
		w.again()
		w.expectHeld("shop", "web:1", 1)
	})
}

// TestALateLogChangesNothingElse comes when the rollout has come right.
func TestALateLogChangesNothingElse(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		c := w.running
		c.mu.Lock()
		failed := c.memory.Records["shop"]
		c.mu.Unlock()
		failed.Phase, failed.Reason = rollout.Failed, "web-1 exited" // as it was when its log was asked for
		c.addLog(failed, []byte("last words"))
		for _, r := range w.journal.history {
			if got := fmt.Sprint(r.Phase, " ", r.Log); r.App == "shop" && got != "complete last words" {
				t.Errorf("the history says %q", got)
			}
		}
	})
}

// TestWhatIsTriedAgainFailsForItsOwnReason and at once, not at the deadline; the
// history blames the commit that brought it, whatever the branch has since.
func TestWhatIsTriedAgainFailsForItsOwnReason(t *testing.T) {
	for name, spec := range map[string]string{"stays": "onFailure: pause", "goes back": ""} {
		simulate(t, 2, func(w *world) {
			bad := shop("web:2", "web:1", broken)
			w.branch.commit(specified(shop("web:1", "web:1"), spec))
			w.converge()
			w.branch.commit(specified(bad, spec))
			after(5 * time.Minute)
			w.branch.commit(specified(shop("web:2", "web:3", broken), spec)) // changes only blog
			after(5 * time.Minute)
			w.order(rollout.Order{Verb: rollout.VerbRetry})
			begun := time.Now()
			after(5 * time.Minute)
			n := 0
			for _, r := range w.journal.history {
				if r.App != "shop" || r.Phase != rollout.Failed {
					continue
				}
				n++
				if r.Revision != commitOf(1).ID || !strings.Contains(r.Reason, "exited with code 3") {
					t.Errorf("%s: the history blames %s: %s", name, short(r.Revision), r.Reason)
				}
				if r.StartedAt.After(begun) && r.EndedAt.Sub(r.StartedAt) > 50*time.Second {
					t.Errorf("%s: what was tried again failed after %s", name, r.EndedAt.Sub(r.StartedAt))
				}
			}
			if n != 2 {
				t.Errorf("%s: %d failures, want 2", name, n)
			}
		})
	}
}

// newest is an app's newest rollout.
func (w *world) newest(app string) rollout.Record {
	w.running.mu.Lock()
	defer w.running.mu.Unlock()
	return w.running.memory.Records[app]
}
