package place

import "cmp"

// cost is what it takes for a slot to fit on a host: how many replicas have to go,
// and the highest priority among them. None is that room can't be made.
type cost struct{ replicas, highest int }

// offers are the costs for the service in hand on all hosts, the lowest first.
type offers struct {
	knockout
	costs []cost
	seen  int // how many of the placer's changes
}

// offersTo are the offers as everything is now.
func (p *placer) offersTo(s *service) *offers {
	if p.offers == nil || p.skew != nil { // a replica more in one domain allows more in all others
		p.offers = p.newOffers(s)
		return p.offers
	}
	o := p.offers
	for _, h := range p.changed[o.seen:] {
		o.costs[h] = p.costOf(s, int(h))
		o.replay(h, h)
	}
	o.seen = len(p.changed)
	return o
}

func (p *placer) newOffers(s *service) *offers {
	o := &offers{costs: make([]cost, len(p.hosts)), seen: len(p.changed)}
	hosts := make([]int32, len(p.hosts))
	for h := range hosts {
		hosts[h] = int32(h)
		o.costs[h] = p.costOf(s, h)
	}
	o.knockout = newKnockout(hosts, o.before)
	o.playAll()
	return o
}

func (o *offers) before(a, b int32) bool {
	x, y := o.costs[a], o.costs[b]
	if (x.replicas == 0) != (y.replicas == 0) {
		return y.replicas == 0
	}
	return cmp.Or(cmp.Compare(x.replicas, y.replicas), cmp.Compare(x.highest, y.highest), cmp.Compare(a, b)) < 0
}

func (p *placer) costOf(s *service, h int) cost {
	if !p.movableAt(s, h) || !p.skew.allows(h) {
		return cost{}
	}
	victims := p.victims(s, h)
	c := cost{replicas: len(victims)}
	for _, v := range victims {
		c.highest = max(c.highest, p.services[v.service].Priority)
	}
	return c
}

// expected is the first of the hosts that a slot was to go to before where room costs
// as little as on the best, or else the best.
func (p *placer) expected(t *slot, o *offers, best int32) int32 {
	first := int32(nobody)
	consider := func(h int) {
		if o.costs[h] == o.costs[best] && (first == nobody || int32(h) < first) {
			first = int32(h)
		}
	}
	for i := t.first; i >= 0; i = p.found[i].next {
		consider(p.found[i].host)
	}
	if t.before != nowhere {
		consider(t.before)
	}
	if first == nobody {
		return best
	}
	return first
}
