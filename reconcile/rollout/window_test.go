package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/schedule"
)

// nights lets rollouts begin between 22:00 and 23:00 only.
func nights(f *fleet) {
	f.desired.Apps[0].Sync.Windows = []schedule.Window{{Cron: "0 22 * * *", Duration: time.Hour}}
}

// TestACommitWaitsForItsWindow holds the app to what it was, heals that, and
// wakes when the window opens.
func TestACommitWaitsForItsWindow(t *testing.T) {
	f := newFleet("a")
	f.up(t, declared("web", "web:1", 2))
	nights(f)
	f.commit(declared("web", "web:2", 2))
	f.decide()
	held := f.choice.Desired.Apps[0].Held
	if held == nil || held.Kind != model.HeldWindow || !strings.Contains(held.Reason, "2026-01-01 22:00 UTC") {
		t.Fatalf("held %+v, want it to wait for 22:00", held)
	}
	if want := time.Date(2026, 1, 1, 22, 0, 0, 0, time.UTC); !f.choice.Wake.Equal(want) {
		t.Errorf("wakes at %s, want %s", f.choice.Wake, want)
	}
	f.host("a").Containers = f.host("a").Containers[1:]
	for range 20 {
		f.pass()
	}
	if got := f.images("web"); got != "web:1 web:1" {
		t.Errorf("%q runs, want 2 replicas of web:1: replicas run as before; a window holds up no healing", got)
	}
	f.now = f.choice.Wake
	f.run(t, Complete)
	if got := f.images("web"); got != "web:2 web:2" {
		t.Errorf("%q runs, want 2 replicas of web:2: replicas are new after the window had opened", got)
	}
}

// TestWhatHasBegunGoesOn shuts the window in the middle of a rollout, and of one
// that fails: its way back does not wait either.
func TestWhatHasBegunGoesOn(t *testing.T) {
	for name, behaviour := range map[string]string{"that works": "", "that fails": "exit"} {
		t.Run(name, func(t *testing.T) {
			f := newFleet("a")
			f.desired.Apps[0].OnFailure = model.OnFailureRollback
			f.up(t, declared("web", "web:1", 3))
			nights(f)
			f.now = time.Date(2026, 1, 1, 22, 59, 58, 0, time.UTC)
			f.commit(behaving(declared("web", "web:2", 3), behaviour))
			for range 120 {
				f.pass()
			}
			r := f.record()
			if r.Phase != Complete || (r.RollbackOf != "") != (behaviour != "") {
				t.Errorf("the app is %s, rollback of %q: %s", r.Phase, r.RollbackOf, r.Reason)
			}
		})
	}
}

func TestAPersonGoesPastTheWindow(t *testing.T) {
	f := newFleet("a")
	f.up(t, declared("web", "web:1", 1))
	nights(f)
	f.commit(declared("web", "web:2", 1))
	f.manual = true
	f.run(t, Complete)
	if got := f.images("web"); got != "web:2" {
		t.Errorf("%q runs, want 1 replicas of web:2: replica is new after `tallyman apply`", got)
	}
}

// TestAFirstRolloutWaitsToo, and makes nothing until then.
func TestAFirstRolloutWaitsToo(t *testing.T) {
	f := newFleet("a")
	nights(f)
	f.commit(declared("web", "web:1", 1))
	f.pass()
	if app := f.choice.Desired.Apps[0]; !strings.Contains(app.Waits, "sync windows") || len(f.containers("")) != 0 {
		t.Errorf("the app waits for %q with %d containers", app.Waits, len(f.containers("")))
	}
	f.now = f.choice.Wake
	f.run(t, Complete)
}

// TestTheEndOfAnAppWaitsForItsWindow: that its manifests go is a change as well.
func TestTheEndOfAnAppWaitsForItsWindow(t *testing.T) {
	f := newFleet("a")
	nights(f)
	f.manual = true
	f.up(t, declared("web", "web:1", 1))
	f.manual = false
	f.pass() // notes the policy
	f.desired.Apps, f.desired.Revision = nil, "gone"
	for range 20 {
		f.pass()
	}
	if got := f.images("web"); got != "web:1" {
		t.Fatalf("%q runs, want 1 replicas of web:1: replica runs while the window is shut", got)
	}
	f.now = time.Date(2026, 1, 1, 22, 0, 0, 0, time.UTC)
	for range 20 {
		f.pass()
	}
	if n := len(f.containers("")); n != 0 {
		t.Errorf("%d containers are left after the window had opened", n)
	}
}
