package plan

import (
	"fmt"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// The guards that hold a removal until somebody has agreed to it.
const (
	HeldByCount   = "maxRemovals"
	HeldByProtect = "protect"
)

// guards hold back removals that one commit should not make by itself: those of
// an app that does not want to be pruned, the end of a service that is
// protected, and more at once than the app allows. Of the last it is all or
// nothing: what is let through in part would be let through in the end. What
// can't be removed yet, on a host that is away, counts too.
//
// Apps that have gone are counted together besides: a folder that was moved or
// a path that was mistyped takes many small apps along.
type guards struct {
	*planner
	declared map[string]model.Sync
	goesBack map[string]bool // apps whose removals only undo what a failed commit added
	removals map[string]int  // by app
	total    int
	gone     int // removals of all apps that have gone and may be pruned
	allowed  int // how many of these there may be
}

// newGuards counts what the plan would remove.
func newGuards(p *planner) *guards {
	g := &guards{planner: p, declared: map[string]model.Sync{}, goesBack: map[string]bool{}, removals: map[string]int{}, allowed: model.DefaultSync().MaxRemovals}
	for i := range p.in.Desired.Apps {
		app := &p.in.Desired.Apps[i]
		g.declared[app.Name] = app.Sync
		g.goesBack[app.Name] = app.Held != nil && app.Held.Kind == model.HeldRollback
	}
	for i := range p.changes {
		if c := &p.changes[i]; c.Removal && c.Key.Kind == KindReplica && !c.Preview && !p.protected[c.Key] {
			g.count(c)
		}
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
	if !g.keeps(c) {
		g.total++
	}
	if _, declared := g.declared[app]; declared || !g.policy(app).Prune {
		return
	}
	g.gone++
	g.allowed = max(g.allowed, g.policy(app).MaxRemovals)
}

// hold holds what the guards do not let through.
func (g *guards) hold(changes []Change) {
	for i := range changes {
		c := &changes[i]
		if c.Verdict != Remove || c.Preview {
			continue
		}
		c.Kept = g.keeps(c)
		reason, by := g.heldBecause(c)
		if reason == "" {
			continue
		}
		c.Verdict, c.Steps, c.HeldBy = Blocked, nil, by
		c.Reasons = append([]string{reason}, c.Reasons...)
	}
}

// keeps says whether the app's policy leaves the removal to people. Fewer
// replicas of a service that is still there is a number that somebody wrote, not
// something that went missing.
func (g *guards) keeps(c *Change) bool {
	return !g.policy(c.Key.App).Prune && g.services[slot{app: c.Key.App, service: c.Key.Service}] == nil
}

func (g *guards) heldBecause(c *Change) (reason, by string) {
	_, declared := g.declared[c.Key.App]
	removals, limit := g.removals[c.Key.App], g.policy(c.Key.App).MaxRemovals
	switch {
	case c.Kept:
		return "kept: sync.prune is off for this app", ""
	case g.in.AllowRemovals:
		return "", ""
	case g.protected[c.Key]:
		return fmt.Sprintf("held: service %q is protected; take `protect: true` away in a commit of its own first, or run `tallyman apply --allow-removals`", c.Key.Service), HeldByProtect
	case g.total <= g.in.Desired.AllowRemovals, g.goesBack[c.Key.App]:
		return "", ""
	case removals > limit:
		return fmt.Sprintf("held: this commit removes %d replicas of app %q, more than maxRemovals %d; %s", removals, c.Key.App, limit, g.goOn()), HeldByCount
	case !declared && g.gone > g.allowed:
		return fmt.Sprintf("held: this commit removes %d replicas of apps that are no longer in the manifests, more than %d; %s", g.gone, g.allowed, g.goOn()), HeldByCount
	}
	return "", ""
}

func (g *guards) goOn() string {
	return fmt.Sprintf("to go on, run `tallyman apply --allow-removals`, or commit with the line `%s: %d`", model.TrailerAllowRemovals, g.total)
}

// ends says whether a removal of a service's replica is part of the end of the
// service: no manifest names it, or none of its replicas is asked for.
func (p *planner) ends(key slot) bool {
	name := slot{app: key.app, service: key.service}
	return p.services[name] == nil || !p.asked[name]
}

// guardOf is what the manifest of a leftover replica says of its end or, when it
// has gone, said last. Containers that disagree were made at different times:
// the careful word counts.
func (p *planner) guardOf(key slot, containers []*model.Container) model.Guard {
	if s := p.services[slot{app: key.app, service: key.service}]; s != nil {
		return s.Guard
	}
	var said model.Guard
	for _, c := range containers {
		g := p.in.Guards.Of(c.Owner)
		said.Orphan, said.Protect = said.Orphan || g.Orphan, said.Protect || g.Protect
	}
	return said
}
