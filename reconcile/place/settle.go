package place

import (
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// settle finds hosts for the slots of s that could not stay anywhere.
func (p *placer) settle(s *service) {
	if s.open == 0 {
		return
	}
	p.countReplicas(s)
	for h := range p.hosts {
		p.verdict[h] = p.judge(s, h)
	}
	if s.Mode == model.ModeGlobal {
		p.settleGlobal(s)
		return
	}
	p.settleReplicated(s)
}

// recall puts slots back where they were put before, as far as the hosts still
// take them. A global slot has its host in its name.
func (p *placer) recall(s *service, placed func(app, service, slot string) string) {
	if s.open == 0 || s.Mode == model.ModeGlobal || placed == nil {
		return
	}
	p.countReplicas(s)
	for n := range s.slots {
		if s.slots[n].host != nowhere || s.slots[n].first >= 0 {
			continue
		}
		name := placed(s.App, s.Name, p.slotName(s, n))
		if h, known := p.byName[name]; known && p.judge(s, h) == passed {
			p.assign(s, n, h, nil)
		}
	}
}

// settleGlobal gives every eligible host its replica. A host that the service
// is not meant for is passed over; one that is meant and can't is a refusal.
func (p *placer) settleGlobal(s *service) {
	for n := range s.slots {
		switch {
		case s.slots[n].host != nowhere:
		case p.verdict[n] == passed:
			p.assign(s, n, n, nil)
		case p.filters[p.verdict[n]].meant:
			s.slots[n].refusal = p.explainHost(s, n)
		}
	}
}

func (p *placer) settleReplicated(s *service) {
	spread := p.newSpread(s)
	refusal := ""
	for n := range s.slots {
		if s.slots[n].host != nowhere {
			continue
		}
		h := p.best(spread)
		if h != nowhere {
			p.assign(s, n, h, nil)
			spread.add(h)
			p.verdict[h] = p.judge(s, h) // only this host's answer can have changed
			continue
		}
		if p.stayAnyway(s, n) {
			continue
		}
		if refusal == "" { // the same for all slots from here on: no host opens up again
			refusal = p.explain(s)
		}
		s.slots[n].refusal = refusal
	}
}

// best is the host where a replica improves the spread most.
func (p *placer) best(spread *spread) int {
	best := nowhere
	for h := range p.hosts {
		if p.verdict[h] == passed && (best == nowhere || p.prefer(spread, h, best)) {
			best = h
		}
	}
	return best
}

// prefer compares: the failure domains in the order they are declared, then
// the service's own replicas on the host, then all replicas. Ties go to the
// first name, which is the order the hosts are in.
func (p *placer) prefer(spread *spread, a, b int) bool {
	for _, by := range spread.by {
		if x, y := by.count[by.domain[a]], by.count[by.domain[b]]; x != y {
			return x < y
		}
	}
	if p.onHost[a] != p.onHost[b] {
		return p.onHost[a] < p.onHost[b]
	}
	return p.hosts[a].replicas < p.hosts[b].replicas
}

// spread counts a service's replicas per failure domain.
type spread struct{ by []attributeSpread }

type attributeSpread struct {
	domain []int // of each host
	count  []int // of each domain
}

func (p *placer) newSpread(s *service) *spread {
	sp := &spread{}
	for _, attribute := range s.Placement.Spread {
		sp.by = append(sp.by, attributeSpread{p.domainsBy(attribute), make([]int, len(p.hosts))})
	}
	for i := range s.slots {
		if h := s.slots[i].host; h != nowhere {
			sp.add(h)
		}
	}
	return sp
}

func (s *spread) add(h int) {
	for _, by := range s.by {
		by.count[by.domain[h]]++
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
