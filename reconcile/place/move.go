package place

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// move carries out orders, as far as the hosts still take the slots. One may only
// fit when another one has left, so they are tried until none fits any more.
func (p *placer) move(moves []model.Move) {
	left := slices.Clone(moves)
	slices.SortStableFunc(left, func(a, b model.Move) int {
		return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Slot, b.Slot))
	})
	for moved := true; moved; {
		before := len(left)
		left = slices.DeleteFunc(left, p.moveOne)
		moved = len(left) < before
	}
}

// moveOne reports whether the order is carried out.
func (p *placer) moveOne(m model.Move) bool {
	s, n := p.slotNamed(m)
	to, registered := p.byName[m.Host]
	if s == nil || !registered || s.slots[n].host == nowhere {
		return false
	}
	t := &s.slots[n]
	from, stays, leaving := t.host, t.stays, t.leaving
	if from == to {
		t.why = m.Why
		return true
	}
	p.take(s)
	p.release(s, n)
	if p.judge(s, to) == passed && p.skew.allows(to) {
		p.assign(s, n, to, p.stays(s, n, to))
		t.why = m.Why
		return true
	}
	p.assign(s, n, from, stays)
	if leaving {
		t.leaving = true
		s.leaving++
	}
	return false
}

// slotNamed finds the slot of an order, or none. A global service's slots are
// where they are named.
func (p *placer) slotNamed(m model.Move) (*service, int) {
	i, known := p.byKey[key{m.App, m.Service}]
	if !known {
		return nil, 0
	}
	s := &p.services[i]
	n, err := strconv.Atoi(m.Slot)
	if err != nil || n < 1 || n > len(s.slots) || s.global() {
		return nil, 0
	}
	return s, n - 1
}
