package place

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// resident is a slot that a host was given to.
type resident struct{ service, slot int }

// Displaced tells of a slot that lost its host to a replica of higher priority.
type Displaced struct {
	Host string `json:"host"`
	// App, Service and Slot are the replica for which it makes room.
	App     string `json:"app"`
	Service string `json:"service"`
	Slot    string `json:"slot"`
	// Priority is that replica's, and Over is its own.
	Priority int `json:"priority"`
	Over     int `json:"over"`
}

// By names the replica for which it makes room.
func (d *Displaced) By() string { return d.App + "/" + d.Service + "-" + d.Slot }

func (d *Displaced) String() string {
	return fmt.Sprintf("makes room on %s for %s (priority %d over %d)", d.Host, d.By(), d.Priority, d.Over)
}

// displacement is the same in numbers.
type displacement struct {
	host int
	by   resident
}

// displace makes room for a slot that fits nowhere, where that takes the fewest
// replicas of lower priority, and of as many the lowest ones. The host where the
// slot was to go before is as good as any, and stays the one.
func (p *placer) displace(s *service, n int) bool {
	if !p.mayDisplace(s) {
		return false
	}
	o := p.offersTo(s)
	best := o.best()
	if best == nobody || o.costs[best].replicas == 0 {
		return false
	}
	h := int(p.expected(&s.slots[n], o, best))
	return p.evict(s, n, h, p.victims(s, h))
}

func (p *placer) mayDisplace(s *service) bool {
	return s.Priority > p.floor && (p.stopped == nil || !p.stopped(s.App))
}

// displaceAt does the same on the one host that a global service's slot is for.
func (p *placer) displaceAt(s *service, n, h int) bool {
	if !p.mayDisplace(s) || !p.movableAt(s, h) {
		return false
	}
	victims := p.victims(s, h)
	return len(victims) > 0 && p.evict(s, n, h, victims)
}

func (p *placer) movableAt(s *service, h int) bool {
	verdict := p.judge(s, h)
	return verdict != passed && p.filters[verdict].movable
}

// victims are the replicas on h that have to go for one of s to fit, or none when
// that is not enough: who has its ports, then the lowest, of these the largest. They
// are good until somebody asks again.
func (p *placer) victims(s *service, h int) []resident {
	victims, ok := p.portHolders(s, h)
	if !ok {
		return nil
	}
	held, host := len(victims), &p.hosts[h]
	used := host.used
	for _, v := range victims {
		used = used.Minus(p.services[v.service].Reserve)
	}
	for _, v := range p.lowest(host) {
		if host.capacity.Fits(used, s.Reserve) || p.services[v.service].Priority >= s.Priority {
			break
		}
		if p.below(v, s) && p.services[v.service].Reserve != (model.Resources{}) && !slices.Contains(victims[:held], v) {
			victims = append(victims, v)
			used = used.Minus(p.services[v.service].Reserve)
		}
	}
	p.scratch = victims
	if !host.capacity.Fits(used, s.Reserve) {
		return nil
	}
	for i := len(victims) - 1; i >= held; i-- { // a larger one may have made a smaller one's going unnecessary
		if back := used.Plus(p.services[victims[i].service].Reserve); host.capacity.Fits(back, s.Reserve) {
			used = back
			victims = slices.Delete(victims, i, i+1)
		}
	}
	return victims
}

// portHolders are the residents of h that have ports which s needs. It reports
// false when anybody else has one, who can't be sent away.
func (p *placer) portHolders(s *service, h int) ([]resident, bool) {
	holders := p.scratch[:0]
	for i := range p.hosts[h].claims {
		c := &p.hosts[h].claims[i]
		if !slices.ContainsFunc(s.Container.Ports, func(port model.Port) bool { return c.excludes(port, s, false) }) {
			continue
		}
		r := resident{c.service, c.slot}
		if c.service == foreign || !p.below(r, s) || p.services[c.service].slots[c.slot].host != h {
			return nil, false
		}
		if !slices.Contains(holders, r) {
			holders = append(holders, r)
		}
	}
	slices.SortFunc(holders, p.lowestFirst)
	return holders, true
}

// lowest are the residents of a host, those that go first first.
func (p *placer) lowest(h *host) []resident {
	if !h.sorted {
		slices.SortFunc(h.residents, p.lowestFirst)
		h.sorted = true
	}
	return h.residents
}

// below says whether a resident has a lower priority than s. An app never sends
// its own replicas away: it would do so at each of its updates.
func (p *placer) below(r resident, s *service) bool {
	o := &p.services[r.service]
	return o.App != s.App && o.Priority < s.Priority
}

func (p *placer) lowestFirst(a, b resident) int {
	x, y := &p.services[a.service], &p.services[b.service]
	return cmp.Or(
		cmp.Compare(x.Priority, y.Priority),
		cmp.Compare(y.Reserve.Memory, x.Reserve.Memory),
		cmp.Compare(y.Reserve.NanoCPUs, x.Reserve.NanoCPUs),
		cmp.Compare(a.service, b.service),
		cmp.Compare(b.slot, a.slot), // the last slot first, as when a service is scaled down
	)
}

// evict sends the victims away and gives the host to the slot.
func (p *placer) evict(s *service, n, h int, victims []resident) bool {
	for _, v := range victims {
		o := &p.services[v.service]
		p.release(o, v.slot)
		o.slots[v.slot].displaced = &displacement{h, resident{s.index, n}}
		p.hosts[h].unclaim(v)
	}
	p.give(s, n, h)
	p.displaced = true
	for _, c := range p.classes {
		c.full = model.Resources{} // who is sent away may leave more room than it takes
	}
	return true
}

// contested says whether a host without room has replicas of other apps that have
// another priority: somebody gives way to somebody there, and a container that
// does not run is none that is there already.
func (p *placer) contested(s *service, h int) bool {
	return slices.ContainsFunc(p.hosts[h].residents, func(r resident) bool {
		o := &p.services[r.service]
		return o.App != s.App && o.Priority != s.Priority
	})
}

// tellDisplaced names what a slot was displaced by.
func (p *placer) tellDisplaced(s *service, t *slot) *Displaced {
	if t.displaced == nil {
		return nil
	}
	by := &p.services[t.displaced.by.service]
	return &Displaced{
		Host: p.hosts[t.displaced.host].Name, App: by.App, Service: by.Name, Slot: p.slotName(by, t.displaced.by.slot),
		Priority: by.Priority, Over: s.Priority,
	}
}
