package rollout

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

func TestStartFirstKeepsTheOldUntilTheNewIsHealthy(t *testing.T) {
	f := newFleet("h1")
	f.up(t, behaving(declared("web", "web:1", 1), "healthy"))
	f.commit(behaving(declared("web", "web:2", 1), "healthy"))
	f.run(t, Complete)
	want := "create web-1, start web-1, stop web-1, gone web-1, remove it"
	if got := strings.Join(f.log, ", "); got != want {
		t.Errorf("was done as %q, want %q", got, want)
	}
	if got := f.images("web"); got != "web:2" {
		t.Errorf("%q runs", got)
	}
}

func TestStopFirstStopsOnlyWhenTheNewIsMade(t *testing.T) {
	f := newFleet("h1")
	web := behaving(declared("web", "web:1", 1), "healthy")
	web.Update.Order = model.OrderStopFirst
	f.up(t, web)
	web.Container.Image = "web:2"
	f.commit(web)
	f.decide()
	f.work()
	if got, want := strings.Join(f.log, ", "), "create web-1, stop web-1, start web-1"; got != want {
		t.Errorf("was done as %q, want %q", got, want)
	}
	if len(f.containers("web")) != 2 {
		t.Errorf("the old one went before the new one is healthy")
	}
	f.run(t, Complete)
	if len(f.containers("web")) != 1 {
		t.Errorf("%d containers are left", len(f.containers("web")))
	}
}

// TestParallelism counts, at every moment, the slots that have two containers.
func TestParallelism(t *testing.T) {
	for _, parallelism := range []int{1, 2, 5} {
		f := newFleet("h1", "h2")
		f.up(t, behaving(declared("web", "web:1", 5), "healthy"))
		web := behaving(declared("web", "web:2", 5), "healthy")
		web.Update.Parallelism = model.Portion{N: parallelism}
		f.commit(web)
		most := 0
		for f.record().Phase != Complete || f.record().Digest != f.desired.Apps[0].Digest {
			f.pass()
			most = max(most, len(f.containers("web"))-5)
		}
		if most != parallelism {
			t.Errorf("%d replicas were in hand at once, want %d", most, parallelism)
		}
	}
}

func TestWithoutHealthCheckAReplicaIsWatchedForTheMonitorTime(t *testing.T) {
	f := newFleet("h1")
	web := declared("web", "web:1", 1)
	web.Update.Monitor = 20 * time.Second
	f.commit(web)
	start := f.now
	f.run(t, Complete)
	if took := f.now.Sub(start); took < 20*time.Second || took > 23*time.Second {
		t.Errorf("counted as good after %s", took)
	}
}

func TestWakeIsWhenTheMonitorTimeEnds(t *testing.T) {
	f := newFleet("h1")
	f.commit(declared("web", "web:1", 1))
	f.decide()
	f.work()
	if got, want := f.decide().Wake, f.now.Add(5*time.Second); !got.Equal(want) {
		t.Errorf("asks to be woken at %s, want %s", got, want)
	}
}

func TestWithHealthCheckOnlyHealthyCounts(t *testing.T) {
	f := newFleet("h1")
	f.commit(behaving(declared("web", "web:1", 1), "slow"))
	start := f.now
	f.run(t, Complete)
	if took := f.now.Sub(start); took < 30*time.Second {
		t.Errorf("counted as good after %s, healthy after 30s", took)
	}
}

func TestADependentWaitsUntilWhatItNeedsIsHealthy(t *testing.T) {
	f := newFleet("h1")
	web := declared("web", "web:1", 1)
	web.DependsOn = []string{"db"}
	f.commit(behaving(declared("db", "web:1", 1), "slow"), web)
	for f.containers("db") == nil || f.containers("db")[0].Health != model.HealthHealthy {
		f.pass()
		if len(f.containers("web")) > 0 {
			t.Fatal("web was made before db was healthy")
		}
	}
	if got := f.held("shop/web-1"); got != `waits for service "db" to be healthy` {
		t.Errorf("says %q", got)
	}
	f.run(t, Complete)
}

func TestNothingIsTouchedBeforeTheImageIsThere(t *testing.T) {
	f := newFleet("h1", "h2")
	f.up(t, declared("db", "web:1", 1), declared("web", "web:1", 1))
	f.refuse = func(op model.Op) (string, bool) {
		_, pull := op.(model.PullImage)
		if pull {
			return "manifest unknown", true
		}
		return "", false
	}
	f.commit(declared("db", "web:2", 1), declared("web", "web:9", 1))
	r := f.run(t, Failed)
	if r.Reason != "manifest unknown" {
		t.Errorf("failed because %q", r.Reason)
	}
	for range 30 {
		f.pass()
	}
	if len(f.log) != 0 {
		t.Errorf("did %v", f.log)
	}
}

// TestWhatFailsARollout: the phase is Failed, the reason is for people, the old
// one serves on, and nothing more is begun.
func TestWhatFailsARollout(t *testing.T) {
	for _, tc := range []struct {
		name    string
		service func() model.Service
		refuse  func(model.Op) (string, bool)
		reason  string
		runs    string
	}{
		{"exit", func() model.Service { return behaving(declared("web", "web:2", 2), "exit") }, nil,
			"shop/web-1 on h1: exited with code 3", "web:1 web:1"},
		{"crash loop", func() model.Service { return behaving(declared("web", "web:2", 2), "loop") }, nil,
			"shop/web-1 on h1: exited with code 3, restarted 2 times", "web:1 web:1"},
		{"unhealthy", func() model.Service { return behaving(declared("web", "web:2", 2), "unhealthy") }, nil,
			"shop/web-1 on h1: unhealthy", "web:1 web:1"},
		{"never healthy", func() model.Service { return behaving(declared("web", "web:2", 2), "never") }, nil,
			"shop/web-1 on h1: health check says starting; no progress within 1m0s", "web:1 web:1 web:2"},
		{"refused for good", func() model.Service { return declared("web", "web:2", 2) }, refusing("create", "invalid mount", true),
			"shop/web-1 on h1: invalid mount", "web:1 web:1"},
		{"refused again and again", func() model.Service { return declared("web", "web:2", 2) }, refusing("create", "no space left", false),
			"shop/web-1 on h1: no space left", "web:1 web:1"},
		{"pull fails again and again", func() model.Service { return declared("web", "web:9", 2) }, refusing("pull", "connection refused", false),
			"connection refused", "web:1 web:1"},
		{"no host", func() model.Service {
			s := declared("web", "web:2", 2)
			s.Placement.Constraints = []model.Constraint{{Attribute: "host.labels.disk", Operator: "==", Value: "ssd"}}
			return s
		}, nil, "shop/web-1: no host for web-1: h1 lacks label disk=ssd; no progress within 1m0s", "web:1 web:1"},
		{"image missing and not to be pulled", func() model.Service {
			s := declared("web", "web:9", 2)
			s.Pull = "never"
			return s
		}, nil, `shop/web-1 on h1: image "web:9" is not on host "h1", and pull is never; load it there or set pull: missing; no progress within 1m0s`, "web:1 web:1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFleet("h1")
			f.up(t, declared("web", "web:1", 2))
			if tc.refuse != nil {
				f.refuse = tc.refuse
			}
			f.commit(tc.service())
			r := f.run(t, Failed)
			if r.Reason != tc.reason {
				t.Errorf("failed because %q, want %q", r.Reason, tc.reason)
			}
			for range 5 {
				f.pass()
			}
			made := f.made
			f.restart()
			for range 600 {
				f.pass()
			}
			if !reflect.DeepEqual(f.record(), r) {
				t.Errorf("did not stay failed: %+v", f.record())
			}
			if f.made != made {
				t.Errorf("made %d more containers after the failure", f.made-made)
			}
			if tc.name != "never healthy" && f.images("web") != tc.runs {
				t.Errorf("%q runs, want %q", f.images("web"), tc.runs)
			}
		})
	}
}

func refusing(verb, reason string, permanent bool) func(model.Op) (string, bool) {
	return func(op model.Op) (string, bool) {
		if model.Verb(op) == verb {
			return reason, permanent
		}
		return "", false
	}
}

func TestTheFailedContainerIsNamedAndStopped(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 1))
	f.commit(behaving(declared("web", "web:2", 1), "unhealthy"))
	r := f.run(t, Failed)
	c := f.containers("web")[1]
	if r.Service != "web" || r.Host != "h1" || r.Container != c.ID {
		t.Errorf("blames %q on %q of service %q, want %q", r.Container, r.Host, r.Service, c.ID)
	}
	f.pass()
	f.pass()
	if c := f.containers("web")[1]; c.Running() || len(f.containers("web")) != 2 {
		t.Errorf("the failed container is %s", c.State)
	}
}

func TestAFailedStopFirstReplicaIsLeftRunning(t *testing.T) {
	f := newFleet("h1")
	web := declared("web", "web:1", 1)
	web.Update.Order = model.OrderStopFirst
	f.up(t, web)
	web.Container.Image = "web:2"
	f.commit(behaving(web, "unhealthy"))
	f.run(t, Failed)
	for range 10 {
		f.pass()
	}
	if got := f.images("web"); got != "web:2" {
		t.Errorf("%q runs: nothing else is there to serve", got)
	}
}

func TestMaxFailuresAreTriedAgainAndTheRestGoesOn(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 3))
	web := behaving(declared("web", "web:2", 3), "healthy")
	web.Update.MaxFailures = model.Portion{N: 1}
	failures := 2
	f.commit(web)
	f.refuse = func(op model.Op) (string, bool) {
		start, ok := op.(model.StartContainer)
		if ok && failures > 0 && strings.HasPrefix(start.Name, "shop-web-1-") {
			failures--
			return "out of file descriptors", false
		}
		return "", false
	}
	f.run(t, Complete)
	if got := f.images("web"); got != "web:2 web:2 web:2" {
		t.Errorf("%q runs", got)
	}
}

func TestMoreFailuresThanAllowedStop(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 4))
	web := behaving(declared("web", "web:2", 4), "exit")
	web.Update.MaxFailures = model.Portion{N: 1}
	f.commit(web)
	f.run(t, Failed)
	f.pass()
	if got := len(f.containers("web")); got != 6 {
		t.Errorf("%d containers, want the 4 old ones and 2 failed ones", got)
	}
}

func TestANewerCommitCancelsAndGoesToTheNewest(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 2))
	f.hang = func(op model.Op) bool { return model.Verb(op) == "pull" }
	f.commit(declared("web", "web:9", 2))
	f.pass()
	if len(f.busy) != 1 {
		t.Fatalf("%d tasks at work", len(f.busy))
	}
	f.commit(declared("web", "web:3", 2))
	if r := f.decide(); len(r.Cancel) != 1 || r.Cancel[0].Kind != plan.KindImage {
		t.Errorf("cancels %v", r.Cancel)
	}
	f.run(t, Complete)
	if got := f.images("web"); got != "web:3 web:3" {
		t.Errorf("%q runs", got)
	}
	if strings.Contains(strings.Join(f.log, " "), "web:9") {
		t.Errorf("went by way of the commit in between: %v", f.log)
	}
}

func TestANewerCommitClearsAFailure(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 2))
	f.commit(behaving(declared("web", "web:2", 2), "exit"))
	f.run(t, Failed)
	f.commit(declared("web", "web:1", 2))
	f.run(t, Complete)
	if got, all := f.images("web"), len(f.containers("web")); got != "web:1 web:1" || all != 2 {
		t.Errorf("%q runs, %d containers", got, all)
	}
}

func TestARolloutGoesOnAfterTheControllerIsKilledAnywhere(t *testing.T) {
	for at := range 25 {
		f := newFleet("h1", "h2")
		f.up(t, behaving(declared("web", "web:1", 3), "healthy"))
		f.commit(behaving(declared("web", "web:2", 3), "healthy"))
		for range at {
			f.pass()
		}
		f.decide()
		f.restart()
		f.run(t, Complete)
		if got, all := f.images("web"), len(f.containers("web")); got != "web:2 web:2 web:2" || all != 3 {
			t.Errorf("killed after %d passes: %q runs, %d containers", at, got, all)
		}
	}
}
