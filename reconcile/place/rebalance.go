package place

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Suggestion is a move that would make a service's placement better.
type Suggestion struct {
	model.Move
	From string `json:"from"`
}

// Rebalance says which replicas to move for services to be spread, or packed, as
// they would be if they were placed now: the move that gains most, and so on until
// none gains anything, or there are enough. Only replicas that run are moved, each
// once, of services whose apps may have it.
func Rebalance(in Input, most int, may func(app string) bool) []Suggestion {
	p := newPlacer(in)
	p.settleInput(in)
	var moves []Suggestion
	for len(moves) < most {
		best := gain{}
		for _, s := range p.order {
			if !s.global() && s.pin.host == anywhere && may(s.App) {
				p.gains(s, &best)
			}
		}
		if best.level == 0 {
			break
		}
		moves = append(moves, p.realize(best))
	}
	return moves
}

// gain is what a move is worth: the level of what it improves, of which the lowest
// counts most, and by how much. Level 0 is no gain.
type gain struct {
	level, by int
	service   *service
	slot, to  int
	why       string
}

// The levels, besides those of a score.
const spreadLevel = 1

func (g gain) over(o gain) bool {
	switch {
	case g.level == 0 || o.level == 0:
		return g.level != 0
	case g.level != o.level:
		return g.level < o.level
	}
	return g.by > o.by
}

// gains improves on the best move with one of the service's. Of each failure
// domain only the worst host is asked: no other would gain more.
func (p *placer) gains(s *service, best *gain) {
	p.take(s)
	for _, n := range p.movable(s) {
		from, stays := s.slots[n].host, s.slots[n].stays
		p.release(s, n)
		if to := p.best(s); to != nowhere && to != from && p.skew.allows(to) {
			g := p.gainOf(s, from, to)
			g.service, g.slot, g.to = s, n, to
			if g.over(*best) {
				*best = g
			}
		}
		p.assign(s, n, from, stays)
	}
}

// movable are slots that could move, one for each failure domain: on its worst
// host the last one.
func (p *placer) movable(s *service) []int {
	r := p.rank(s)
	worst := map[int32]int{}
	for n := range s.slots {
		t := &s.slots[n]
		if t.host == nowhere || t.leaving || t.moved || t.stays == nil || t.displaced != nil || !p.hosts[t.host].reachable || !settled(t.stays) {
			continue
		}
		domain := r.innermost(t.host)
		k, some := worst[domain]
		if !some || !r.better(int32(t.host), int32(s.slots[k].host)) {
			worst[domain] = n
		}
	}
	return slices.Sorted(maps.Values(worst))
}

func settled(c *model.Container) bool {
	return c.State == model.StateRunning && (c.Health == model.HealthNone || c.Health == model.HealthHealthy)
}

// marked is how much more of a host has to be set aside than of another one for a
// move to be worth it, in thousandths.
const marked = 100

// gainOf compares two hosts for a replica that is on neither, for the moment.
func (p *placer) gainOf(s *service, from, to int) gain {
	for i, l := range p.ranking.levels {
		if here, there := p.ranking.replicas[i][l.domain[from]], p.ranking.replicas[i][l.domain[to]]; here != there {
			return worth(spreadLevel, int(here-there), fmt.Sprintf("%s: %d there, %d here", l.attribute, there, here))
		}
	}
	x, y := p.scoreOf(s, from), p.scoreOf(s, to)
	shareAt := 4
	if s.Placement.Strategy == model.StrategyPack {
		shareAt = 3
	}
	for i := range x[:len(x)-1] { // that the image is there is no reason to move
		by := int(x[i] - y[i])
		switch {
		case by == 0:
		case i == shareAt && by < marked:
			return gain{}
		default:
			return worth(spreadLevel+1+i, by, p.whyOf(s, i, from, to))
		}
	}
	return gain{}
}

// worth is a gain if there is any.
func worth(level, by int, why string) gain {
	if by <= 0 {
		return gain{}
	}
	return gain{level: level, by: by, why: why}
}

// whyOf says what is better about a host, by the place in the score.
func (p *placer) whyOf(s *service, place, from, to int) string {
	pack := s.Placement.Strategy == model.StrategyPack
	switch {
	case place == 0:
		return "fewer taints that it does not tolerate"
	case place == 1:
		return "it failed here"
	case place == 2:
		return "affinity"
	case place == 3 && !pack:
		return fmt.Sprintf("of %s %d there, %s here", s.Name, p.onHost[to], model.Count(p.onHost[from], "other", "others"))
	case place == 3 || place == 4 && !pack:
		return fmt.Sprintf("%d%% set aside there, %d%% here without it", p.hosts[to].share()/10, p.hosts[from].share()/10)
	}
	return fmt.Sprintf("%s there, %s here", model.Count(len(p.hosts[to].residents), "replica", "replicas"), model.Count(len(p.hosts[from].residents), "other", "others"))
}

// realize counts with a move from now on.
func (p *placer) realize(g gain) Suggestion {
	s := g.service
	from := s.slots[g.slot].host
	p.take(s)
	p.release(s, g.slot)
	p.assign(s, g.slot, g.to, nil)
	s.slots[g.slot].moved = true
	return Suggestion{
		Move: model.Move{App: s.App, Service: s.Name, Slot: p.slotName(s, g.slot), Host: p.hosts[g.to].Name, Why: g.why},
		From: p.hosts[from].Name,
	}
}
