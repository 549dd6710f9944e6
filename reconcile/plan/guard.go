package plan

import (
	"fmt"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// guard holds back removals that one commit should not make by itself: those
// of an app that does not want to be pruned, and more at once than the app
// allows. All or nothing: what is let through in part would be let through in
// the end. What can't be removed yet, on a host that is away, counts too.
//
// Apps that have gone are counted together besides: a folder that was moved or
// a path that was mistyped takes many small apps along.
func guard(in *Input, changes []Change) {
	g := newGuards(in)
	for i := range changes {
		if c := &changes[i]; c.Removal && c.Key.Kind == KindReplica {
			g.count(c)
		}
	}
	for i := range changes {
		c := &changes[i]
		if c.Verdict == Remove {
			c.Kept = !g.policy(c.Key.App).Prune && !scaling(in, c)
			hold(c, g.heldBecause(c))
		}
	}
}

// guards are the apps' policies and what the plan would remove of each.
type guards struct {
	in       *Input
	declared map[string]model.Sync
	removals map[string]int
	gone     int // removals of all apps that have gone and may be pruned
	allowed  int // how many of these there may be
}

func newGuards(in *Input) *guards {
	g := &guards{in: in, declared: map[string]model.Sync{}, removals: map[string]int{}, allowed: model.DefaultSync().MaxRemovals}
	for i := range in.Desired.Apps {
		g.declared[in.Desired.Apps[i].Name] = in.Desired.Apps[i].Sync
	}
	return g
}

// policy is what the app's manifests say or, when they have gone, said last.
func (g *guards) policy(app string) model.Sync {
	if policy, ok := g.declared[app]; ok {
		return policy
	}
	if policy, ok := g.in.Policies[app]; ok {
		return policy
	}
	return model.DefaultSync()
}

// count counts one removal. An app that allows more than usual goes on allowing
// it when it has gone.
func (g *guards) count(c *Change) {
	app := c.Key.App
	g.removals[app]++
	if _, declared := g.declared[app]; declared || !g.policy(app).Prune {
		return
	}
	g.gone++
	g.allowed = max(g.allowed, g.policy(app).MaxRemovals)
}

const goOn = "to go on, run `tallyman apply --allow-removals`"

func (g *guards) heldBecause(c *Change) string {
	_, declared := g.declared[c.Key.App]
	removals, limit := g.removals[c.Key.App], g.policy(c.Key.App).MaxRemovals
	switch {
	case c.Kept:
		return "kept: sync.prune is off for this app"
	case g.in.AllowRemovals:
		return ""
	case removals > limit:
		return fmt.Sprintf("held: this commit removes %d replicas of app %q, more than maxRemovals %d; %s", removals, c.Key.App, limit, goOn)
	case !declared && g.gone > g.allowed:
		return fmt.Sprintf("held: this commit removes %d replicas of apps that are no longer in the manifests, more than %d; %s", g.gone, g.allowed, goOn)
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
