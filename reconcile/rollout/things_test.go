package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// networked gives the app a network and the service an attachment to it.
func (f *fleet) networked(s model.Service) model.Service {
	f.desired.Apps[0].Networks = []model.Network{{App: "shop", Name: "front", HostName: "shop-front"}}
	s.Container.Networks = []model.Attachment{{Network: "shop-front"}}
	return s
}

func TestThingsAreMadeBeforeReplicasAndGoAfterThem(t *testing.T) {
	f := newFleet("h1")
	f.commit(f.networked(declared("web", "web:9", 1)))
	f.run(t, Complete)
	want := "pull web:9, createNetwork it, create web-1, start web-1"
	if got := strings.Join(f.log, ", "); got != want {
		t.Errorf("was done as %q, want %q", got, want)
	}
	f.log = nil
	f.commit()
	f.run(t, Complete)
	want = "stop web-1, gone web-1, remove it, removeNetwork it"
	if got := strings.Join(f.log, ", "); got != want {
		t.Errorf("was undone as %q, want %q", got, want)
	}
}

// TestANetworkThatCanNotGoDoesNotHoldUpTheRevision: somebody else's container may
// be on it for ever.
func TestANetworkThatCanNotGoDoesNotHoldUpTheRevision(t *testing.T) {
	f := newFleet("h1")
	f.up(t, f.networked(declared("web", "web:1", 1)))
	f.refuse = refusing("removeNetwork", "network has active endpoints", false)
	f.desired.Apps[0].Networks = nil
	f.commit(declared("web", "web:1", 1))
	for range 60 {
		f.pass()
	}
	if r := f.record(); r.Phase != Complete || r.Digest != f.desired.Apps[0].Digest {
		t.Errorf("%s: %s", r.Phase, r.Reason)
	}
	if got := f.held("network shop-front on h1"); !strings.Contains(got, "active endpoints") {
		t.Errorf("of the network it says %q", got)
	}
	f.refuse = refusing("", "", false)
	for range 600 {
		f.pass()
	}
	if left := f.host("h1").Networks; len(left) != 0 {
		t.Errorf("not removed when it could be: %v", left)
	}
}

func TestAReplicaWaitsForTheNetworkThatItIsToBeJoinedTo(t *testing.T) {
	f := newFleet("h1")
	f.up(t, f.networked(declared("web", "web:1", 1)), declared("db", "web:1", 1))
	f.host("h1").Networks = nil
	f.kill("web")
	f.kill("db")
	f.hang = func(op model.Op) bool { return model.Verb(op) == "createNetwork" }
	f.pass()
	if got := f.held("shop/web-1"); got != "waits for network shop-front on h1" {
		t.Errorf("web says %q", got)
	}
	if got := f.images("db"); got != "web:1" {
		t.Errorf("db waits for a network that it is not on: %s", f.held("shop/db-1"))
	}
	f.hang = func(model.Op) bool { return false }
	f.run(t, Complete)
	f.pass()
	if got := f.images("web"); got != "web:1" {
		t.Errorf("%q runs", got)
	}
}

// TestAMissingReplicaWaitsOnlyForWhatItNeeds: healing, not a rollout.
func TestAMissingReplicaWaitsOnlyForWhatItNeeds(t *testing.T) {
	f := newFleet("h1")
	web := f.networked(declared("web", "web:1", 1))
	web.Container.Mounts = []model.Mount{{Kind: model.MountVolume, Source: "shop-data", Target: "/data"}}
	f.desired.Apps[0].Volumes = []model.Volume{{App: "shop", Name: "data", HostName: "shop-data"}}
	f.up(t, web, declared("db", "web:2", 1))
	h := f.host("h1")
	h.Containers = nil
	h.Volumes = nil
	f.hang = func(op model.Op) bool { return model.Verb(op) == "createVolume" }
	f.pass()
	if got := f.held("shop/web-1"); got != "waits for volume shop-data on h1" {
		t.Errorf("web says %q", got)
	}
	if got := f.images("db"); got != "web:2" {
		t.Errorf("db waits: %s", f.held("shop/db-1"))
	}
}

func TestAnAppThatAsksForNothingIsComplete(t *testing.T) {
	f := newFleet("h1")
	f.commit()
	f.decide()
	if r := f.record(); r.Phase != Complete || !r.EndedAt.Equal(f.now) {
		t.Errorf("is %s", r.Phase)
	}
}

// TestADifferenceThatIsThereAgainEachTimeIsReported: somebody, or the engine,
// makes something else of each new container.
func TestADifferenceThatIsThereAgainEachTimeIsReported(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 1))
	spoil := func() {
		for _, c := range f.containers("web") {
			c.Spec.Hostname = "spoilt"
		}
	}
	spoil()
	for range 7200 {
		f.pass()
		spoil()
	}
	if f.made > 2*healTries {
		t.Errorf("made %d containers", f.made)
	}
	if got := f.held("shop/web-1"); !strings.HasPrefix(got, "given up: put right 10 times and wrong again each time") {
		t.Errorf("says %q", got)
	}
	if len(f.containers("web")) > 2 || f.images("web") == "" {
		t.Errorf("%d containers, %q runs", len(f.containers("web")), f.images("web"))
	}
}

func TestANewAppOutlivesTheOneWhoseNameItTakesOver(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 1))
	f.desired.Apps[0].Sync.Auto = false
	f.rename("store")
	for range 60 {
		f.pass()
	}
	if got := f.images("web"); got != "web:1" {
		t.Errorf("the new app waits for a person, and %q runs", got)
	}
}

func TestTheDeadlineRunsFromTheLastProgress(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 6))
	web := behaving(declared("web", "web:2", 6), "slow") // 30 s each, 3 minutes in all, a deadline of one
	f.commit(web)
	if r := f.run(t, Complete); r.Reason != "" {
		t.Error(r.Reason)
	}
}

func TestADecisionAsksToBeWokenForTheDeadline(t *testing.T) {
	f := newFleet("h1")
	f.commit(behaving(declared("web", "web:1", 1), "never"))
	f.decide()
	f.work()
	f.advance(10 * time.Second)
	if got, want := f.decide().Wake, f.now.Add(50*time.Second); !got.Equal(want) {
		t.Errorf("asks to be woken at %s, want %s", got, want)
	}
}

func TestReady(t *testing.T) {
	started := dawn
	for name, tc := range map[string]struct {
		c    model.Container
		at   time.Duration
		want bool
	}{
		"just started":             {model.Container{State: model.StateRunning, StartedAt: started}, 0, false},
		"almost":                   {model.Container{State: model.StateRunning, StartedAt: started}, 5*time.Second - 1, false},
		"ran through":              {model.Container{State: model.StateRunning, StartedAt: started}, 5 * time.Second, true},
		"healthy at once":          {model.Container{State: model.StateRunning, StartedAt: started, Health: model.HealthHealthy}, 0, true},
		"starting for long":        {model.Container{State: model.StateRunning, StartedAt: started, Health: model.HealthStarting}, time.Hour, false},
		"unhealthy":                {model.Container{State: model.StateRunning, StartedAt: started, Health: model.HealthUnhealthy}, time.Hour, false},
		"paused":                   {model.Container{State: model.StatePaused, StartedAt: started, Health: model.HealthHealthy}, time.Hour, false},
		"restarting":               {model.Container{State: model.StateRestarting, StartedAt: started}, time.Hour, false},
		"not inspected":            {model.Container{State: model.StateRunning}, time.Hour, false},
		"exited after a long time": {model.Container{State: model.StateExited, StartedAt: started}, time.Hour, false},
	} {
		if got := Ready(&tc.c, 5*time.Second, started.Add(tc.at)); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestBackoffDoublesUpToFiveMinutes(t *testing.T) {
	want := []time.Duration{0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}
	var got []time.Duration
	for tries := range want {
		got = append(got, backoff(tries)/time.Second)
	}
	if !slices.Equal(got, want) {
		t.Errorf("pauses are %v", got)
	}
	if backoff(1000) != maxBackoff {
		t.Error("overflows")
	}
}

func TestUntilStart(t *testing.T) {
	all := []model.Op{model.PullImage{}, model.CreateContainer{}, model.CopyFiles{}, model.StopContainer{}, model.StartContainer{}}
	if got := untilStart(all, false); len(got) != 3 {
		t.Errorf("%d ops come before anything stops or starts", len(got))
	}
	if got := untilStart(all[:2], false); len(got) != 2 {
		t.Errorf("%d ops of two that neither stop nor start", len(got))
	}
	if starts(&plan.Change{}) {
		t.Error("a change without steps starts something")
	}
}

// TestAVolumeInTheWayEndsTheRolloutInTime: a volume that can't be as the revision
// asks is a failure after the deadline, also when every replica runs on.
func TestAVolumeInTheWayEndsTheRolloutInTime(t *testing.T) {
	f := newFleet("h1")
	web := declared("web", "web:1", 1)
	web.Container.Mounts = []model.Mount{{Kind: model.MountVolume, Source: "shop-data", Target: "/data"}}
	f.desired.Apps[0].Volumes = []model.Volume{{App: "shop", Name: "data", HostName: "shop-data", Driver: "local"}}
	f.up(t, web)
	f.desired.Apps[0].Volumes[0].Driver = "other"
	f.commit(web)
	f.run(t, Failed)
	if r := f.record(); !strings.Contains(r.Reason, "was made with other settings") {
		t.Errorf("the rollout failed because %q", r.Reason)
	}
	if took := f.record().EndedAt.Sub(f.record().StartedAt); took > web.Update.Deadline+time.Minute {
		t.Errorf("it took %s, the deadline is %s", took, web.Update.Deadline)
	}
}
