package plan

import (
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// attachment is a network on a host that a container there is attached to. A
// container of which nobody knows its networks may be on any of its app's.
type attachment struct{ network, app, host string }

// noteHomeless finds out which networks the containers of refused replicas are
// attached to. These containers stay as they are until there is a host for them
// again, and so does what they are attached to.
func (p *planner) noteHomeless() {
	for _, r := range p.in.Placement.Refusals {
		s := p.services[slot{app: r.App, service: r.Service}]
		for _, c := range p.slots[slot{r.App, r.Service, r.Slot}] {
			p.attach(c, &s.Container, r.Service+"-"+r.Slot+" is on it, for which there is no host now")
		}
	}
}

// noteStaying does the same for leftover replicas that stay.
func (p *planner) noteStaying() {
	for i := range p.changes {
		c := &p.changes[i]
		if c.Key.Kind != KindReplica || !c.Orphaned && !c.Kept && c.HeldBy == "" {
			continue
		}
		for _, container := range p.slots[slot{c.Key.App, c.Key.Service, c.Key.Slot}] {
			p.attach(container, nil, c.Key.Service+"-"+c.Key.Slot+" is on it, which stays")
		}
	}
}

// noteIgnored does the same for what a container goes on being attached to
// because its service ignores the difference.
func (p *planner) noteIgnored(c *model.Container, s *model.Service, diff Diff) {
	replica := s.Name + "-" + c.Owner.Slot
	switch {
	case len(s.Ignore) == 0:
		return
	case c.Spec == nil:
		p.attach(c, nil, replica+" may be on it, and can't be asked")
		return
	}
	stays := *c
	spec := *c.Spec
	spec.Networks = slices.DeleteFunc(slices.Clone(spec.Networks), func(a model.Attachment) bool { return slices.Contains(diff.Disconnect, a.Network) })
	stays.Spec = &spec
	p.attach(&stays, nil, replica+" is on it, and that is ignored")
}

// attach notes the networks of a container. Of one that is not inspected nobody
// knows better than that it is made as it was asked for, if it is.
func (p *planner) attach(c *model.Container, asked *model.ContainerSpec, why string) {
	spec := asked
	if c.Spec != nil {
		spec = c.Spec
	}
	note := func(at attachment) {
		if other, ok := p.attached[at]; !ok || why < other {
			p.attached[at] = why
		}
	}
	if spec == nil {
		note(attachment{app: c.Owner.App, host: c.Host})
		return
	}
	for i := range spec.Networks {
		note(attachment{network: spec.Networks[i].Network, host: c.Host})
	}
}

// unusedNetwork removes a network that no replica is placed here for, unless one
// that stays as it is is still on it.
func (p *planner) unusedNetwork(host *model.HostState, n model.NetworkState) {
	why, ok := p.attached[attachment{network: n.Name, host: host.Name}]
	if !ok {
		why, ok = p.attached[attachment{app: n.Owner.App, host: host.Name}]
	}
	if p.in.Desired.Unheard(n.Owner) {
		why, ok = model.UnheardBecause, true
	}
	if !ok {
		p.removeNetwork(host, n)
		return
	}
	p.changes = append(p.changes, Change{
		Key:     Key{Kind: KindNetwork, App: n.Owner.App, Host: host.Name, Name: n.Name},
		Host:    host.Name,
		Verdict: Unchanged,
		Reasons: []string{why},
	})
}
