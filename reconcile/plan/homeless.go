package plan

import (
	"fmt"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// attachment is a network on a host that a container there is attached to.
type attachment struct{ network, host string }

// noteHomeless finds out which networks the containers of refused replicas are
// attached to. These containers stay as they are until there is a host for them
// again, and so does what they are attached to.
func (p *planner) noteHomeless() {
	for _, r := range p.in.Placement.Refusals {
		s := p.services[slot{app: r.App, service: r.Service}]
		for _, c := range p.slots[slot{r.App, r.Service, r.Slot}] {
			p.attach(c, s, r.Service+"-"+r.Slot)
		}
	}
}

// attach notes the networks of a container. Of one that is not inspected nobody
// knows better than that it is made as it was asked for.
func (p *planner) attach(c *model.Container, s *model.Service, replica string) {
	spec := &s.Container
	if c.Spec != nil {
		spec = c.Spec
	}
	for i := range spec.Networks {
		at := attachment{spec.Networks[i].Network, c.Host}
		if other, ok := p.homeless[at]; !ok || replica < other {
			p.homeless[at] = replica
		}
	}
}

// unusedNetwork removes a network that no replica is placed here for, unless one
// that has no place at all is still on it.
func (p *planner) unusedNetwork(host *model.HostState, n model.NetworkState) {
	replica, ok := p.homeless[attachment{n.Name, host.Name}]
	if !ok {
		p.removeNetwork(host, n)
		return
	}
	p.changes = append(p.changes, Change{
		Key:     Key{Kind: KindNetwork, App: n.Owner.App, Host: host.Name, Name: n.Name},
		Host:    host.Name,
		Verdict: Unchanged,
		Reasons: []string{fmt.Sprintf("%s is on it, for which there is no host now", replica)},
	})
}
