package webhook

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	perSecond  = 5 // messages of one address
	burst      = 60
	maxSources = 4096
	maxSeen    = 4096
	maxID      = 128 // bytes of a delivery's id
)

// sources is how fast each address sends. Behind a proxy all have its address.
type sources struct {
	mu    sync.Mutex
	known map[netip.Prefix]*rate.Limiter
}

// allow counts one message of an address. Where there are too many addresses
// those are forgotten that have been quiet, or all when none has.
func (s *sources) allow(address string, now time.Time) bool {
	from := network(address)
	s.mu.Lock()
	defer s.mu.Unlock()
	l, found := s.known[from]
	if !found {
		s.shrink(now)
		l = rate.NewLimiter(perSecond, burst)
		s.known[from] = l
	}
	return l.AllowN(now, 1)
}

func (s *sources) shrink(now time.Time) {
	if len(s.known) >= maxSources {
		for from, l := range s.known {
			if l.TokensAt(now) >= burst {
				delete(s.known, from)
			}
		}
	}
	if s.known == nil || len(s.known) >= maxSources {
		s.known = map[netip.Prefix]*rate.Limiter{}
	}
}

// network is what one sender has: an address, or of IPv6 64 bits of one.
func network(address string) netip.Prefix {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.Prefix{}
	}
	ip, bits := at.Addr().Unmap(), 64
	if ip.Is4() {
		bits = 32
	}
	prefix, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}

// places are the bodies that are being read, by who sends them.
type places struct {
	mu    sync.Mutex
	all   int
	taken map[netip.Prefix]int
}

// take says whether there is a place for one more body of an address, and takes it.
func (p *places) take(address string) bool {
	from := network(address)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all >= maxBodies || p.taken[from] >= bodiesEach {
		return false
	}
	if p.taken == nil {
		p.taken = map[netip.Prefix]int{}
	}
	p.all++
	p.taken[from]++
	return true
}

func (p *places) leave(address string) {
	from := network(address)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all--
	if p.taken[from]--; p.taken[from] == 0 {
		delete(p.taken, from)
	}
}

// seen remembers deliveries, the last some thousands. No forge signs their
// ids, so this spares looks and keeps nobody out.
type seen struct {
	mu        sync.Mutex
	now, last map[string]bool
}

// before says whether an id was seen, and remembers it.
func (s *seen) before(id string) bool {
	if id == "" || len(id) > maxID {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now[id] || s.last[id] {
		return true
	}
	if s.now == nil || len(s.now) >= maxSeen/2 {
		s.now, s.last = map[string]bool{}, s.now
	}
	s.now[id] = true
	return false
}
