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
		c.Reasons = append(c.Reasons, takesOver(c.Host, old[0]))
	}
	c.Yields = p.yields[slot{c.Key.App, c.Key.Service, c.Key.Slot}]
	if c.Yields {
		c.Reasons = append(c.Reasons, "stops first: it and others of the app wait for each other's ports")
	}
	startFirst := !c.Yields && p.order(s, c.Host, old) == model.OrderStartFirst
	if startFirst && s.Update.Order == model.OrderAuto && firstStart(c) >= 0 && p.crowds(s, c.Host, old) {
		startFirst = false
		c.Reasons = append(c.Reasons, "stops first: "+c.Host+" has no room for a second copy")
	}
	if !startFirst && s.NoneToSpare() {
		c.Reasons = append(c.Reasons, fmt.Sprintf("stops first, and minAvailable %s lets none that serves be stopped", s.MinAvailable))
	}
	var before, after, healthy []Step
	for i, o := range p.withinReach(c, old) {
		if startFirst && i == 0 {
			healthy = append(healthy, steps(Healthy, Stops(o))...)
		} else {
			before = append(before, steps(Now, Stops(o))...)
		}
		if i == 0 {
			healthy = append(healthy, steps(Healthy, removals(o))...)
			continue
		}
		after = append(after, steps(Now, removals(o))...)
	}
	start := firstStart(c)
	c.Steps = slices.Concat(slices.Insert(c.Steps, max(start, 0), before...), after, healthy)
	stall(c)
}

// takesOver says from whom. Two containers on two hosts may have one name, as when a
// host that was given up is back, so the hosts are named then.
func takesOver(host string, old *model.Container) string {
	if old.Host != host {
		return fmt.Sprintf("the one on host %q takes over from %s on host %q", host, old.Name, old.Host)
	}
	return "takes over from " + old.Name
}

// firstStart is the first step that starts a container, or -1.
func firstStart(c *Change) int {
	return slices.IndexFunc(c.Steps, func(s Step) bool { _, ok := s.Op.(model.StartContainer); return ok })
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
	writesVolume := slices.ContainsFunc(s.Mounts(), func(m model.Mount) bool { return m.Kind == model.MountVolume && !m.ReadOnly })
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
		c.Steps = append(c.Steps, steps(Idle, Stops(o))...)
		c.Steps = append(c.Steps, steps(Idle, removals(o))...)
	}
	stall(c)
}

func steps(after Gate, ops []model.Op) []Step {
	var out []Step
	for _, op := range ops {
		out = append(out, Step{op, after})
	}
	return out
}

// Stops are the calls that stop what runs of a container: of a pod the main one
// first and the holder last.
func Stops(c *model.Container) []model.Op {
	var ops []model.Op
	for _, part := range slices.Backward(c.Parts()) {
		if part.Running() {
			ops = append(ops, stop(&part))
		}
	}
	return ops
}

// Starts are the calls that start what was stopped so: the holder first, and no
// init containers, which have done their work.
func Starts(c *model.Container, holds []string) []model.Op {
	var ops []model.Op
	for _, part := range c.Parts() {
		switch part.Owner.Role {
		case model.RoleInit:
		case model.RoleHolder:
			ops = append(ops, model.StartContainer{Target: targetOf(&part)})
		default:
			ops = append(ops, model.StartContainer{Target: targetOf(&part), Holds: holds})
		}
	}
	return ops
}

func removals(c *model.Container) []model.Op {
	var ops []model.Op
	for _, part := range slices.Backward(c.Parts()) {
		ops = append(ops, model.RemoveContainer{Target: targetOf(&part)})
	}
	return ops
}

func stop(c *model.Container) model.Op {
	op := model.StopContainer{Target: targetOf(c)}
	if c.Spec != nil {
		op.Grace = c.Spec.StopGrace
	}
	return op
}
