package place

import "github.com/tallyman-io/tallyman/reconcile/model"

// settle finds hosts for the slots of s that could not stay anywhere.
func (p *placer) settle(s *service) {
	if s.open == 0 && s.leaving == 0 {
		return
	}
	p.take(s)
	s.follows = p.going && p.classOf(s).lacks(s.Reserve)
	if s.global() {
		p.settleGlobal(s)
		return
	}
	p.settleReplicated(s)
}

// take takes a service in hand, instead of the one before: what it has on each host.
func (p *placer) take(s *service) {
	if p.inHand != nil {
		for i := range p.inHand.slots {
			if h := p.inHand.slots[i].host; h != nowhere {
				p.onHost[h] = 0
			}
		}
	}
	for i := range s.slots {
		if h := s.slots[i].host; h != nowhere {
			p.onHost[h]++
		}
	}
	p.inHand, p.skew, p.ranking, p.offers = s, p.newSkew(s), nil, nil
	p.tidy()
}

// recall puts slots back where they were put before, as far as the hosts still
// take them. A global slot has its host in its name.
func (p *placer) recall(s *service, placed func(app, service, slot string) string) {
	if s.open == 0 || s.global() || placed == nil {
		return
	}
	p.take(s)
	for n := range s.slots {
		t := &s.slots[n]
		if t.host != nowhere || t.first >= 0 {
			continue
		}
		h, registered := p.byName[placed(s.App, s.Name, p.slotName(s, n))]
		if !registered {
			continue
		}
		t.before = h
		if p.judge(s, h) == passed && p.skew.allows(h) {
			p.assign(s, n, h, nil)
		}
	}
}

// settleGlobal gives every eligible host its replica. A host that the service
// is not meant for is passed over; one that is meant and can't is a refusal.
func (p *placer) settleGlobal(s *service) {
	for n := range s.slots {
		t := &s.slots[n]
		if t.host != nowhere {
			continue
		}
		verdict := p.judge(s, n)
		if verdict != passed && p.follow(s) {
			verdict = p.judge(s, n)
		}
		switch {
		case verdict == passed:
			p.assign(s, n, n, p.stays(s, n, n))
		case p.displaceAt(s, n, n):
		case p.filters[verdict].meant:
			t.refusal = p.explainHost(s, n)
		}
	}
}

func (p *placer) settleReplicated(s *service) {
	p.leaveAll(s)
	refusal := ""
	for n := range s.slots {
		t := &s.slots[n]
		if t.host != nowhere {
			continue
		}
		h := p.bestFor(s, n)
		if h == nowhere && p.follow(s) {
			h = p.bestFor(s, n)
		}
		switch {
		case h != nowhere:
			p.give(s, n, h)
		case refusal == "" && p.displace(s, n):
			if len(s.near)+len(s.apart) > 0 {
				p.ranking = nil // its company may be who had to go
			}
		default:
			if refusal == "" { // the same for all slots from here on
				refusal = p.explain(s)
			}
			t.refusal = refusal
		}
	}
}

// give gives a slot a host.
func (p *placer) give(s *service, n, h int) { p.assign(s, n, h, p.stays(s, n, h)) }

// leaveAll gives the slots that are to leave their hosts other ones, as far as
// there are any.
func (p *placer) leaveAll(s *service) {
	stays := ""
	for n := range s.slots {
		if !s.slots[n].leaving || p.leave(s, n) {
			continue
		}
		if stays == "" { // the same for all slots from here on
			stays = p.explain(s)
		}
		s.slots[n].refusal = stays
	}
}

// leave gives a slot another host than the one that it is to leave, if one fits.
func (p *placer) leave(s *service, n int) bool {
	from := s.slots[n].host
	p.release(s, n)
	if h := p.bestFor(s, n); h != nowhere {
		p.give(s, n, h)
		return true
	}
	p.give(s, n, from)
	s.slots[n].leaving = true
	s.leaving++
	return false
}

// bestFor is the best host for a slot: one where it has a container already, or
// the first of the ranking.
func (p *placer) bestFor(s *service, n int) int {
	for _, c := range p.candidates(s, &s.slots[n]) {
		if p.judge(s, c.host) == passed && p.skew.allows(c.host) && p.mayStay(s, c) {
			return c.host
		}
	}
	if best := p.best(s); best != nowhere && p.skew.allows(best) {
		return best
	}
	return nowhere
}

// stays is the container for whose sake a slot is on a host, if it has one there.
func (p *placer) stays(s *service, n, onHost int) *model.Container {
	for _, c := range p.candidates(s, &s.slots[n]) {
		if c.host == onHost {
			return c.container
		}
	}
	return nil
}
