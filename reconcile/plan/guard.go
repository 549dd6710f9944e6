package plan

import (
	"fmt"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// guard holds back removals that one commit should not make by itself: those
// of an app that does not want to be pruned, and more at once than the app
// allows. All or nothing: what is let through in part would be let through in
// the end. What can't be removed yet, on a host that is away, counts too.
func guard(in *Input, changes []Change) {
	policies := map[string]model.Sync{}
	for i := range in.Desired.Apps {
		policies[in.Desired.Apps[i].Name] = in.Desired.Apps[i].Sync
	}
	removals := map[string]int{}
	for i := range changes {
		if c := &changes[i]; c.Removal && c.Key.Kind == KindReplica {
			removals[c.Key.App]++
		}
	}
	for i := range changes {
		c := &changes[i]
		policy, declared := policies[c.Key.App]
		if !declared {
			policy = model.DefaultSync()
		}
		if c.Verdict == Remove {
			c.Kept = !policy.Prune && !scaling(in, c)
			hold(c, heldBecause(in, policy, removals[c.Key.App], c))
		}
	}
}

func heldBecause(in *Input, policy model.Sync, removals int, c *Change) string {
	switch {
	case c.Kept:
		return "kept: sync.prune is off for this app"
	case removals > policy.MaxRemovals && !in.AllowRemovals:
		return fmt.Sprintf("held: this commit removes %d replicas of app %q, more than maxRemovals %d; to go on, run `tallyman apply --allow-removals`",
			removals, c.Key.App, policy.MaxRemovals)
	}
	return ""
}

// scaling says whether the service is still there: fewer replicas of it is a
// number somebody wrote, not something that went missing.
func scaling(in *Input, c *Change) bool {
	for i := range in.Desired.Apps {
		for j := range in.Desired.Apps[i].Services {
			s := &in.Desired.Apps[i].Services[j]
			if s.App == c.Key.App && s.Name == c.Key.Service {
				return true
			}
		}
	}
	return false
}

func hold(c *Change, reason string) {
	if reason == "" {
		return
	}
	c.Verdict, c.Steps = Blocked, nil
	c.Reasons = append([]string{reason}, c.Reasons...)
}
