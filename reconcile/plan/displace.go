package plan

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/place"
)

// noteDisplaced finds out whom the replicas of higher priority send away.
func (p *planner) noteDisplaced() {
	note := func(victim slot, d *place.Displaced) {
		if d != nil {
			by := slot{d.App, d.Service, d.Slot}
			p.displaces[by] = append(p.displaces[by], fmt.Sprintf("displaces %s (priority %d below %d)", replicaKey(victim), d.Over, d.Priority))
		}
	}
	for _, a := range p.in.Placement.Assignments {
		note(slot{a.App, a.Service, a.Slot}, a.Displaced)
	}
	for _, r := range p.in.Placement.Refusals {
		note(slot{r.App, r.Service, r.Slot}, r.Displaced)
	}
}

// vacate ends the containers of a replica that has to make room and has nowhere
// to go.
func (p *planner) vacate(c *Change, d *place.Displaced, containers []*model.Container) {
	c.Displaced, c.Reasons = d, append([]string{d.String()}, c.Reasons...)
	there := slices.DeleteFunc(slices.Clone(containers), func(o *model.Container) bool { return o.Host != d.Host })
	for _, o := range p.withinReach(c, there) {
		c.Steps = append(c.Steps, steps(Now, Stops(o))...)
		c.Steps = append(c.Steps, steps(Now, removals(o))...)
	}
}

// GivesWay says whether something that runs is ended to make room for a higher
// priority, with nowhere to go: it is blocked, and not as it is.
func (c *Change) GivesWay() bool {
	return c.Verdict == Blocked && c.Displaced != nil && len(c.Steps) > 0
}

// crowds says whether a second copy of a replica, beside an old one that runs on
// the host, would be more than the host can set aside. The old one is taken to
// need as much as the new one.
func (p *planner) crowds(s *model.Service, host string, old []*model.Container) bool {
	beside := slices.ContainsFunc(old, func(o *model.Container) bool { return o.Host == host && o.Running() })
	room := p.rooms[host]
	return beside && room != nil && !room.Fits(s.Reserve)
}

// noSecond says why a service that wants its new replicas started first can't have
// that, or "".
func (p *planner) noSecond(s *model.Service, host string, old []*model.Container) string {
	if s.Update.Order != model.OrderStartFirst || !p.crowds(s, host, old) || p.order(s, host, old) != model.OrderStartFirst {
		return ""
	}
	return fmt.Sprintf("update.order is start-first, and %s has no room for a second copy beside the old one; auto would stop that first", host)
}
