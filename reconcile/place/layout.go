package place

import (
	"cmp"
	"fmt"
	"slices"
)

// layout is an order of the hosts in which those of a failure domain are side by
// side, on all levels.
type layout struct {
	order  []int32
	levels []level
}

// level is one of the attributes that services are spread over, within those before
// it: a rack of one zone is not that of another, though they have one name.
type level struct {
	attribute string
	domain    []int32    // of each host
	ends      [][2]int32 // of each domain: its first place and its last one
}

// layoutOf is the layout for services that are spread over these attributes.
func (p *placer) layoutOf(spread []string) *layout {
	terms := fmt.Sprintf("%q", spread)
	if known := p.layouts[terms]; known != nil {
		return known
	}
	l := &layout{order: make([]int32, len(p.hosts))}
	for h := range l.order {
		l.order[h] = int32(h)
	}
	outer := make([]int32, len(p.hosts)) // all hosts are in one domain
	for _, attribute := range spread {
		outer = l.add(attribute, outer, p.domainsBy(attribute).of)
	}
	p.layouts[terms] = l
	return l
}

// add adds a level, of the values that the hosts have within the domains of the
// level before it.
func (l *layout) add(attribute string, outer, values []int32) []int32 {
	slices.SortFunc(l.order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(outer[a], outer[b]), cmp.Compare(values[a], values[b]), cmp.Compare(a, b))
	})
	v := level{attribute: attribute, domain: make([]int32, len(l.order))}
	for i, h := range l.order {
		place := int32(i)
		if i == 0 || outer[h] != outer[l.order[i-1]] || values[h] != values[l.order[i-1]] {
			v.ends = append(v.ends, [2]int32{place})
		}
		last := len(v.ends) - 1
		v.domain[h], v.ends[last][1] = int32(last), place
	}
	l.levels = append(l.levels, v)
	return v.domain
}

// innermost is the innermost failure domain of a host.
func (l *layout) innermost(h int) int32 {
	if len(l.levels) == 0 {
		return 0
	}
	return l.levels[len(l.levels)-1].domain[h]
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
