package rollout

import (
	"maps"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Moves are replicas that a person wants on other hosts. They go under their
// services' update policy, and each is forgotten when it is there, or when its
// host does not take it.
type Moves struct {
	By     string       `json:"by,omitempty"`
	Reason string       `json:"reason,omitempty"`
	Since  time.Time    `json:"since"`
	List   []model.Move `json:"list"`
}

// newMoves are the moves of an order, each with who wants it.
func newMoves(o Order, now time.Time) *Moves {
	m := &Moves{By: o.By, Reason: o.Reason, Since: now}
	for _, move := range o.Moves {
		move.App, move.Why = o.App, "ordered "+byWhom(o.By, o.Reason)
		m.List = append(m.List, move)
	}
	return m
}

// and adds the moves of another order, which count for the slots of both.
func (m *Moves) and(more *Moves) *Moves {
	if m == nil {
		return more
	}
	for _, move := range m.List {
		again := slices.ContainsFunc(more.List, func(o model.Move) bool { return o.Service == move.Service && o.Slot == move.Slot })
		if !again {
			more.List = append(more.List, move)
		}
	}
	return more
}

// Moves are those of all apps.
func (s State) Moves() []model.Move {
	var all []model.Move
	for _, app := range slices.Sorted(maps.Keys(s.Standings)) {
		if moves := s.Standings[app].Moves; moves != nil {
			all = append(all, moves.List...)
		}
	}
	return all
}

// forgetMoves forgets the moves that are done, and those that came to nothing.
func (r *roll) forgetMoves() {
	if r.standing.Moves == nil {
		return
	}
	var left []model.Move
	for _, m := range r.standing.Moves.List {
		if r.underWay(m) {
			left = append(left, m)
		}
	}
	switch {
	case len(left) == 0:
		r.standing.Moves = nil
	case len(left) < len(r.standing.Moves.List):
		next := *r.standing.Moves
		next.List = left
		r.standing.Moves = &next
	}
}

func (r *roll) underWay(m model.Move) bool {
	for _, s := range r.services {
		if s.Name != m.Service {
			continue
		}
		i := slices.IndexFunc(s.slots, func(slot *slot) bool { return slot.change.Key.Slot == m.Slot })
		return i >= 0 && s.slots[i].change.Host == m.Host && s.slots[i].phase != done
	}
	return false
}
