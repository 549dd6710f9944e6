package plan

import (
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// handover is a replica that asks for ports which it does not have on its host,
// while it has others there that it no longer asks for.
type handover struct {
	slot         slot
	host         string
	lacks, gives []model.Port
}

// noteRings finds the replicas that can start only when another one gives up a
// port, which itself waits, and so on back to the first: services that swap their
// ports. Each of them has to stop before any can start. A replica that waits and
// is waited for by nobody in turn needs no such thing.
func (p *planner) noteRings() {
	all := p.handovers()
	for i := range all {
		if p.ring(all, i) {
			p.yields[all[i].slot] = true
		}
	}
}

func (p *planner) handovers() []handover {
	var all []handover
	for _, a := range p.in.Placement.Assignments {
		want := p.services[slot{app: a.App, service: a.Service}].Container.Ports
		if len(want) == 0 {
			continue
		}
		h := handover{slot: slot{a.App, a.Service, a.Slot}, host: a.Host}
		var have []model.Port
		for _, c := range p.slots[h.slot] {
			if c.Host == a.Host && c.Running() {
				have = append(have, c.Ports...)
			}
		}
		h.lacks, h.gives = unmatched(want, have), unmatched(have, want)
		if len(h.lacks) > 0 && len(h.gives) > 0 {
			all = append(all, h)
		}
	}
	return all
}

// unmatched are the published ports of a list that clash with none of another.
func unmatched(list, others []model.Port) []model.Port {
	return slices.DeleteFunc(slices.Clone(list), func(port model.Port) bool {
		return port.Published == 0 || model.PortsClash([]model.Port{port}, others)
	})
}

// ring says whether following who waits for whom leads from a replica back to it.
func (p *planner) ring(all []handover, from int) bool {
	seen, next := make([]bool, len(all)), []int{from}
	for len(next) > 0 {
		i := next[0]
		next = next[1:]
		for j := range all {
			if seen[j] || !p.waits(&all[i], &all[j]) {
				continue
			}
			if j == from {
				return true
			}
			seen[j] = true
			next = append(next, j)
		}
	}
	return false
}

// waits says whether a replica waits for a port that another one can give up at
// once: one of the same app, for each app is rolled by itself, and not one that
// has to see the other healthy first.
func (p *planner) waits(a, b *handover) bool {
	return a.host == b.host && a.slot.app == b.slot.app && model.PortsClash(a.lacks, b.gives) &&
		!p.depends(a, b) && !p.depends(b, a)
}

func (p *planner) depends(a, b *handover) bool {
	return slices.Contains(p.services[slot{app: a.slot.app, service: a.slot.service}].DependsOn, b.slot.service)
}
