package place

import (
	"cmp"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// score is how good a host is for another replica of a service, beyond the failure
// domains: the less, the better, and the first number that differs decides.
type score [7]int32

// scoreOf says how good host h is for the service in hand.
func (p *placer) scoreOf(s *service, h int) score {
	host := &p.hosts[h]
	own, share, all := int32(p.onHost[h]), host.share(), int32(len(host.residents))
	r := score{softTaints(s, host), s.failed[h], s.company[h], own, share, all}
	if s.Placement.Strategy == model.StrategyPack {
		r[3], r[4], r[5] = -share, -all, 0
	}
	r[6] = p.imagesOf(s)[h]
	return r
}

// compare is negative when a is better.
func (a *score) compare(b *score) int {
	for i := range a {
		if a[i] != b[i] {
			return cmp.Compare(a[i], b[i])
		}
	}
	return 0
}

// softTaints are those that the service would rather stay away from.
func softTaints(s *service, h *host) int32 {
	return int32(len(taintsOf(view{service: s, host: h}, model.PreferNoSchedule)))
}

// keepsCompany notes on which hosts the service would rather be, or rather not
// be, because of others: to be wanted nearby, or away, goes both ways.
func (p *placer) keepsCompany(s *service) {
	note := func(others []int, points int32) {
		for _, i := range others {
			for _, t := range p.services[i].slots {
				if t.host == nowhere {
					continue
				}
				if s.company == nil {
					s.company = map[int]int32{}
				}
				s.company[t.host] = points
			}
		}
	}
	s.company = nil
	note(s.near, -1)
	note(s.apart, 1)
}

// relate finds the services that want to be near each other, or apart.
func (p *placer) relate() {
	byName := map[string]int{}
	for i := range p.services {
		if p.services[i].Preview == "" { // a preview's has the name of the real one, which is meant
			byName[p.services[i].Name] = i
		}
	}
	for i := range p.services {
		for _, name := range p.services[i].Placement.Affinity {
			if j, ok := byName[name]; ok && j != i {
				p.services[i].near = append(p.services[i].near, j)
				p.services[j].near = append(p.services[j].near, i)
			}
		}
		for _, name := range p.services[i].Placement.AntiAffinity {
			if j, ok := byName[name]; ok && j != i {
				p.services[i].apart = append(p.services[i].apart, j)
				p.services[j].apart = append(p.services[j].apart, i)
			}
		}
	}
}

// noteFailures notes on which hosts services have failed as they are now.
func (p *placer) noteFailures(failures []Failure) {
	for _, f := range failures {
		i, known := p.byKey[key{f.App, f.Service}]
		h, registered := p.byName[f.Host]
		if !known || !registered || p.services[i].Fingerprint != f.Fingerprint {
			continue
		}
		if p.services[i].failed == nil {
			p.services[i].failed = map[int]int32{}
		}
		p.services[i].failed[h] += int32(f.Count)
	}
}
