package report

import (
	"io"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// drained is a scene whose host h1 is being emptied: one of each reason to be
// there still.
func drained() Input {
	in := scene(running("a"), running("b"), running("c"), running("g"), running("run"))
	h1 := &in.Live.Hosts[0]
	h1.Containers[3].Owner.Service = "agent"
	h1.Containers[4].Owner = model.Ownership{Owner: "us", App: "shop", Job: "migrate", Run: "1"}
	in.Desired.Hosts = []model.Host{{Name: "h1", Drain: true}, {Name: "h2", Schedulable: true}}
	in.Live.Hosts = append(in.Live.Hosts, model.HostState{Name: "h2", Reachable: true}, model.HostState{Name: "old", Reachable: true})
	in.Desired.Apps[0].Services = append(in.Desired.Apps[0].Services, model.Service{App: "shop", Name: "agent", Mode: model.ModeGlobal})
	agent := plan.Key{Kind: plan.KindReplica, App: "shop", Service: "agent", Slot: "h1"}
	in.Plan.Changes = []plan.Change{
		{Key: agent, Host: "h1", Verdict: plan.Unchanged, Current: "g"},
		{Key: web("1"), Host: "h1", Verdict: plan.Unchanged, Current: "a", Stays: `its volume "data" is on h1, which is being drained`},
		{Key: web("2"), Host: "h2", Verdict: plan.Replace, Old: []string{"b"}, Reasons: []string{`moves from host "h1"`}},
		{Key: web("3"), Host: "h2", Verdict: plan.Blocked, Old: []string{"c"}, Reasons: []string{"image web:2 is not on the host"}},
		{Key: web("4"), Host: "h2", Verdict: plan.Create, Reasons: []string{"missing"}},
	}
	in.Rollout.Held[web("2")] = "1 of 2 available, and minAvailable is 1: none that serves can be stopped"
	return in
}

func TestWhatIsLeftOnAHostThatIsBeingEmptied(t *testing.T) {
	in := drained()
	s := Fold(in)
	h := s.Hosts[0]
	want := []Left{
		{"shop/web-1", `its volume "data" is on h1, which is being drained`},
		{"shop/web-2", "moves to h2: 1 of 2 available, and minAvailable is 1: none that serves can be stopped"},
		{"shop/web-3", "image web:2 is not on the host"},
		{"shop/migrate", "a run of the job, which goes on to its end"},
	}
	if len(h.Left) != len(want) {
		t.Fatalf("left are %q", h.Left)
	}
	for i := range want {
		if h.Left[i] != want[i] {
			t.Errorf("%q, want %q", h.Left[i], want[i])
		}
	}
	if len(h.Staying) != 1 || h.Staying[0] != "shop/agent-h1" || h.Empty() {
		t.Errorf("%q stay, empty: %v", h.Staying, h.Empty())
	}
	if h2 := s.Hosts[1]; h2.Left != nil || h2.Empty() {
		t.Errorf("h2, which nobody empties: %+v", h2)
	}
	if old := s.Hosts[2]; !old.Leaving || !old.Empty() {
		t.Errorf("a host that no manifest names: %+v", old)
	}
	in.Live.Hosts[0].Containers, in.Plan.Changes = nil, nil
	in.Working = map[string][]plan.Key{"h1": {web("9")}}
	if s = Fold(in); len(s.Hosts[0].Left) != 1 || s.Hosts[0].Left[0].Name != "shop/web-9" {
		t.Errorf("what is just being made there is not told: %+v", s.Hosts[0])
	}
	in.Working = nil
	if s = Fold(in); !s.Hosts[0].Empty() {
		t.Errorf("not empty: %+v", s.Hosts[0])
	}
	in.Live.Hosts[0].Reachable = false
	if s = Fold(in); s.Hosts[0].Empty() {
		t.Error("a host that nobody can look at counts as empty")
	}
}

func TestDrainText(t *testing.T) {
	in := drained()
	pin := model.HostPin{Drain: true, By: "ada", Reason: "smoke", Since: noon.Add(-time.Minute), Until: noon.Add(time.Hour)}
	in.Desired.Hosts[0] = in.Desired.Hosts[0].Under(pin)
	in.Desired.Hosts[1] = in.Desired.Hosts[1].Under(model.HostPin{Since: noon})
	in.Plan.Pinned = []plan.PinnedHost{{Host: "h1", Pin: pin}}
	s := Fold(in)
	golden(t, "drain_status", func(w io.Writer) error { return StatusText(w, &s, Style{}) })
	golden(t, "drain_hosts", func(w io.Writer) error { _, err := GetText(w, &s, "hosts", Style{}); return err })
	golden(t, "drain_describe", func(w io.Writer) error { return DescribeText(w, &s, []any{&s.Hosts[0]}, Style{}) })
	golden(t, "drain_plan", func(w io.Writer) error { return PlanText(w, &in.Plan, Revision{}, Style{}) })
}
