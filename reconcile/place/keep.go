package place

import (
	"cmp"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// The two passes of keep.
const (
	holdsItsPorts = true
	asksForPorts  = false
)

// keep leaves slots where their containers are. A cordon or a taint does not
// matter to what is already there, and neither does a host that does not
// answer: its containers may well be running.
func (p *placer) keep(s *service, firm bool) {
	if s.open == 0 || len(p.found) == 0 {
		return
	}
	p.countReplicas(s)
	for n := range s.slots {
		t := &s.slots[n]
		if t.host != nowhere || t.first < 0 {
			continue
		}
		for _, c := range p.candidates(s, t) {
			if holds(c.container, s.Container.Ports) != firm {
				continue
			}
			if p.mayStay(s, c) {
				p.assign(s, n, c.host, c.container)
				break
			}
		}
	}
}

// mayStay: the host still satisfies the constraints, is not being emptied, is
// not over the service's own limit, and nobody else has the ports.
func (p *placer) mayStay(s *service, c sighting) bool {
	return p.bearable(s, c) && !p.wouldLeave(s, c.host) && p.hosts[c.host].conflict(s, true) == nil
}

// bearable says whether a slot may be on the host of c at all.
func (p *placer) bearable(s *service, c sighting) bool {
	return s.pin.allows(c.host) && unmet(s.Placement.Constraints, &p.hosts[c.host]) == nil
}

// wouldLeave says whether a slot leaves the host when another one can take it,
// and only then: running in the wrong place is better than not running. A
// global slot has no other place.
func (p *placer) wouldLeave(s *service, onHost int) bool {
	if s.Mode == model.ModeGlobal {
		return false
	}
	limit := s.Placement.MaxPerHost
	return p.hosts[onHost].Drain || limit > 0 && p.onHost[onHost] >= limit
}

// stayAnyway is the last resort of a slot that no other host can take.
func (p *placer) stayAnyway(s *service, n int) {
	for _, c := range p.candidates(s, &s.slots[n]) {
		if p.bearable(s, c) && p.hosts[c.host].conflict(s, true) == nil {
			p.assign(s, n, c.host, c.container)
			return
		}
	}
}

// candidates are a slot's containers, the one to stay for first.
func (p *placer) candidates(s *service, t *slot) []sighting {
	if t.first < 0 {
		return nil
	}
	if p.found[t.first].next < 0 {
		return p.found[t.first : t.first+1]
	}
	var all []sighting
	for i := t.first; i >= 0; i = p.found[i].next {
		all = append(all, p.found[i])
	}
	slices.SortFunc(all, func(a, b sighting) int { return p.better(s, a, b) })
	return all
}

// better sorts two containers of one slot. When a host that was given up is back
// there are two, on two hosts, and the rule is Nomad's: the newer revision, then
// the healthier one, then the one that has run longer.
func (p *placer) better(s *service, a, b sighting) int {
	return cmp.Or(
		compareBool(p.hosts[a.host].reachable, p.hosts[b.host].reachable),
		compareBool(a.container.Owner.Fingerprint == s.Fingerprint, b.container.Owner.Fingerprint == s.Fingerprint),
		cmp.Compare(rank(a.container), rank(b.container)),
		compareBool(!a.container.StartedAt.IsZero(), !b.container.StartedAt.IsZero()),
		a.container.StartedAt.Compare(b.container.StartedAt),
		cmp.Compare(a.host, b.host),
		cmp.Compare(a.container.Name, b.container.Name),
		cmp.Compare(a.container.ID, b.container.ID),
	)
}

// rank puts a container that serves first, then one that runs, then the rest.
func rank(c *model.Container) int {
	good := c.Health == model.HealthNone || c.Health == model.HealthHealthy
	switch {
	case c.State == model.StateRunning && good:
		return 0
	case c.State == model.StateRunning:
		return 1
	}
	return 2
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
