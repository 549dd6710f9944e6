package whatif

import (
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// TestWhatOnlyTidiesUpDoesNotWait: where a network that nobody needs stays for a
// while, nothing that is asked for is missing. What is missing is told with its kind.
func TestWhatOnlyTidiesUpDoesNotWait(t *testing.T) {
	network := plan.Key{Kind: plan.KindNetwork, App: "shop", Host: "a", Name: "front"}
	replica := plan.Key{Kind: plan.KindReplica, App: "shop", Service: "web", Slot: "1"}
	old := plan.Key{Kind: plan.KindReplica, App: "shop", Service: "old", Slot: "1"}
	d := Decision{
		Plan: plan.Plan{Changes: []plan.Change{
			{Key: network, Verdict: plan.Remove, Removal: true}, {Key: replica, Verdict: plan.Blocked}, {Key: old, Verdict: plan.Remove, Removal: true},
		}},
		Rollout: rollout.Result{Held: map[plan.Key]string{network: "replicas may still be on it", old: "maxRemovals"}},
	}
	f := &fleet{in: Input{Desired: &model.Desired{}}}
	var got []string
	for _, w := range f.waits(d) {
		got = append(got, string(w.Kind)+" "+w.Thing)
	}
	if len(got) != 2 || got[0] != "replica shop/web-1" || got[1] != "replica shop/old-1" {
		t.Errorf("waiting are %q", got)
	}
}
