package place

import (
	"fmt"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// class is what is the same for all services with the same rules of placement, and
// with images for the same of the fleet's machines.
// Most services of a fleet are of few classes.
type class struct {
	lasting []int8 // the first of the lasting filters that each host fails, or passed
	open    []bool // the domains of the first spread that have a host that passes
	ranking *ranking
	full    model.Resources // what no host has besides what is to go, see follow; none is not known
}

// classOf is the class of a service, made when it is first asked for.
func (p *placer) classOf(s *service) *class {
	if s.class != nil {
		return s.class
	}
	rules := &s.Placement
	terms := fmt.Sprintf("%q %q %q %q %q", rules.Constraints, rules.Tolerations, rules.Spread, rules.Strategy, p.suits(s))
	c := p.classes[terms]
	if c == nil {
		c = &class{lasting: make([]int8, len(p.hosts))}
		for h := range p.hosts {
			c.lasting[h] = int8(p.lastingOf(view{service: s, host: &p.hosts[h], index: h}))
		}
		p.classes[terms] = c
	}
	s.class = c
	return c
}

// openDomains are those of the first attribute that s is spread over where one of
// the hosts is open to it, whatever runs there.
func (p *placer) openDomains(s *service) []bool {
	c, domains := p.classOf(s), p.domainsBy(s.Placement.Spread[0])
	if s.pin.host != anywhere {
		open := make([]bool, domains.n)
		if h := s.pin.host; h != nowhere {
			open[domains.of[h]] = c.lasting[h] == passed
		}
		return open
	}
	if c.open == nil {
		c.open = make([]bool, domains.n)
		for h, d := range domains.of {
			c.open[d] = c.open[d] || c.lasting[h] == passed
		}
	}
	return c.open
}
