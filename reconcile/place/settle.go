package place

import "github.com/tallyman-io/tallyman/reconcile/model"

// settle finds hosts for the slots of s that could not stay anywhere.
func (p *placer) settle(s *service) {
	if s.open == 0 && s.leaving == 0 {
		return
	}
	p.take(s)
	for h := range p.hosts {
		p.verdict[h] = p.judge(s, h)
	}
	if s.global() {
		p.settleGlobal(s)
		return
	}
	p.settleReplicated(s)
}

// take takes a service in hand: what it has on each host, and what makes a host
// good for it.
func (p *placer) take(s *service) {
	p.inHand = s.index
	clear(p.onHost)
	for i := range s.slots {
		if h := s.slots[i].host; h != nowhere {
			p.onHost[h]++
		}
	}
	p.skew = p.newSkew(s)
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
		switch {
		case t.host != nowhere:
		case p.verdict[n] == passed:
			p.assign(s, n, n, p.stays(s, n, n))
		case p.displaceAt(s, n, n):
		case p.filters[p.verdict[n]].meant:
			t.refusal = p.explainHost(s, n)
		}
	}
}

func (p *placer) settleReplicated(s *service) {
	p.leaveAll(s)
	ranking := p.ranking(s)
	refusal := ""
	for n := range s.slots {
		t := &s.slots[n]
		if t.host != nowhere {
			continue
		}
		h := p.bestFor(s, n, ranking)
		switch {
		case h != nowhere && h == ranking.best():
			p.give(s, n, h)
			ranking.gave(p.scoreOf(s, h), p.verdict[h] != passed)
		case h != nowhere:
			p.give(s, n, h)
			ranking = p.ranking(s)
		case refusal == "" && p.displace(s, n):
			ranking = p.ranking(s)
		default:
			if refusal == "" { // the same for all slots from here on
				refusal = p.explain(s)
			}
			t.refusal = refusal
		}
	}
}

// give gives a slot a host, of which only this host's verdict can change.
func (p *placer) give(s *service, n, h int) {
	p.assign(s, n, h, p.stays(s, n, h))
	p.verdict[h] = p.judge(s, h)
}

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
	p.verdict[from] = p.judge(s, from)
	h := p.bestFor(s, n, p.ranking(s))
	if h != nowhere {
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
func (p *placer) bestFor(s *service, n int, ranking *branch) int {
	for _, c := range p.candidates(s, &s.slots[n]) {
		if p.verdict[c.host] == passed && p.skew.allows(c.host) && p.mayStay(s, c) {
			return c.host
		}
	}
	if best := ranking.best(); best != nowhere && p.skew.allows(best) {
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

// ranking orders the hosts that can take a replica of s.
func (p *placer) ranking(s *service) *branch {
	p.keepsCompany(s)
	if s.images == nil {
		s.images = s.Images()
	}
	domains := make([][]int, len(s.Placement.Spread))
	for i, attribute := range s.Placement.Spread {
		domains[i] = p.domainsBy(attribute)
	}
	root := &branch{}
	for h := range p.hosts {
		p.leaf[h] = nil
		if p.verdict[h] != passed && p.onHost[h] == 0 {
			continue
		}
		b := root
		for _, domain := range domains {
			b = b.part(domain[h])
			b.replicas += p.onHost[h]
		}
		if p.verdict[h] == passed {
			p.leaf[h] = b
			b.size++
		}
	}
	p.fill(s)
	root.arrange()
	return root
}

// fill puts the hosts into their branches, which share one array.
func (p *placer) fill(s *service) {
	free := p.rated
	for h, b := range p.leaf {
		if b == nil {
			continue
		}
		if b.hosts == nil {
			b.hosts, free = free[:0:b.size], free[b.size:]
		}
		b.hosts = append(b.hosts, rated{int32(h), p.scoreOf(s, h)})
	}
}

// domainsBy numbers the hosts' values of an attribute. Hosts without one are a
// domain together.
func (p *placer) domainsBy(attribute string) []int {
	if domains, ok := p.domains[attribute]; ok {
		return domains
	}
	numbers := map[string]int{}
	domains := make([]int, len(p.hosts))
	for i := range p.hosts {
		value, _ := attributeOf(&p.hosts[i], attribute)
		if _, ok := numbers[value]; !ok {
			numbers[value] = len(numbers)
		}
		domains[i] = numbers[value]
	}
	p.domains[attribute] = domains
	return domains
}
