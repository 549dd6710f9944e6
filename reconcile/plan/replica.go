package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// replica decides about one slot: which of its containers is the one to keep,
// what that one still needs, and what becomes of the others.
func (p *planner) replica(s *model.Service, name, host string) Change {
	key := slot{s.App, s.Name, name}
	c := Change{Key: replicaKey(key), Host: host, Verdict: Unchanged}
	containers := p.slots[key]
	delete(p.slots, key)
	slices.SortFunc(containers, compareContainers)

	current, diff := p.current(s, host, containers)
	var old []*model.Container
	for _, o := range containers {
		if o != current {
			old = append(old, o)
			c.Old = append(c.Old, o.ID)
		}
	}
	if current != nil {
		c.Current = current.ID
	}
	if state := p.hosts[host]; state == nil || !state.Reachable {
		return p.unreachable(c, state)
	}
	if current == nil {
		p.renew(&c, s, old)
		return c
	}
	p.mend(&c, s, current, diff)
	if len(old) > 0 && c.Verdict != Blocked {
		p.supersede(&c, s, old)
	}
	return c
}

func (p *planner) unreachable(c Change, state *model.HostState) Change {
	c.Verdict = Blocked
	reason := fmt.Sprintf("host %q is unreachable", c.Host)
	if state != nil && state.Error != "" {
		reason += ": " + state.Error
	}
	c.Reasons = []string{reason}
	return c
}

// current picks the container that is to stay: the right fingerprint, on the
// right host, nothing about it that only a new one could mend. Containers are
// sorted best first.
func (p *planner) current(s *model.Service, host string, containers []*model.Container) (*model.Container, Diff) {
	for _, c := range containers {
		if c.Host != host || c.Owner.Fingerprint != s.Fingerprint || c.State == model.StateDead {
			continue
		}
		if c.Spec == nil {
			return c, Diff{} // not inspected: judged by its label until it answers
		}
		if diff := Compare(&s.Container, c); len(diff.Replace) == 0 {
			return c, diff
		}
	}
	return nil, Diff{}
}

// compareContainers sorts a slot's containers: healthy before running before
// the rest, then the longest running, then by id.
func compareContainers(a, b *model.Container) int {
	return cmp.Or(cmp.Compare(rank(a), rank(b)), a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID))
}

func rank(c *model.Container) int {
	switch {
	case c.State == model.StateRunning && c.Health != model.HealthUnhealthy && c.Health != model.HealthStarting:
		return 0
	case c.Running():
		return 1
	case c.State == model.StateCreated:
		return 2
	}
	return 3
}

// mend adds what the container that stays needs to be right.
func (p *planner) mend(c *Change, s *model.Service, current *model.Container, diff Diff) {
	if current.Spec == nil {
		c.Verdict, c.Reasons = Blocked, []string{"container " + current.Name + " can't be inspected: " + orUnknown(current.InspectError)}
		return
	}
	target := p.target(current)
	add := func(reason string, ops ...model.Op) {
		c.Verdict = Update
		c.Reasons = append(c.Reasons, reason)
		for _, op := range ops {
			c.Steps = append(c.Steps, Step{Op: op})
		}
	}
	if current.Owner.Name != current.Name {
		add(fmt.Sprintf("was renamed to %q", current.Name), model.RenameContainer{Target: target})
	}
	if len(diff.Adjust) > 0 {
		add(join(diff.Adjust), model.UpdateContainer{Target: target, Adjustable: s.Container.Adjustable})
	}
	for _, network := range diff.Disconnect {
		reason := "on network " + network + " that it was not asked to join"
		if slices.ContainsFunc(diff.Connect, func(a model.Attachment) bool { return a.Network == network }) {
			reason = "aliases on network " + network + " differ"
		}
		add(reason, model.DisconnectNetwork{Target: target, Network: network})
	}
	for _, a := range diff.Connect {
		add("not on network "+a.Network, model.ConnectNetwork{Target: target, Attachment: a})
	}
	p.revive(s, current, add)
	if reason := p.lacking(s, c.Host); reason != "" && len(diff.Connect) > 0 {
		c.Verdict, c.Reasons, c.Steps = Blocked, []string{reason}, nil
	}
}

// revive gets a container running that isn't.
func (p *planner) revive(s *model.Service, c *model.Container, add func(string, ...model.Op)) {
	target := p.target(c)
	switch c.State {
	case model.StateCreated:
		ops := []model.Op{model.StartContainer{Target: target}}
		if len(s.Container.Files) > 0 {
			ops = []model.Op{model.CopyFiles{Target: target, Files: s.Container.Files}, ops[0]}
		}
		add("created and not started", ops...)
	case model.StateExited:
		add(Ended(c), model.StartContainer{Target: target})
	case model.StatePaused:
		add("is paused", model.UnpauseContainer{Target: target})
	case model.StateRunning:
		if c.Health == model.HealthUnhealthy {
			add(Unhealthy(c), model.StopContainer{Target: target, Grace: s.Container.StopGrace}, model.StartContainer{Target: target})
		}
	}
}

// Ended says how a container that does not run came to its end.
func Ended(c *model.Container) string {
	reason := "exited with code " + strconv.Itoa(c.ExitCode)
	if c.OOMKilled {
		reason += " (out of memory)"
	}
	if c.Error != "" {
		reason += ": " + c.Error
	}
	return reason
}

// Unhealthy says what the health check of an unhealthy container printed last.
func Unhealthy(c *model.Container) string {
	if c.HealthOutput == "" {
		return "unhealthy"
	}
	return "unhealthy: " + c.HealthOutput
}

// renew makes the slot's new container: a first one, or one in place of the
// old ones.
func (p *planner) renew(c *Change, s *model.Service, old []*model.Container) {
	c.Verdict, c.Reasons = Create, []string{"missing"}
	if len(old) > 0 {
		c.Verdict, c.Reasons = Replace, p.replaceReasons(s, c.Host, old[0])
	}
	if reason := p.lacking(s, c.Host); reason != "" {
		c.Verdict, c.Reasons = Blocked, append([]string{reason}, c.Reasons...)
		return
	}
	if reason := p.image(s, c.Host); reason != "" {
		c.Verdict, c.Reasons = Blocked, append([]string{reason}, c.Reasons...)
		return
	}
	owner := model.Ownership{
		Owner: p.in.Desired.Owner, App: s.App, Service: s.Name, Slot: c.Key.Slot,
		Fingerprint: s.Fingerprint, Revision: p.in.Desired.Revision,
	}
	owner.Name = p.newName(owner)
	target := model.Target{Host: c.Host, Name: owner.Name, Owner: owner.Owner, Fingerprint: owner.Fingerprint}
	if s.Pull == "always" {
		c.Steps = append(c.Steps, Step{Op: model.PullImage{Host: c.Host, Image: s.Container.Image, Always: true}})
	}
	c.Steps = append(c.Steps, Step{Op: model.CreateContainer{Host: c.Host, Owner: owner, Spec: s.Container}})
	if len(s.Container.Files) > 0 {
		c.Steps = append(c.Steps, Step{Op: model.CopyFiles{Target: target, Files: s.Container.Files}})
	}
	c.Steps = append(c.Steps, Step{Op: model.StartContainer{Target: target}})
	p.supersede(c, s, old)
}

// replaceReasons says why the best of the old containers will not do.
func (p *planner) replaceReasons(s *model.Service, host string, old *model.Container) []string {
	if old.Host != host {
		return []string{fmt.Sprintf("moves from host %q", old.Host)}
	}
	if old.State == model.StateDead {
		return []string{"the engine could not remove it and calls it dead"}
	}
	var reasons []string
	if old.Spec != nil {
		diff := Compare(&s.Container, old)
		for _, d := range append(diff.Replace, diff.Adjust...) {
			reasons = append(reasons, d.String())
		}
		for _, a := range diff.Connect {
			reasons = append(reasons, "network "+a.Network+" joined")
		}
		for _, n := range diff.Disconnect {
			reasons = append(reasons, "network "+n+" left")
		}
	}
	if len(reasons) == 0 {
		reasons = []string{"made from fingerprint " + old.Owner.Fingerprint + ", wanted " + s.Fingerprint}
	}
	return reasons
}

// newName is the name of the slot's next container. It is made from what it is
// for, so that a create whose reply was lost is found again; and it moves on
// past every name that any host knows, so that a clash can't block a roll.
func (p *planner) newName(o model.Ownership) string {
	if p.names == nil {
		p.names = map[string]bool{}
		for _, h := range p.hosts {
			for i := range h.Containers {
				p.names[h.Containers[i].Name] = true
			}
		}
	}
	for n := 0; ; n++ {
		generation := model.Hash([]any{o.Owner, o.App, o.Service, o.Slot, o.Fingerprint, n})[:8]
		name := o.App + "-" + o.Service + "-" + o.Slot + "-" + generation
		if !p.names[name] {
			return name
		}
	}
}

// supersede adds the end of the containers that the current one takes over
// from. In start-first they go when it is healthy; in stop-first they stop
// before it starts, and are kept until it is healthy.
func (p *planner) supersede(c *Change, s *model.Service, old []*model.Container) {
	if len(old) == 0 {
		return
	}
	if c.Verdict == Unchanged || c.Verdict == Update {
		c.Verdict = Replace
		c.Reasons = append(c.Reasons, fmt.Sprintf("takes over from %s", old[0].Name))
	}
	if p.order(s, c.Host, old) == model.OrderStartFirst {
		p.retire(c, old, Healthy)
		return
	}
	start := slices.IndexFunc(c.Steps, func(s Step) bool { _, ok := s.Op.(model.StartContainer); return ok })
	var stops, removes []Step
	for _, o := range old {
		if !p.hosts[o.Host].Reachable {
			continue
		}
		if o.Running() {
			stops = append(stops, Step{Op: p.stop(o)})
		}
		removes = append(removes, Step{Op: model.RemoveContainer{Target: p.target(o)}, After: Healthy})
	}
	if start < 0 {
		start = 0
	}
	c.Steps = append(slices.Insert(c.Steps, start, stops...), removes...)
}

// order is how a slot's old containers make room. Two copies can't coexist
// when both hold a published port of one host, whatever the manifest says; and
// by itself nobody expects two copies on one volume.
func (p *planner) order(s *model.Service, host string, old []*model.Container) string {
	here := slices.ContainsFunc(old, func(o *model.Container) bool { return o.Host == host && o.Running() })
	fixedPort := slices.ContainsFunc(old, func(o *model.Container) bool {
		return o.Host == host && o.Running() && sharesPort(s.Container.Ports, o.Ports)
	})
	writesVolume := slices.ContainsFunc(s.Container.Mounts, func(m model.Mount) bool { return m.Kind == model.MountVolume && !m.ReadOnly })
	switch {
	case fixedPort, s.Update.Order == model.OrderStopFirst:
		return model.OrderStopFirst
	case s.Update.Order == model.OrderAuto && here && writesVolume:
		return model.OrderStopFirst
	}
	return model.OrderStartFirst
}

func sharesPort(want, held []model.Port) bool {
	for _, w := range want {
		for _, h := range held {
			if Clash(w, h) {
				return true
			}
		}
	}
	return false
}

// Clash says whether two published ports of one host exclude each other.
func Clash(a, b model.Port) bool {
	anywhere := func(ip string) bool { return ip == "" || ip == "0.0.0.0" || ip == "::" }
	return a.Published != 0 && a.Published == b.Published && a.Protocol == b.Protocol &&
		(a.HostIP == b.HostIP || anywhere(a.HostIP) || anywhere(b.HostIP))
}

// retire adds the stop and the removal of containers behind a gate.
func (p *planner) retire(c *Change, containers []*model.Container, after Gate) {
	for _, o := range containers {
		if c.Verdict == Remove {
			c.Old = append(c.Old, o.ID)
		}
		if !p.hosts[o.Host].Reachable {
			c.Reasons = append(c.Reasons, fmt.Sprintf("%s is on host %q, which is unreachable", o.Name, o.Host))
			continue
		}
		if o.Running() {
			c.Steps = append(c.Steps, Step{Op: p.stop(o), After: after})
		}
		c.Steps = append(c.Steps, Step{Op: model.RemoveContainer{Target: p.target(o)}, After: after})
	}
	if len(c.Steps) == 0 && c.Verdict != Unchanged {
		c.Verdict = Blocked
	}
}

func (p *planner) stop(c *model.Container) model.Op {
	op := model.StopContainer{Target: p.target(c)}
	if c.Spec != nil {
		op.Grace = c.Spec.StopGrace
	}
	return op
}

// target names a live container with the preconditions for touching it.
func (p *planner) target(c *model.Container) model.Target {
	return model.Target{Host: c.Host, ID: c.ID, Name: c.Owner.Name, Owner: c.Owner.Owner, Fingerprint: c.Owner.Fingerprint}
}

func join(diffs []Difference) string {
	s := ""
	for i, d := range diffs {
		if i > 0 {
			s += "; "
		}
		s += d.String()
	}
	return s
}

func orUnknown(s string) string {
	if s == "" {
		return "no answer yet"
	}
	return s
}
