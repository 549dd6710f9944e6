package place

import (
	"cmp"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// tenure is how good a container's claim to its host is.
type tenure int

// The passes of keep. One that runs goes before one that does not, for which room
// has to be found again, and of these one that has its published ports before one
// that only now asks for them.
const (
	holdsItsPorts tenure = iota
	asksForPorts
	runsNot
	tenures
)

// keep leaves slots where their containers are. A cordon or a taint does not
// matter to what is already there, and neither does a host that does not
// answer: its containers may well be running.
func (p *placer) keep(s *service, pass tenure) {
	if s.open == 0 || len(p.found) == 0 {
		return
	}
	p.take(s)
	for n := range s.slots {
		t := &s.slots[n]
		if t.host != nowhere || t.first < 0 {
			continue
		}
		for _, c := range p.candidates(s, t) {
			held := p.tenureOf(s, c)
			if held > pass {
				break // it is the better one, and its turn comes
			}
			if p.mayStay(s, c) && (held != runsNot || p.hosts[c.host].fits(s)) {
				p.assign(s, n, c.host, c.container)
				break
			}
		}
	}
}

func (p *placer) tenureOf(s *service, c sighting) tenure {
	unseen := !p.hosts[c.host].reachable && c.container.State == "" // it may well be running
	switch {
	case !c.container.Running() && !unseen:
		return runsNot
	case holds(c.container, s.Container.Ports):
		return holdsItsPorts
	}
	return asksForPorts
}

// mayStay: the host still satisfies the constraints and can run the images, is not
// being emptied, is not over the service's own limit, and nobody else has the ports.
func (p *placer) mayStay(s *service, c sighting) bool {
	return p.bearable(s, c) && !p.wouldLeave(s, c.host) && p.hosts[c.host].conflict(s, true) == nil
}

// bearable says whether a slot may be on the host of c at all.
func (p *placer) bearable(s *service, c sighting) bool {
	h := &p.hosts[c.host]
	return s.pin.allows(c.host) && unmet(s.Placement.Constraints, h) == nil && (misfit(s, h) == "" || runsThere(s, c.container))
}

// wouldLeave says whether a slot leaves the host when another one can take it,
// and only then: running in the wrong place is better than not running. A
// global slot has no other place.
func (p *placer) wouldLeave(s *service, onHost int) bool {
	if s.global() {
		return false
	}
	limit := s.Placement.MaxPerHost
	return p.hosts[onHost].emptied() || limit > 0 && p.onHost[onHost] >= limit
}

// hold keeps slots where their containers are although they are to leave, until
// another host is found: running in the wrong place is better than not running.
// One that runs stays also where reservations have grown over what the host has;
// one that does not gives way there to other priorities.
func (p *placer) hold(s *service) {
	if s.open == 0 || len(p.found) == 0 {
		return
	}
	for n := range s.slots {
		t := &s.slots[n]
		if t.host != nowhere {
			continue
		}
		for _, c := range p.candidates(s, t) {
			if p.holdsRoom(s, c) && p.bearable(s, c) && p.hosts[c.host].conflict(s, true) == nil {
				p.assign(s, n, c.host, c.container)
				t.leaving = true
				s.leaving++
				break
			}
		}
	}
}

// holdsRoom says whether a slot may stay for the sake of a container as far as room
// goes. One that has never run has no claim to any.
func (p *placer) holdsRoom(s *service, c sighting) bool {
	if c.container.Running() || p.hosts[c.host].fits(s) {
		return true
	}
	return c.container.State != model.StateCreated && !p.contested(s, c.host)
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
