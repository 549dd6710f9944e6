package report

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/plan"
)

func held(slot, by string) plan.Change {
	return plan.Change{Key: web(slot), Host: "h1", Verdict: plan.Blocked, Removal: true, HeldBy: by, Reasons: []string{"held: " + by}}
}

// TestAPlanSaysWhatLetsRemovalsGo, each way that there is for the guard at work
// and none for another.
func TestAPlanSaysWhatLetsRemovalsGo(t *testing.T) {
	kept := plan.Change{Key: web("9"), Host: "h1", Verdict: plan.Blocked, Removal: true, Kept: true, Reasons: []string{"kept"}}
	for name, tc := range map[string]struct {
		changes []plan.Change
		want    []string
		not     string
	}{
		"counted":   {[]plan.Change{held("1", plan.HeldByCount), held("2", plan.HeldByCount), kept}, []string{"tallyman apply --allow-removals", "Tallyman-Allow-Removals: 2\n", "spec.sync.maxRemovals"}, "protect"},
		"protected": {[]plan.Change{held("1", plan.HeldByProtect)}, []string{"tallyman apply --allow-removals", "without protect: true"}, "Tallyman-Allow-Removals"},
		"both":      {[]plan.Change{held("1", plan.HeldByCount), held("2", plan.HeldByProtect)}, []string{"Tallyman-Allow-Removals: 1\n", "without protect: true"}, "orphaned"},
		"not held":  {[]plan.Change{kept}, []string{"REMOVALS"}, "one of:"},
	} {
		var b strings.Builder
		if err := PlanText(&b, &plan.Plan{Changes: tc.changes}, Revision{ID: "c0ffee"}, Style{}); err != nil {
			t.Fatal(err)
		}
		for _, want := range tc.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: want %q in\n%s", name, want, b.String())
			}
		}
		if strings.Contains(b.String(), tc.not) {
			t.Errorf("%s: want no %q in\n%s", name, tc.not, b.String())
		}
	}
}

// TestOrphansAreListedApart: they are shown, and neither counted nor a change.
func TestOrphansAreListedApart(t *testing.T) {
	in := scene(running("a"), running("b"))
	gone := web("1")
	gone.Service = "gone"
	in.Plan.Changes = []plan.Change{
		{Key: web("1"), Host: "h1", Verdict: plan.Unchanged, Current: "a"},
		{Key: gone, Host: "h1", Verdict: plan.Unchanged, Current: "b", Orphaned: true, Reasons: []string{"orphaned: it has gone"}},
	}
	s := Fold(in)
	if len(s.Orphaned) != 1 || len(s.Changes) != 0 || s.Sync != Synced || s.Hosts[0].Replicas != 1 {
		t.Errorf("orphans %+v, changes %+v, %s, %d replicas on the host", s.Orphaned, s.Changes, s.Sync, s.Hosts[0].Replicas)
	}
	for what, write := range map[string]func(*strings.Builder) error{
		"status": func(b *strings.Builder) error { return StatusText(b, &s, Style{}) },
		"plan":   func(b *strings.Builder) error { return PlanText(b, &in.Plan, Revision{ID: "c0ffee"}, Style{}) },
	} {
		var b strings.Builder
		if err := write(&b); err != nil || !strings.Contains(b.String(), "orphaned, left running\n") || !strings.Contains(b.String(), gone.String()) {
			t.Errorf("%s does not list the orphan: %v\n%s", what, err, b.String())
		}
	}
}
