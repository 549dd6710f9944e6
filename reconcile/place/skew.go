package place

import "fmt"

// skew counts a service's replicas by the domains of the first attribute that it
// is spread over, where no domain may have many more than another. A domain
// counts while one of its hosts is open to the service: one that is cordoned or
// out of reach as a whole does not hold up the others.
type skew struct {
	limit  int
	domain []int  // of each host
	count  []int  // of each domain
	open   []bool // whether the domain counts
}

// newSkew is nil for a service without such a limit.
func (p *placer) newSkew(s *service) *skew {
	if s.Placement.MaxSkew <= 0 || len(s.Placement.Spread) == 0 {
		return nil
	}
	k := &skew{
		limit: s.Placement.MaxSkew, domain: p.domainsBy(s.Placement.Spread[0]),
		count: make([]int, len(p.hosts)), open: make([]bool, len(p.hosts)),
	}
	for h := range p.hosts {
		k.count[k.domain[h]] += p.onHost[h]
		k.open[k.domain[h]] = k.open[k.domain[h]] || p.lasting(s)[h] == passed && s.pin.allows(h)
	}
	return k
}

// least is the fewest replicas that a domain has which counts.
func (k *skew) least() int {
	least := -1
	for d, open := range k.open {
		if open && (least < 0 || k.count[d] < least) {
			least = k.count[d]
		}
	}
	return max(least, 0)
}

// allows says whether one more replica on a host leaves the spread even enough.
func (k *skew) allows(h int) bool {
	return k == nil || k.count[k.domain[h]]+1-k.least() <= k.limit
}

// moved notes that a host got or lost a replica.
func (k *skew) moved(h, by int) {
	if k != nil {
		k.count[k.domain[h]] += by
	}
}

func (p *placer) skewReason(s *service, h int) reason {
	text := fmt.Sprintf("over maxSkew %d of %s", s.Placement.MaxSkew, s.Placement.Spread[0])
	return reason{one: "would be " + text, many: "would be " + text}
}
