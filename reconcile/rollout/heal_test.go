package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// kill ends a service's first container as a person would.
func (f *fleet) kill(service string) {
	c := f.containers(service)[0]
	c.State, c.ExitCode, c.FinishedAt = model.StateExited, 137, f.now
}

func TestWhatEndsIsStartedAgain(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 2))
	f.kill("web")
	f.pass()
	if got := f.images("web"); got != "web:1 web:1" {
		t.Errorf("%q runs", got)
	}
	if f.record().Phase != Complete {
		t.Errorf("healing made the app %s", f.record().Phase)
	}
}

// TestHealingSlowsDown: starts work, and the thing ends at once each time. It is
// started again, as an engine or Kubernetes would, ever more slowly.
func TestHealingSlowsDown(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 1))
	for range 20 {
		f.pass() // until the try that made it is forgotten
	}
	f.containers("web")[0].Spec.Env = map[string]string{"BEHAVE": "exit"}
	f.desired.Apps[0].Services[0].Container.Env = map[string]string{"BEHAVE": "exit"} // same digest: no commit
	f.kill("web")
	var starts []time.Time
	for range 7200 {
		before := len(f.log)
		f.decide()
		f.work()
		if len(f.log) > before {
			starts = append(starts, f.now)
		}
		f.advance(time.Second)
	}
	if len(starts) < 20 || len(starts) > 40 {
		t.Fatalf("started %d times in 2 hours, want some 30: each 5 minutes in the end", len(starts))
	}
	for i := 2; i < len(starts); i++ {
		if gap, last := starts[i].Sub(starts[i-1]), starts[i-1].Sub(starts[i-2]); gap < last {
			t.Errorf("start %d came after %s, the one before after %s", i, gap, last)
		}
	}
	if got := f.held("shop/web-1"); !strings.HasPrefix(got, "next try in") {
		t.Errorf("says %q", got)
	}
}

func TestWhatFailsOutsideIsTriedForEver(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 1))
	f.kill("web")
	f.refuse = refusing("start", "disk is full", false)
	for range 7200 {
		f.pass()
	}
	if got := f.held("shop/web-1"); !strings.Contains(got, "next try in") || !strings.Contains(got, "disk is full") {
		t.Errorf("says %q", got)
	}
	f.refuse = refusing("", "", false)
	for range 301 {
		f.pass()
	}
	if got := f.images("web"); got != "web:1" {
		t.Errorf("not healed after the disk had room: %q runs", got)
	}
}

func TestTriesAreForgottenWhenAllIsWell(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 1))
	for range 30 {
		f.kill("web")
		f.pass()
		if got := f.images("web"); got != "web:1" {
			t.Fatalf("%q runs: %s", got, f.held("shop/web-1"))
		}
		for range 60 {
			f.pass()
		}
	}
}

func TestABackoffAsksToBeWoken(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 1))
	for range 20 {
		f.pass()
	}
	f.kill("web")
	f.refuse = refusing("start", "busy", false)
	f.decide()
	f.work()
	r := f.decide()
	if want := f.now.Add(firstBackoff); !r.Wake.Equal(want) || len(r.Tasks) != 0 {
		t.Errorf("wakes at %s with %d tasks, want %s and none", r.Wake, len(r.Tasks), want)
	}
}

func TestSelfHealOffReportsDrift(t *testing.T) {
	f := newFleet("h1")
	f.desired.Apps[0].Sync.SelfHeal = false
	f.up(t, declared("web", "web:1", 1))
	f.kill("web")
	f.pass()
	if got := f.images("web"); got != "" {
		t.Errorf("%q runs", got)
	}
	if got := f.held("shop/web-1"); !strings.Contains(got, "selfHeal is off") {
		t.Errorf("says %q", got)
	}
	f.manual = true
	f.pass()
	if got := f.images("web"); got != "web:1" {
		t.Errorf("a person asked, and %q runs", got)
	}
}

func TestAutoOffWaitsForAPerson(t *testing.T) {
	f := newFleet("h1")
	f.desired.Apps[0].Sync.Auto = false
	f.commit(declared("web", "web:1", 1))
	for range 30 {
		f.pass()
	}
	if len(f.containers("")) != 0 || !strings.Contains(f.held("shop/web-1"), "sync.auto is off") {
		t.Errorf("%d containers, says %q", len(f.containers("")), f.held("shop/web-1"))
	}
	f.manual = true
	f.run(t, Complete)
	f.manual = false
	f.kill("web")
	f.pass()
	if got := f.images("web"); got != "web:1" {
		t.Errorf("what a person rolled out is not healed: %q runs", got)
	}
}

// TestARemovalThatFailsIsPutOff: a container that can't be removed must not be
// tried in every pass.
func TestARemovalThatFailsIsPutOff(t *testing.T) {
	for name, commit := range map[string]func(*fleet){
		"removed service":  func(f *fleet) { f.commit() },
		"replaced replica": func(f *fleet) { f.commit(declared("web", "web:2", 1)) },
		"removed app":      func(f *fleet) { f.desired.Apps = nil },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet("h1")
			f.up(t, declared("web", "web:1", 1))
			tries := 0
			f.refuse = func(op model.Op) (string, bool) {
				if _, remove := op.(model.RemoveContainer); remove {
					tries++
					return "device or resource busy", false
				}
				return "", false
			}
			commit(f)
			for range 60 {
				f.pass()
			}
			if tries < 2 || tries > 8 {
				t.Errorf("tried %d times within a minute", tries)
			}
		})
	}
}

// TestAFailedContainerThatCanNotBeStoppedIsPutOff is the same of a stop.
func TestAFailedContainerThatCanNotBeStoppedIsPutOff(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 1))
	f.commit(behaving(declared("web", "web:2", 1), "unhealthy"))
	tries := 0
	f.refuse = func(op model.Op) (string, bool) {
		if _, stop := op.(model.StopContainer); stop {
			tries++
			return "tried to kill container, but did not receive an exit event", false
		}
		return "", false
	}
	f.run(t, Failed)
	for range 60 {
		f.pass()
	}
	if tries < 2 || tries > 8 {
		t.Errorf("tried %d times within a minute", tries)
	}
	f.refuse = refusing("", "", false)
	for range 600 {
		f.pass()
	}
	if got := f.images("web"); got != "web:1" || f.record().Phase != Failed {
		t.Errorf("%q runs, and the rollout is %s", got, f.record().Phase)
	}
}

// TestWhatWorksIsHealedBesideAFailure: services that are not to blame keep
// being healed when the rollout has failed.
func TestWhatWorksIsHealedBesideAFailure(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("db", "web:1", 2), declared("web", "web:1", 1))
	f.commit(declared("db", "web:2", 2), behaving(declared("web", "web:2", 1), "slow"))
	for f.images("db") != "web:2 web:2" {
		f.pass()
	}
	for _, c := range f.containers("web") {
		if c.Spec.Image == "web:2" {
			c.Spec.Env["BEHAVE"] = "unhealthy"
		}
	}
	f.run(t, Failed)
	f.kill("db")
	f.pass()
	if got := f.images("db"); got != "web:2 web:2" {
		t.Errorf("stopped: %q runs; %s", got, f.held("shop/db-1"))
	}
	h := f.host("h1")
	for i := range h.Containers {
		if h.Containers[i].Owner.Service == "db" {
			h.Containers = append(h.Containers[:i], h.Containers[i+1:]...)
			break
		}
	}
	for range 60 {
		f.pass()
	}
	if got := f.images("db"); got != "web:2 web:2" {
		t.Errorf("removed: %q runs; %s", got, f.held("shop/db-1"))
	}
}

// TestAFailedFirstRolloutBeginsNothingMore: what never ran is not healing.
func TestAFailedFirstRolloutBeginsNothingMore(t *testing.T) {
	f := newFleet("h1")
	f.refuse = refusing("pull", "no such image", true)
	f.commit(declared("db", "web:1", 1), declared("web", "web:9", 1))
	f.run(t, Failed)
	for range 60 {
		f.pass()
	}
	if len(f.containers("")) != 0 {
		t.Errorf("made %s", f.log)
	}
}

// TestPullsDoNotHoldUpHealing: a replica dies while a big image is on its way.
func TestPullsDoNotHoldUpHealing(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("db", "web:1", 1), declared("web", "web:1", 1))
	f.hang = func(op model.Op) bool { return strings.HasPrefix(f.target(op), "web:9") }
	f.commit(declared("db", "web:1", 1), declared("web", "web:9", 1))
	f.pass()
	f.kill("db")
	f.pass()
	if got := f.images("db"); got != "web:1" {
		t.Errorf("db waits for web's image: %s", f.held("shop/db-1"))
	}
}

func TestAContainerOfThisRolloutDyingLaterIsHealed(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 1))
	f.kill("web")
	f.restart()
	f.pass()
	if f.record().Phase != Complete || f.images("web") != "web:1" {
		t.Errorf("%s, %q runs", f.record().Phase, f.images("web"))
	}
}
