package report

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// scene is one app "shop" with one service "web" on one host, complete.
func scene(containers ...model.Container) Input {
	for i := range containers {
		c := &containers[i]
		c.Host, c.Owner.Owner, c.Owner.App, c.Owner.Service = "h1", "us", "shop", "web"
		c.Spec = &model.ContainerSpec{Image: "web:1"}
	}
	return Input{
		Now: noon,
		Desired: &model.Desired{
			Owner: "us", Hosts: []model.Host{{Name: "h1", Schedulable: true}},
			Apps: []model.App{{Name: "shop", Digest: "d1", Services: []model.Service{{
				App: "shop", Name: "web", Mode: model.ModeReplicated, Container: model.ContainerSpec{Image: "web:1"},
				Update: model.Update{Monitor: 10 * time.Second},
			}}}},
		},
		Live: &model.Live{Hosts: []model.HostState{{Name: "h1", Reachable: true, Containers: containers}}},
		Rollout: rollout.Result{
			Held:  map[plan.Key]string{},
			State: rollout.State{Records: map[string]rollout.Record{"shop": {App: "shop", Digest: "d1", Phase: rollout.Complete}}},
		},
	}
}

func web(slot string) plan.Key {
	return plan.Key{Kind: plan.KindReplica, App: "shop", Service: "web", Slot: slot}
}

func running(id string) model.Container {
	return model.Container{ID: id, Name: "shop-web-" + id, State: model.StateRunning, StartedAt: noon.Add(-time.Hour)}
}

func with(c model.Container, change func(*model.Container)) model.Container {
	change(&c)
	return c
}

func TestHealthOfAReplica(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*model.Container)
		health Health
		reason string
	}{
		"running":            {func(*model.Container) {}, Healthy, ""},
		"within its monitor": {func(c *model.Container) { c.StartedAt = noon.Add(-9 * time.Second) }, Progressing, ""},
		"not inspected":      {func(c *model.Container) { c.StartedAt = time.Time{} }, Progressing, ""},
		"past its monitor":   {func(c *model.Container) { c.StartedAt = noon.Add(-10 * time.Second) }, Healthy, ""},
		"healthy at once":    {func(c *model.Container) { c.StartedAt, c.Health = noon, model.HealthHealthy }, Healthy, ""},
		"starting":           {func(c *model.Container) { c.Health = model.HealthStarting }, Progressing, ""},
		"unhealthy":          {func(c *model.Container) { c.Health, c.HealthOutput = model.HealthUnhealthy, "refused" }, Degraded, "unhealthy: refused"},
		"created":            {func(c *model.Container) { c.State = model.StateCreated }, Progressing, ""},
		"paused":             {func(c *model.Container) { c.State = model.StatePaused }, Suspended, ""},
		"restarting":         {func(c *model.Container) { c.State, c.ExitCode = model.StateRestarting, 2 }, Degraded, "exited with code 2"},
		"exited":             {func(c *model.Container) { c.State, c.OOMKilled, c.ExitCode = model.StateExited, true, 137 }, Degraded, "exited with code 137 (out of memory)"},
		"dead":               {func(c *model.Container) { c.State = model.StateDead }, Degraded, "exited with code 0"},
	} {
		t.Run(name, func(t *testing.T) {
			in := scene(with(running("a"), tc.change))
			in.Plan.Changes = []plan.Change{{Key: web("1"), Host: "h1", Verdict: plan.Unchanged, Current: "a"}}
			s := Fold(in)
			r := s.Apps[0].Services[0].Replicas[0]
			if r.Health != tc.health || r.Reason != tc.reason {
				t.Errorf("is %s because %q, want %s because %q", r.Health, r.Reason, tc.health, tc.reason)
			}
			if s.Health != tc.health || s.Apps[0].Health != tc.health || s.Apps[0].Services[0].Health != tc.health {
				t.Errorf("the whole is %s, the app %s, the service %s", s.Health, s.Apps[0].Health, s.Apps[0].Services[0].Health)
			}
		})
	}
}

// TestCounts: of how many, how many are new, old, ready.
func TestCounts(t *testing.T) {
	starting := with(running("new"), func(c *model.Container) { c.Health = model.HealthStarting })
	for name, tc := range map[string]struct {
		containers []model.Container
		change     plan.Change
		want       [4]int
	}{
		"as asked for":                     {[]model.Container{running("a")}, plan.Change{Verdict: plan.Unchanged, Current: "a"}, [4]int{1, 1, 0, 1}},
		"missing":                          {nil, plan.Change{Verdict: plan.Create}, [4]int{1, 0, 0, 0}},
		"still the old one":                {[]model.Container{running("old")}, plan.Change{Verdict: plan.Replace, Old: []string{"old"}}, [4]int{1, 0, 1, 1}},
		"the new one starts, the old runs": {[]model.Container{running("old"), starting}, plan.Change{Verdict: plan.Replace, Current: "new", Old: []string{"old"}}, [4]int{1, 1, 1, 1}},
		"the new one starts alone":         {[]model.Container{starting}, plan.Change{Verdict: plan.Unchanged, Current: "new"}, [4]int{1, 1, 0, 0}},
		"ended, to be started": {[]model.Container{with(running("a"), func(c *model.Container) { c.State = model.StateExited })},
			plan.Change{Verdict: plan.Update, Current: "a"}, [4]int{1, 0, 0, 0}},
		"on its way out":         {[]model.Container{running("a")}, plan.Change{Verdict: plan.Remove, Removal: true, Old: []string{"a"}}, [4]int{0, 0, 0, 0}},
		"kept by a guard":        {[]model.Container{running("a")}, plan.Change{Verdict: plan.Blocked, Removal: true, Old: []string{"a"}}, [4]int{0, 0, 0, 0}},
		"no host for the new":    {[]model.Container{running("old")}, plan.Change{Verdict: plan.Blocked, Old: []string{"old"}}, [4]int{1, 0, 1, 1}},
		"can't be inspected yet": {[]model.Container{running("a")}, plan.Change{Verdict: plan.Blocked, Current: "a"}, [4]int{1, 1, 0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			in := scene(tc.containers...)
			tc.change.Key = web("1")
			in.Plan.Changes = []plan.Change{tc.change}
			s := Fold(in).Apps[0].Services[0]
			if got := [4]int{s.Of, s.New, s.Old, s.Ready}; got != tc.want {
				t.Errorf("of, new, old, ready: %v, want %v", got, tc.want)
			}
		})
	}
}

func TestAnUnreachableHostsReplicasAreUnknown(t *testing.T) {
	in := scene(running("a"))
	in.Live.Hosts[0].Reachable, in.Live.Hosts[0].Error = false, "no route"
	in.Plan.Changes = []plan.Change{{Key: web("1"), Host: "h1", Verdict: plan.Blocked, Current: "a", Reasons: []string{`host "h1" is unreachable`}}}
	s := Fold(in)
	if s.Health != Unknown || s.Sync != OutOfSync || s.Apps[0].Services[0].Ready != 0 {
		t.Errorf("is %s and %s with %d ready", s.Health, s.Sync, s.Apps[0].Services[0].Ready)
	}
	if h := s.Hosts[0]; h.Reachable || h.Error != "no route" || h.Replicas != 1 {
		t.Errorf("the host is %+v", h)
	}
}

func TestSync(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Input)
		want   Sync
	}{
		"nothing to do":           {func(*Input) {}, Synced},
		"something to do":         {func(in *Input) { in.Plan.Changes[0].Verdict = plan.Update }, OutOfSync},
		"something blocked":       {func(in *Input) { in.Plan.Changes[0].Verdict = plan.Blocked }, OutOfSync},
		"a look-alike":            {func(in *Input) { in.Plan.Changes[0].Verdict = plan.Unowned }, Synced},
		"not begun":               {func(in *Input) { in.Desired.Apps[0].Digest = "d2" }, OutOfSync},
		"the target is refused":   {func(in *Input) { in.SourceError = "web.yaml:3:1: spec: unknown field" }, OutOfSync},
		"no good revision at all": {func(in *Input) { in.Desired = nil }, SyncUnknown},
		"a network is to be made": {func(in *Input) {
			in.Plan.Changes[0].Key.Kind, in.Plan.Changes[0].Verdict = plan.KindNetwork, plan.Create
		}, OutOfSync},
		"an app that nobody names": {func(in *Input) { in.Plan.Changes[0].Key.App, in.Plan.Changes[0].Verdict = "gone", plan.Remove }, OutOfSync},
	} {
		t.Run(name, func(t *testing.T) {
			in := scene(running("a"))
			in.Plan.Changes = []plan.Change{{Key: web("1"), Host: "h1", Verdict: plan.Unchanged, Current: "a"}}
			tc.change(&in)
			if got := Fold(in).Sync; got != tc.want {
				t.Errorf("is %s, want %s", got, tc.want)
			}
		})
	}
}

func TestHealthOfAnAppOnItsWay(t *testing.T) {
	for phase, want := range map[rollout.Phase]Health{
		rollout.Complete: Healthy, rollout.Progressing: Progressing, rollout.Failed: Degraded,
	} {
		in := scene(running("a"))
		in.Plan.Changes = []plan.Change{{Key: web("1"), Verdict: plan.Unchanged, Current: "a"}}
		in.Rollout.State.Records["shop"] = rollout.Record{
			App: "shop", Digest: "d1", Phase: phase, Revision: "r1", StartedAt: noon.Add(-time.Hour), EndedAt: noon.Add(-time.Minute),
			Reason: "why", Service: "web", Container: "a", Host: "h1",
		}
		a := Fold(in).Apps[0]
		if a.Health != want || a.Phase != phase || a.Reason != "why" || a.Revision != "r1" || !a.Since.Equal(noon.Add(-time.Minute)) {
			t.Errorf("%s: %+v, want %s", phase, a, want)
		}
		if (a.Failure != nil) != (phase == rollout.Failed) {
			t.Errorf("%s: blames %+v", phase, a.Failure)
		}
	}
}

func TestTheWorstPartIsTheWhole(t *testing.T) {
	order := []Health{Healthy, Suspended, Progressing, Missing, Degraded, Unknown}
	for i, a := range order {
		for j, b := range order {
			if got, want := worst(a, b), order[max(i, j)]; got != want {
				t.Errorf("%s and %s are %s", a, b, got)
			}
		}
	}
}

func TestReasonsSayWhatIsWrongAndWhyItWaits(t *testing.T) {
	in := scene(with(running("a"), func(c *model.Container) { c.State, c.ExitCode = model.StateExited, 3 }))
	in.Plan.Changes = []plan.Change{{Key: web("1"), Host: "h1", Verdict: plan.Update, Current: "a", Reasons: []string{"exited with code 3"}}}
	in.Rollout.Held[web("1")] = "next try in 4s after 2 tries"
	s := Fold(in)
	want := "exited with code 3; next try in 4s after 2 tries"
	if r := s.Apps[0].Services[0].Replicas[0]; r.Reason != want {
		t.Errorf("the replica says %q", r.Reason)
	}
	if got := s.Apps[0].Services[0].Reason; got != "web-1: "+want {
		t.Errorf("the service says %q", got)
	}
	if len(s.Changes) != 1 || s.Changes[0].Held != "next try in 4s after 2 tries" {
		t.Errorf("changes are %+v", s.Changes)
	}
}

func TestGoneApps(t *testing.T) {
	gone := plan.Key{Kind: plan.KindReplica, App: "gone", Service: "web", Slot: "1"}
	for name, tc := range map[string]struct {
		change plan.Change
		want   string
	}{
		"going": {plan.Change{Key: gone, Verdict: plan.Remove, Reasons: []string{"x"}}, "no longer in the manifests, being removed"},
		"held":  {plan.Change{Key: gone, Verdict: plan.Blocked, Reasons: []string{"held: too many"}}, "no longer in the manifests; held: too many"},
	} {
		in := scene()
		in.Desired.Apps[0].Name = "zeta"
		in.Plan.Changes = []plan.Change{tc.change}
		s := Fold(in)
		if len(s.Apps) != 2 || s.Apps[0].Name != "gone" || s.Apps[0].Reason != tc.want || s.Apps[0].Sync != OutOfSync {
			t.Errorf("%s: %+v", name, s.Apps)
		}
	}
}

func TestLookAlikesAreListedApart(t *testing.T) {
	in := scene(running("a"))
	key := web("1")
	key.Host, key.Name = "h1", "copy"
	in.Plan.Changes = []plan.Change{
		{Key: web("1"), Verdict: plan.Unchanged, Current: "a"},
		{Key: key, Host: "h1", Verdict: plan.Unowned, Reasons: []string{"a copy of our labels"}},
	}
	s := Fold(in)
	if len(s.Unowned) != 1 || s.Unowned[0].Reasons[0] != "a copy of our labels" || len(s.Changes) != 0 || s.Apps[0].Services[0].Of != 1 {
		t.Errorf("unowned %+v, changes %+v", s.Unowned, s.Changes)
	}
}

func TestAHostNobodyHasReachedYet(t *testing.T) {
	in := scene()
	in.Live.Hosts = nil
	if h := Fold(in).Hosts[0]; h.Reachable || h.Error != "not reached yet" {
		t.Errorf("%+v", h)
	}
}

// TestListsAreNeverNull: programs that read the JSON can range over them.
func TestListsAreNeverNull(t *testing.T) {
	data, err := json.Marshal(Fold(Input{Live: &model.Live{}}))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"apps", "hosts"} {
		if _, ok := got[list].([]any); !ok {
			t.Errorf("%s is %v", list, got[list])
		}
	}
}

func TestFoldIsAFunction(t *testing.T) {
	in := scene(running("a"), running("b"))
	for _, app := range []string{"y", "x", "z"} {
		in.Plan.Changes = append(in.Plan.Changes, plan.Change{Key: plan.Key{Kind: plan.KindReplica, App: app, Service: "s", Slot: "1"}, Verdict: plan.Remove})
	}
	first := Fold(in)
	for range 20 {
		if again := Fold(in); !reflect.DeepEqual(first, again) {
			t.Fatalf("gave %+v, then %+v", first, again)
		}
	}
}

func TestWhatIsSetAsideOfHosts(t *testing.T) {
	in := scene()
	in.Rooms = []model.Room{{
		Host: "h1", Capacity: model.Capacity{Resources: model.Resources{NanoCPUs: 3_500_000_000, Memory: 1 << 30}},
		Reserved: model.Resources{NanoCPUs: 1_250_000_000, Memory: 64 << 20},
	}}
	if h := Fold(in).Hosts[0]; h.Capacity != (Amounts{3.5, 1 << 30}) || h.Reserved != (Amounts{1.25, 64 << 20}) {
		t.Errorf("of %+v are set aside %+v", h.Capacity, h.Reserved)
	}
}

// What is where the manifests do not want it any more is well, and told of.
func TestAServiceSaysWhatCanNotLeaveItsHost(t *testing.T) {
	in := scene(running("a"), running("b"))
	in.Plan.Changes = []plan.Change{
		{Key: web("1"), Host: "h1", Verdict: plan.Unchanged, Current: "a", Stays: "1 of 1 is at maxPerHost 1 (h1)"},
		{Key: web("2"), Host: "h1", Verdict: plan.Unchanged, Current: "b", Stays: "1 of 1 is at maxPerHost 1 (h1)"},
	}
	s := Fold(in).Apps[0].Services[0]
	if s.Health != Healthy || s.Sync != Synced || s.Reason != "web-1: can't leave h1: 1 of 1 is at maxPerHost 1 (h1); and 1 more" {
		t.Errorf("%s and %s, because %q", s.Sync, s.Health, s.Reason)
	}
	in.Live.Hosts[0].Containers[1].State = model.StateExited
	if s = Fold(in).Apps[0].Services[0]; s.Health != Degraded || !strings.HasPrefix(s.Reason, "web-2: exited") {
		t.Errorf("what is not healthy comes first: %s, because %q", s.Health, s.Reason)
	}
}
