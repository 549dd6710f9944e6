package rollout

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// trio are three services of which the second depends on the first.
func trio(image, first string) []model.Service {
	needs := behaving(declared("b", image, 2), "healthy")
	needs.DependsOn = []string{"a"}
	return []model.Service{behaving(declared("a", image, 2), first), needs, behaving(declared("c", image, 4), "slow")}
}

func continuing() *fleet {
	f := newFleet("h1")
	f.desired.Apps[0].OnFailure = model.OnFailureContinue
	return f
}

// TestAServiceThatFailsLeavesTheOthersToGoOn: what it has of old serves, what
// depends on it waits, and the rollout ends when the last other has come to its
// end; also when the controller is killed in every pass.
func TestAServiceThatFailsLeavesTheOthersToGoOn(t *testing.T) {
	for _, bad := range []string{"exit", "loop", "unhealthy"} {
		for name, every := range map[string]func(*fleet){"undisturbed": func(*fleet) {}, "killed in every pass": (*fleet).restart} {
			f := continuing()
			f.up(t, trio("web:1", "healthy")...)
			f.commit(trio("web:2", bad)...)
			for range 600 {
				f.pass()
				every(f)
			}
			r := f.record()
			if r.Phase != Failed || !strings.HasPrefix(r.Reason, "shop/a-1 on h1: ") || r.Service != "a" {
				t.Errorf("%s, %s: the rollout is %s because %q", bad, name, r.Phase, r.Reason)
			}
			if a, b, c := f.images("a"), f.images("b"), f.images("c"); a != "web:1 web:1" || b != "web:1 web:1" || c != "web:2 web:2 web:2 web:2" {
				t.Errorf("%s, %s: %q, %q and %q run", bad, name, a, b, c)
			}
			if took := r.EndedAt.Sub(r.StartedAt).Seconds(); took < 120 {
				t.Errorf("%s, %s: over after %.0fs, and the slow one takes 2 minutes", bad, name, took)
			}
		}
	}
}

func TestTheFirstOfSeveralFailuresIsTheReason(t *testing.T) {
	f := continuing()
	f.up(t, trio("web:1", "healthy")...)
	services := trio("web:2", "never")
	services[2].Container.Env["BEHAVE"] = "exit"
	f.commit(services...)
	if r := f.run(t, Failed); !strings.HasPrefix(r.Reason, "shop/c-1 on h1: exited") {
		t.Errorf("failed because %q", r.Reason)
	}
	if got := f.record().Courses["a"].Failed; !strings.Contains(got, "no progress within 1m0s") {
		t.Errorf("of the second failure is kept %q", got)
	}
}

// TestAnImageThatCanNotBeHadConcernsItsService, on all its hosts, and no other.
func TestAnImageThatCanNotBeHadConcernsItsService(t *testing.T) {
	f := continuing()
	f.up(t, trio("web:1", "healthy")...)
	f.refuse = refusing("pull", "manifest unknown", true)
	services := trio("web:2", "healthy")
	services[0].Container.Image = "web:9"
	f.commit(services...)
	if r := f.run(t, Failed); r.Reason != "manifest unknown" || r.Service != "a" {
		t.Errorf("service %q failed because %q", r.Service, r.Reason)
	}
	if a, c := f.images("a"), f.images("c"); a != "web:1 web:1" || c != "web:2 web:2 web:2 web:2" {
		t.Errorf("%q and %q run", a, c)
	}
}

func TestABetterCommitEndsAFailureApart(t *testing.T) {
	f := continuing()
	f.up(t, trio("web:1", "healthy")...)
	f.commit(trio("web:2", "exit")...)
	f.passes(20) // the others are still on their way
	f.commit(trio("web:3", "healthy")...)
	if r := f.run(t, Complete); r.Reason != "" || len(r.Courses) > 0 {
		t.Errorf("the next rollout carries %q and %v along", r.Reason, r.Courses)
	}
	for _, service := range []string{"a", "b", "c"} {
		if got := f.images(service); strings.Contains(got, "web:1") || strings.Contains(got, "web:2") {
			t.Errorf("%q runs of %s", got, service)
		}
	}
}

// TestWhatWentOnIsHealedAfterwards: the rollout has failed, and a replica of
// another service that ends is mended.
func TestWhatWentOnIsHealedAfterwards(t *testing.T) {
	f := continuing()
	f.up(t, trio("web:1", "healthy")...)
	f.commit(trio("web:2", "exit")...)
	f.run(t, Failed)
	f.kill("c")
	f.passes(120)
	if got := f.images("c"); got != "web:2 web:2 web:2 web:2" {
		t.Errorf("%q runs", got)
	}
	if r := f.record(); r.Phase != Failed {
		t.Errorf("the rollout is %s", r.Phase)
	}
}
