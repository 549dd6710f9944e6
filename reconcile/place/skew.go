package place

import "fmt"

// skew counts a service's replicas by the domains of the first attribute that it
// is spread over, where no domain may have many more than another. A domain
// counts while one of its hosts is open to the service: one that is cordoned or
// out of reach as a whole does not hold up the others.
type skew struct {
	limit  int
	domain []int32 // of each host
	open   []bool  // whether a domain counts
	count  []int   // of each domain
	having []int   // how many of the domains that count have so many replicas
	least  int     // the fewest that one of them has
}

// newSkew is nil for a service without such a limit.
func (p *placer) newSkew(s *service) *skew {
	if s.Placement.MaxSkew <= 0 || len(s.Placement.Spread) == 0 {
		return nil
	}
	domains := p.domainsBy(s.Placement.Spread[0])
	k := &skew{limit: s.Placement.MaxSkew, domain: domains.of, open: p.openDomains(s), count: make([]int, domains.n)}
	k.having = make([]int, len(s.slots)+2)
	for _, open := range k.open {
		if open {
			k.having[0]++
		}
	}
	for i := range s.slots {
		if h := s.slots[i].host; h != nowhere {
			k.moved(h, 1)
		}
	}
	return k
}

// allows says whether one more replica on a host leaves the spread even enough.
func (k *skew) allows(h int) bool {
	return k == nil || k.count[k.domain[h]]+1-k.least <= k.limit
}

// moved notes that a host got a replica, or lost one.
func (k *skew) moved(h, by int) {
	if k == nil {
		return
	}
	d := k.domain[h]
	was := k.count[d]
	k.count[d] += by
	if !k.open[d] {
		return
	}
	k.having[was]--
	k.having[was+by]++
	switch {
	case by < 0:
		k.least = min(k.least, was+by)
	case was == k.least && k.having[was] == 0:
		k.least += by
	}
}

func (p *placer) skewReason(s *service, h int) reason {
	text := fmt.Sprintf("over maxSkew %d of %s", s.Placement.MaxSkew, s.Placement.Spread[0])
	return reason{one: "would be " + text, many: "would be " + text}
}
