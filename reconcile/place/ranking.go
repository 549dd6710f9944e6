package place

import "slices"

// ranking orders the hosts for the services of a class, one of them at a time: by
// how many of its replicas their failure domains have, in the order in which those
// are declared, and in the end by their scores. It stays from one service to the
// next, because only few hosts are good for one in another way than for all of
// them: those where it is, has failed, has company or has its images.
type ranking struct {
	knockout
	*layout
	replicas [][]int32 // by level and domain, of the service in hand
	played   [][]int32 // the same when the ranking was last played
	scores   []score
	out      []bool  // hosts that are known to take nothing
	marked   []int32 // hosts that are rated for one service otherwise than for others
	seen     int     // how many of the placer's changes
}

// maxKept is how many hosts the rankings have in all, and how many changes there are,
// before they are let go of. A rated host takes some 50 bytes, and a fleet in which
// each service has rules of its own has no use for old rankings.
const maxKept = 1 << 20

// tidy lets go of the rankings when there is too much of them. There is none in use.
func (p *placer) tidy() {
	if len(p.ranked)*len(p.hosts) <= p.maxKept && len(p.changed) <= p.maxKept {
		return
	}
	for _, c := range p.ranked {
		c.ranking = nil
	}
	p.ranked, p.changed = nil, nil
}

// best is the best host for another replica of the service in hand, of those that
// take one, or nowhere. Hosts are judged only when it is their turn.
func (p *placer) best(s *service) int {
	if h := s.pin.host; h != anywhere {
		if h != nowhere && p.judge(s, h) != passed {
			return nowhere
		}
		return h
	}
	r := p.rank(s)
	for refused := 0; ; refused++ {
		h := r.best()
		switch {
		case h == nobody || r.out[h]:
			return nowhere
		case p.judge(s, int(h)) == passed:
			return int(h)
		case refused < len(p.hosts)/16:
			r.shut(h)
			r.replay(r.place[h], r.place[h])
		default: // so many are full that asking all of them is less work
			p.shutAll(s, r)
		}
	}
}

func (r *ranking) shut(h int32) {
	r.out[h] = true
	r.marked = append(r.marked, h)
}

func (p *placer) shutAll(s *service, r *ranking) {
	for h := range p.hosts {
		if !r.out[h] && p.judge(s, h) != passed {
			r.shut(int32(h))
		}
	}
	r.playAll()
}

// rank is the ranking for the service in hand, as everything is now.
func (p *placer) rank(s *service) *ranking {
	if p.ranking == nil {
		p.keepsCompany(s) // which a new ranking is made with
		p.ranking = p.rankingOf(s)
		p.rate(s, p.ranking, p.adopt(s, p.ranking))
	}
	r := p.ranking
	p.rate(s, r, p.changed[r.seen:])
	r.seen = len(p.changed)
	return r
}

// rankingOf is that of the service's class, whichever service it was last for.
func (p *placer) rankingOf(s *service) *ranking {
	c := p.classOf(s)
	if c.ranking != nil {
		return c.ranking
	}
	p.ranked = append(p.ranked, c)
	l := p.layoutOf(s.Placement.Spread)
	r := &ranking{layout: l, scores: make([]score, len(p.hosts)), out: make([]bool, len(p.hosts)), seen: len(p.changed)}
	for i := range l.levels {
		r.replicas = append(r.replicas, make([]int32, len(l.levels[i].ends)))
		r.played = append(r.played, make([]int32, len(l.levels[i].ends)))
	}
	r.knockout = newKnockout(l.order, r.before)
	p.rateAll(s, r)
	c.ranking = r
	return r
}

// adopt makes a ranking that of s. The hosts that it was otherwise for the service
// before, or is for this one, are to be rated anew.
func (p *placer) adopt(s *service, r *ranking) []int32 {
	before := r.marked
	r.marked = nil
	for i := range r.levels {
		for _, h := range before {
			r.replicas[i][r.levels[i].domain[h]] = 0
		}
	}
	for i := range s.slots {
		if h := s.slots[i].host; h != nowhere {
			r.count(h, 1)
		}
	}
	for _, hosts := range []map[int]int32{s.failed, s.company, p.imagesOf(s)} {
		for h := range hosts {
			r.marked = append(r.marked, int32(h))
		}
	}
	return slices.Concat(before, r.marked)
}

// count notes that the service in hand has more replicas on a host, or fewer.
func (r *ranking) count(h int, by int32) {
	for i := range r.levels {
		r.replicas[i][r.levels[i].domain[h]] += by
	}
	r.marked = append(r.marked, int32(h))
}

// rate rates hosts that have changed for s.
func (p *placer) rate(s *service, r *ranking, hosts []int32) {
	if len(hosts) > len(p.hosts)/2 {
		p.rateAll(s, r)
		return
	}
	for _, h := range hosts {
		p.rateOne(s, r, int(h))
		r.replay(r.place[h], r.place[h])
		for i := range r.levels {
			l := &r.levels[i]
			if d := l.domain[h]; r.played[i][d] != r.replicas[i][d] {
				r.played[i][d] = r.replicas[i][d]
				r.replay(l.ends[d][0], l.ends[d][1])
			}
		}
	}
}

func (p *placer) rateAll(s *service, r *ranking) {
	for h := range p.hosts {
		p.rateOne(s, r, h)
	}
	for i := range r.levels {
		copy(r.played[i], r.replicas[i])
	}
	r.playAll()
}

func (p *placer) rateOne(s *service, r *ranking, h int) {
	r.out[h] = p.classOf(s).lasting[h] != passed
	r.scores[h] = p.scoreOf(s, h)
}

// before says whether host a is better than b. Ties go to the first name, which is
// the order that the hosts are in.
func (r *ranking) before(a, b int32) bool {
	if r.out[a] != r.out[b] {
		return r.out[b]
	}
	for i := range r.levels {
		domain, replicas := r.levels[i].domain, r.replicas[i]
		if x, y := replicas[domain[a]], replicas[domain[b]]; x != y {
			return x < y
		}
	}
	return r.better(a, b)
}

// better compares two hosts of one failure domain.
func (r *ranking) better(a, b int32) bool {
	if c := r.scores[a].compare(&r.scores[b]); c != 0 {
		return c < 0
	}
	return a < b
}
