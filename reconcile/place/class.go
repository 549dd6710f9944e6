package place

import (
	"cmp"
	"fmt"
	"slices"
)

// class is what is the same for all services with the same rules of placement.
// Most services of a fleet are of few classes.
type class struct {
	lasting []int8 // the first of the lasting filters that each host fails, or passed
	open    []bool // the domains of the first spread that have a host that passes
	ranking *ranking
}

// classOf is the class of a service, made when it is first asked for.
func (p *placer) classOf(s *service) *class {
	if s.class != nil {
		return s.class
	}
	rules := &s.Placement
	terms := fmt.Sprintf("%q %q %q %q", rules.Constraints, rules.Tolerations, rules.Spread, rules.Strategy)
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

// domains are the values of an attribute, numbered.
type domains struct {
	of []int32 // each host
	n  int
}

// domainsBy numbers the hosts' values of an attribute. Hosts without one are a
// domain together.
func (p *placer) domainsBy(attribute string) domains {
	if known, ok := p.domains[attribute]; ok {
		return known
	}
	numbers := map[string]int32{}
	of := make([]int32, len(p.hosts))
	for i := range p.hosts {
		value, _ := attributeOf(&p.hosts[i], attribute)
		if _, ok := numbers[value]; !ok {
			numbers[value] = int32(len(numbers))
		}
		of[i] = numbers[value]
	}
	p.domains[attribute] = domains{of, len(numbers)}
	return p.domains[attribute]
}

// level is one of the attributes that a class is spread over, within those before
// it: a rack of one zone is not that of another, though they have one name.
type level struct {
	attribute string
	domain    []int32    // of each host
	ends      [][2]int32 // of each domain: its first place and its last one
	replicas  []int32    // of each domain, of the service in hand
	played    []int32    // the same when the ranking was last played
}

// levels puts the hosts in an order in which those of a domain are side by side.
func (p *placer) levels(spread []string) ([]level, []int32) {
	order := make([]int32, len(p.hosts))
	for h := range order {
		order[h] = int32(h)
	}
	var levels []level
	for i, attribute := range spread {
		domains := p.domainsBy(attribute).of
		slices.SortFunc(order, func(a, b int32) int {
			outer := 0
			if i > 0 {
				outer = cmp.Compare(levels[i-1].domain[a], levels[i-1].domain[b])
			}
			return cmp.Or(outer, cmp.Compare(domains[a], domains[b]), cmp.Compare(a, b))
		})
		l := level{attribute: attribute, domain: make([]int32, len(order))}
		for place, h := range order {
			if place == 0 || p.apart(levels, domains, order[place-1], h) {
				l.ends = append(l.ends, [2]int32{int32(place)})
			}
			l.domain[h] = int32(len(l.ends) - 1)
			l.ends[l.domain[h]][1] = int32(place)
		}
		l.replicas, l.played = make([]int32, len(l.ends)), make([]int32, len(l.ends))
		levels = append(levels, l)
	}
	return levels, order
}

// apart says whether two hosts are in different domains, or in different ones of
// the levels so far.
func (p *placer) apart(levels []level, domains []int32, a, b int32) bool {
	if domains[a] != domains[b] {
		return true
	}
	return len(levels) > 0 && levels[len(levels)-1].domain[a] != levels[len(levels)-1].domain[b]
}
