package plan

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/jobs"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/place"
)

// TestRunsInAPlan has a try that begins, one that no host fits, one that is
// stopped and one that is removed.
func TestRunsInAPlan(t *testing.T) {
	work := model.Service{App: "shop", Container: model.ContainerSpec{Image: "web:1"}, Fingerprint: "f", Pull: "missing"}
	job := func(name string) *model.Job {
		w := work
		w.Name = name
		return &model.Job{App: "shop", Name: name, HistoryLimit: 3, Work: w}
	}
	container := func(id string, state model.State) model.Container {
		return model.Container{
			Host: "h1", ID: id, Name: id, State: state, Spec: &model.ContainerSpec{},
			Owner: model.Ownership{Owner: "us", App: "shop", Job: "old", Run: id, Slot: "1", Name: id},
		}
	}
	live := model.Live{Hosts: []model.HostState{{
		Name: "h1", Reachable: true, Containers: []model.Container{container("s1", model.StateExited), container("s2", model.StateRunning), container("s3", model.StateExited)},
	}}}
	at := live.Hosts[0].Containers
	decisions := []jobs.Decision{
		{Job: job("begins"), Start: &jobs.Start{Run: "d1", Number: 1, Why: "is due"}},
		{Job: job("nowhere"), Start: &jobs.Start{Run: "d1", Number: 2, Why: "is due"}},
		{Job: job("old"), Note: "runs next at noon", Stop: []jobs.Stop{{Container: &at[1], Why: "out of time"}}, Remove: []*model.Container{&at[0]}},
	}
	rest, placed := PlacedRuns(place.Result{
		Assignments: []place.Assignment{{App: "shop", Service: RunService(&decisions[0]).Name, Slot: "1", Host: "h1"}, {App: "shop", Service: "web", Slot: "1", Host: "h1"}},
		Refusals:    []place.Refusal{{App: "shop", Service: RunService(&decisions[1]).Name, Slot: "1", Reason: "no host"}},
	}, "shop", decisions)
	if len(rest.Assignments) != 1 || rest.Assignments[0].Service != "web" || len(rest.Refusals) != 0 {
		t.Errorf("what is left for replicas is %+v", rest)
	}
	p := Build(Input{
		Desired: &model.Desired{Owner: "us", Apps: []model.App{{Name: "shop", Sync: model.DefaultSync()}}}, Live: &live,
		Runs: []Runs{{App: "shop", Result: jobs.Result{Jobs: decisions}, Placement: placed}},
	})
	want := []string{
		"create image web:1 on h1: not on the host", "  pull web:1",
		"run shop/begins-d1-1 on h1: is due", "  create shop-begins-1-", "  start shop-begins-1-",
		"blocked shop/nowhere-d1-2: no host; is due",
		"waits shop/old-next: runs next at noon",
		"remove shop/old-s1-1 on h1: has ended; only the last 3 and the last that failed are kept", "  remove s1 when idle",
		"update shop/old-s2-1 on h1: is stopped: out of time", "  stop s2",
	}
	got := strings.Split(strings.TrimSpace(p.String()), "\n")
	if len(got) != len(want) {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("line %d is %q, want %q", i+1, got[i], want[i])
		}
	}
	kept := Key{Kind: KindRun, App: "shop", Service: "old", Slot: "s3-1"}
	found := 0
	for _, c := range p.Changes {
		if c.Key == kept && c.Verdict == Unchanged {
			found++
		}
	}
	if found != 1 {
		t.Errorf("a container that stays is %d times in the plan as unchanged", found)
	}
}
