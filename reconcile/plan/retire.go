package plan

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// supersede adds the end of the containers that the current one takes over
// from. In start-first the best of them goes when the new one is healthy; in
// stop-first it stops before the new one starts, and is kept until that is
// healthy. The others, left by a rollout that a newer commit cut short or by a
// new one that would not do, make room before the new one starts.
func (p *planner) supersede(c *Change, s *model.Service, old []*model.Container) {
	if len(old) == 0 {
		return
	}
	if c.Verdict == Unchanged || c.Verdict == Update {
		c.Verdict = Replace
		c.Reasons = append(c.Reasons, fmt.Sprintf("takes over from %s", old[0].Name))
	}
	c.Yields = p.yields[slot{c.Key.App, c.Key.Service, c.Key.Slot}]
	if c.Yields {
		c.Reasons = append(c.Reasons, "stops first: it and others of the app wait for each other's ports")
	}
	startFirst := !c.Yields && p.order(s, c.Host, old) == model.OrderStartFirst
	var before, after, healthy []Step
	for i, o := range p.withinReach(c, old) {
		stop, remove := Step{Op: p.stop(o)}, Step{Op: model.RemoveContainer{Target: p.target(o)}}
		if startFirst && i == 0 {
			stop.After = Healthy
		}
		switch {
		case o.Running() && stop.After == Healthy:
			healthy = append(healthy, stop)
		case o.Running():
			before = append(before, stop)
		}
		if i == 0 {
			remove.After = Healthy
			healthy = append(healthy, remove)
			continue
		}
		after = append(after, remove)
	}
	start := slices.IndexFunc(c.Steps, func(s Step) bool { _, ok := s.Op.(model.StartContainer); return ok })
	c.Steps = slices.Concat(slices.Insert(c.Steps, max(start, 0), before...), after, healthy)
	stall(c)
}

// withinReach are the containers that can be touched now; the reasons name the
// others.
func (p *planner) withinReach(c *Change, containers []*model.Container) []*model.Container {
	var out []*model.Container
	for _, o := range containers {
		if p.hosts[o.Host].Reachable {
			out = append(out, o)
			continue
		}
		c.Reasons = append(c.Reasons, fmt.Sprintf("%s is on host %q, which is unreachable", o.Name, o.Host))
	}
	return out
}

// stall turns a change of which nothing can be done now into a blocked one.
func stall(c *Change) {
	if len(c.Steps) == 0 && c.Verdict != Unchanged {
		c.Verdict = Blocked
	}
}

// order is how a slot's old containers make room. An exclusive volume has one
// holder at a time, on whatever hosts. Two copies can't coexist
// when both hold a published port of one host, whatever the manifest says; and
// by itself nobody expects two copies on one volume, or two programs that share
// the host's own network to listen on the same port of it.
func (p *planner) order(s *model.Service, host string, old []*model.Container) string {
	here := slices.ContainsFunc(old, func(o *model.Container) bool { return o.Host == host && o.Running() })
	fixedPort := slices.ContainsFunc(old, func(o *model.Container) bool {
		return o.Host == host && o.Running() && model.PortsClash(s.Container.Ports, o.Ports)
	})
	writesVolume := slices.ContainsFunc(s.Container.Mounts, func(m model.Mount) bool { return m.Kind == model.MountVolume && !m.ReadOnly })
	hostNetwork := slices.ContainsFunc(s.Container.Networks, func(a model.Attachment) bool { return a.Network == model.HostNetwork })
	switch {
	case fixedPort, s.Update.Order == model.OrderStopFirst, len(s.Holds) > 0:
		return model.OrderStopFirst
	case s.Update.Order == model.OrderAuto && here && (writesVolume || hostNetwork):
		return model.OrderStopFirst
	}
	return model.OrderStartFirst
}

// retire ends a replica that nobody asks for any more.
func (p *planner) retire(c *Change, containers []*model.Container) {
	for _, o := range p.withinReach(c, containers) {
		if o.Running() {
			c.Steps = append(c.Steps, Step{Op: p.stop(o), After: Idle})
		}
		c.Steps = append(c.Steps, Step{Op: model.RemoveContainer{Target: p.target(o)}, After: Idle})
	}
	stall(c)
}

func (p *planner) stop(c *model.Container) model.Op {
	op := model.StopContainer{Target: p.target(c)}
	if c.Spec != nil {
		op.Grace = c.Spec.StopGrace
	}
	return op
}
