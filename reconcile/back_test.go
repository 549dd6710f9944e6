package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// shop is a commit of two apps: shop with a database that others depend on and
// a web front, and blog. Each is at an image and may have more lines of spec.
func shop(web, blog string, extra ...string) fstest.MapFS {
	return tree(map[string]string{
		"hosts.yaml":     hostManifests(2),
		"shop/app.yaml":  "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {}\n",
		"shop/data.yaml": "apiVersion: tallyman/v1\nkind: Volume\nmetadata: {name: data}\nspec: {}\n",
		"shop/db.yaml":   serviceManifest("db", web, 1, "mounts: [{volume: data, path: /data}]"),
		"shop/web.yaml":  serviceManifest("web", web, 3, append(extra, "dependsOn: [db]")...),
		"blog/app.yaml":  "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: blog}\nspec: {}\n",
		"blog/blog.yaml": serviceManifest("blog", blog, 1),
	})
}

const broken = `environment: {FAIL: exit, EXIT_CODE: "3"}`

// app is an app's status.
func (w *world) app(name string) report.App {
	w.t.Helper()
	s := w.running.Status()
	for _, a := range s.Apps {
		if a.Name == name {
			return a
		}
	}
	w.t.Fatalf("no app %q in the status", name)
	return report.App{}
}

// expectHeld says that the app runs as it was at the commit and is held there.
func (w *world) expectHeld(app, image string, failed int) {
	w.t.Helper()
	a := w.app(app)
	if a.Phase != rollout.Complete || a.Sync != report.OutOfSync || a.Health != report.Healthy || a.Held == nil {
		w.t.Errorf("app %s is %s, %s, %s, held %v; want it complete, out of sync, healthy and held:\n%s", app, a.Phase, a.Sync, a.Health, a.Held, w.describe())
	}
	if want := "held: rolled back from " + short(commitOf(failed).ID); !strings.HasPrefix(a.Reason, want) || !strings.Contains(a.Reason, "exited with code 3") {
		w.t.Errorf("app %s says %q, want %q and why", app, a.Reason, want)
	}
	for _, service := range a.Services {
		if n := w.healthy(service.Name, image); n != service.Of {
			w.t.Errorf("%d of %d replicas of %s run healthy on %s", n, service.Of, service.Name, image)
		}
	}
}

// TestAFailedCommitGoesBackAsOneWhole rolls out a commit of which one service
// works and the other does not: both go back, and stay back over another
// controller, drift and unrelated commits; a changed app ends that.
func TestAFailedCommitGoesBackAsOneWhole(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		w.branch.commit(shop("web:2", "web:1", broken))
		after(10 * time.Minute)
		w.expectHeld("shop", "web:1", 1)

		effects := w.sim.Effects()
		w.stop()
		w.start()
		after(time.Hour)
		w.expectHeld("shop", "web:1", 1)
		if n := w.sim.Effects() - effects; n != 0 {
			t.Errorf("%d ops against the hold, want none:\n%s", n, w.lastEvents())
		}

		victim := w.containers("web")[0]
		if err := w.hosts[victim.Host].RemoveContainer(victim.ID); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		w.expectHeld("shop", "web:1", 1)

		w.branch.commit(shop("web:2", "web:3", broken)) // changes only blog
		after(10 * time.Minute)
		w.expectHeld("shop", "web:1", 1)
		if n := w.healthy("blog", "web:3"); n != 1 {
			t.Errorf("the unrelated commit did not roll its own app: %d of blog on web:3", n)
		}

		w.branch.commit(shop("web:3", "web:3"))
		w.converge()
		if n := w.healthy("web", "web:3"); n != 3 {
			t.Errorf("%d of 3 replicas on web:3 after a better commit", n)
		}
		for _, v := range w.sim.Violations() {
			t.Error(v)
		}
	})
}

// TestGitRevertEndsTheHold touches nothing: the revert asks for what runs.
func TestGitRevertEndsTheHold(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		w.branch.commit(shop("web:2", "web:1", broken))
		after(10 * time.Minute)
		effects := w.sim.Effects()
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		if n := w.sim.Effects() - effects; n != 0 {
			t.Errorf("the revert took %d ops, want none", n)
		}
		if a := w.app("shop"); a.Hold != nil || a.Held != nil {
			t.Errorf("still held after the revert: %s", a.Reason)
		}
	})
}

// TestTheWayBackMayFail breaks what was good: the rollout back stops and says
// so, and nothing goes back from there.
func TestTheWayBackMayFail(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1"))
		w.converge()
		for _, h := range w.hosts {
			h.RemoveImage("web:1")
		}
		w.branch.commit(shop("web:2", "web:1", broken))
		after(2 * time.Second)
		for _, c := range w.containers("db") {
			if err := w.hosts[c.Host].RemoveContainer(c.ID); err != nil {
				t.Fatal(err)
			}
		}
		after(30 * time.Minute)
		a := w.app("shop")
		if a.Phase != rollout.Failed || a.Hold == nil || !strings.Contains(a.Reason, "held: rolled back from") || !strings.Contains(a.Reason, "and that failed") {
			t.Errorf("the app is %s and says %q", a.Phase, a.Reason)
		}
		effects := w.sim.Effects()
		w.stop()
		w.start()
		after(time.Hour)
		if n := w.sim.Effects() - effects; n != 0 {
			t.Errorf("%d ops long after the way back had failed", n)
		}
	})
}

// TestAFirstRolloutThatFails has nothing to go back to: it stops, and what works
// stays.
func TestAFirstRolloutThatFails(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(shop("web:1", "web:1", broken))
		after(10 * time.Minute)
		a := w.app("shop")
		if a.Phase != rollout.Failed || a.Hold != nil || !strings.Contains(a.Reason, "exited with code 3") {
			t.Errorf("the app is %s, hold %v, and says %q", a.Phase, a.Hold, a.Reason)
		}
		if n := w.healthy("db", "web:1"); n != 1 {
			t.Errorf("what works did not stay: %d of db", n)
		}
	})
}

// failingWalk is a life with a failure in it, and what it must end like.
func failingWalk() []fstest.MapFS {
	return []fstest.MapFS{shop("web:1", "web:1"), shop("web:2", "web:1", broken)}
}

// fall takes a world through the failing walk and gives its end state.
func (w *world) fall() string {
	w.sim.Check(w.safe)
	w.start()
	defer func() { w.stop() }()
	states := failingWalk()
	w.branch.commit(states[0])
	w.converge()
	w.branch.commit(states[1])
	w.reach("held", func(s report.Status) bool {
		for _, a := range s.Apps {
			if a.Name == "shop" {
				return s.Busy == 0 && a.Held != nil && a.Phase == rollout.Complete && len(s.Changes) == 0
			}
		}
		return false
	})
	for _, v := range w.sim.Violations() {
		w.t.Error(v)
	}
	w.expectHeld("shop", "web:1", 1)
	w.expectHistory("0 complete", "1 failed", "0 complete rollback of 1")
	return w.endState()
}

// expectHistory compares the rollouts of app shop.
func (w *world) expectHistory(want ...string) {
	w.t.Helper()
	var got []string
	for _, r := range w.journal.history {
		if r.App != "shop" {
			continue
		}
		line := fmt.Sprintf("%s %s", strings.TrimLeft(short(r.Revision)[:7], "0")+short(r.Revision)[7:], r.Phase)
		if r.RollbackOf != "" {
			line += " rollback of " + strings.TrimLeft(short(r.RollbackOf)[:7], "0") + short(r.RollbackOf)[7:]
		}
		got = append(got, line)
	}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		w.t.Errorf("the history is %q, want %q", got, want)
	}
}

// TestCrashOnTheWayBack kills the controller after each effect and each journal
// write of a failed rollout and the way back. The end must be that of a run that
// nothing disturbed.
func TestCrashOnTheWayBack(t *testing.T) {
	everyCrash(t, func(w *world) string { return w.fall() })
}

// forgetAnswers is a controller that comes later: it knows nothing of what registries
// said before but what the journal has.
func (w *world) forgetAnswers() {
	w.stop()
	w.registries = &answers{world: w.sim, kept: map[asked]string{}}
	w.start()
}

// TestTheImagesOfThenComeBack moves the good revision's tag before the next one
// fails: what comes back is the image that the tag meant then. The registry is
// down meanwhile, and nobody asks it.
func TestTheImagesOfThenComeBack(t *testing.T) {
	registered(t, 2, func(w *world) {
		first := sim.TestImage("web:1")
		w.branch.commit(apps(pulled("web", "web:1"), pulled("other", "web:2")))
		w.converge()
		w.sim.Publish(moved("web:1"))
		w.branch.commit(apps(pulled("web", "web:2", broken), pulled("other", "web:2")))
		for w.app("web").Phase != rollout.Progressing {
			after(10 * time.Millisecond)
		}
		w.sim.RegistryDown(true)
		w.forgetAnswers()
		after(10 * time.Minute)
		if a := w.app("web"); a.Held == nil || a.Phase != rollout.Complete {
			t.Fatalf("not gone back:\n%s", w.describe())
		}
		for _, c := range w.containers("web") {
			w.lose(c) // what heals is made from the recorded digest, too
		}
		after(time.Minute)
		if got := w.runs("web", first); got != 2 {
			t.Errorf("%d of 2 replicas run what the tag meant when it was good:\n%s", got, w.describe())
		}
		w.expectImages("web", first.Digest())
	})
}

// expectImages compares what the history has of the app's good rollouts.
func (w *world) expectImages(app, digest string) {
	w.t.Helper()
	for _, r := range w.journal.history {
		if r.App == app && r.Phase == rollout.Complete && r.Images["web:1"] != digest {
			w.t.Errorf("the history has image %q of the rollout to %s, want %s", r.Images["web:1"], short(r.Revision), digest)
		}
	}
}

// TestARestartAsksNothingAnew moves a tag between two controllers of one
// revision, which an unrelated commit has brought.
func TestARestartAsksNothingAnew(t *testing.T) {
	registered(t, 2, func(w *world) {
		first := sim.TestImage("web:1")
		w.branch.commit(apps(pulled("web", "web:1"), pulled("other", "web:2")))
		w.converge()
		w.branch.commit(apps(pulled("web", "web:1"), pulled("other", "web:2", "environment: {A: b}")))
		w.converge()
		w.sim.Publish(moved("web:1"))
		asked := w.sim.Asked()
		w.forgetAnswers()
		after(10 * time.Minute)
		if n := w.sim.Asked() - asked; n != 0 {
			t.Errorf("asked the registry %d times for a revision that was known", n)
		}
		if got := w.runs("web", first); got != 2 {
			t.Errorf("%d of 2 replicas run what the tag meant at the commit", got)
		}
	})
}

// TestABetterCommitThatWaitsIsToldBesideTheHold: who mends a failed commit with an
// image that nobody can find is told so, and not of the old failure alone.
func TestABetterCommitThatWaitsIsToldBesideTheHold(t *testing.T) {
	registered(t, 2, func(w *world) {
		w.branch.commit(apps(pulled("web", "web:1"), pulled("other", "web:1")))
		w.converge()
		w.branch.commit(apps(pulled("web", "web:2", broken), pulled("other", "web:1")))
		after(5 * time.Minute)
		w.branch.commit(apps(pulled("web", "web:9"), pulled("other", "web:1")))
		after(5 * time.Minute)
		if got := w.runs("web", sim.TestImage("web:1")); got != 2 || w.app("web").Hold == nil {
			t.Errorf("%d of 2 replicas run what they went back to", got)
		}
		if reason := w.reason("web"); !strings.Contains(reason, `waits: `) || !strings.Contains(reason, `"web:9"`) {
			t.Errorf("the status says %q", reason)
		}
		if s := w.running.Status(); report.OutcomeOf(&s) != report.Incomplete {
			t.Errorf("the outcome is %s", report.OutcomeOf(&s))
		}
		w.sim.Publish(sim.TestImage("web:9"))
		w.converge()
		if got := w.runs("web", sim.TestImage("web:9")); got != 2 {
			t.Errorf("after it was pushed, %d of 2 replicas run", got)
		}
	})
}

// TestAnAppThatWantsItsCommitsReverted goes back as any, says so where it is held,
// and names that nobody reverts them here.
func TestAnAppThatWantsItsCommitsReverted(t *testing.T) {
	simulate(t, 2, func(w *world) {
		for i, step := range []fstest.MapFS{shop("web:1", "web:1"), shop("web:2", "web:1", broken)} {
			step["shop/app.yaml"].Data = []byte("apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {onFailure: revert}\n")
			w.branch.commit(step)
			if i == 0 {
				w.converge()
			}
		}
		after(10 * time.Minute)
		w.expectHeld("shop", "web:1", 1)
		a := w.app("shop")
		if !a.Hold.Revert || !strings.Contains(a.Reason, "nobody reverts it in Git") {
			t.Errorf("the hold asks for a revert: %t; it says %q", a.Hold.Revert, a.Reason)
		}
		s := w.running.Status()
		if apps, known := s.ToRevert(); !known || len(apps) != 1 || apps[0].Name != "shop" {
			t.Errorf("to be reverted are %v, known %t", apps, known)
		}
	})
}
