package place

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// hasRoom says whether the host can set aside what a new replica reserves. What
// stays where it is is never asked: a reservation that grows over what the host
// has sends nobody away. A host of which nobody knows what it has takes all.
func hasRoom(v view) bool { return v.host.fits(v.service) }

func (h *host) fits(s *service) bool { return h.capacity.Fits(h.taken(s), s.Reserve) }

// taken is what a new replica of a service finds set aside.
func (h *host) taken(s *service) model.Resources {
	if s.follows {
		return h.used
	}
	return h.used.Plus(h.going)
}

// noteGoing counts what a container takes that is to go: of a service, job or app
// that has left the manifests, or of a slot too many. It takes it for as long as it
// runs, and that may be long: its removal waits for what takes its place, and a
// guard or a person may hold it.
func (p *placer) noteGoing(h *host, c *model.Container) {
	if c.Running() {
		h.going = h.going.Plus(c.Reserve())
		p.going = p.going || h.going != (model.Resources{})
	}
}

// follow lets the service in hand, which finds no host, have the room of what is to
// go: where nothing else is free it could never take over from that. Its replicas
// are made there, and start when the others have gone. Once is enough for all of
// the service's slots, as what they need is the same. It reports whether to look
// again.
func (p *placer) follow(s *service) bool {
	if s.follows || !p.going || s.Reserve == (model.Resources{}) {
		return false
	}
	s.follows, p.offers = true, nil
	if p.onlyRoom(s) {
		p.classOf(s).full = s.Reserve
	}
	if p.ranking != nil {
		p.rateAll(s, p.ranking) // hosts were shut that are open now
	}
	return true
}

// onlyRoom says whether nothing but room can keep the service from a host that is open
// to its class: then the others of the class that need as much need not look for it.
func (p *placer) onlyRoom(s *service) bool {
	publishes := slices.ContainsFunc(s.Container.Ports, func(port model.Port) bool { return port.Published != 0 })
	return !s.global() && s.pin.host == anywhere && s.Placement.MaxPerHost == 0 && p.skew == nil && !publishes
}

// lacks says whether it is known that no host of the class has so much.
func (c *class) lacks(need model.Resources) bool {
	return c.full != (model.Resources{}) && need.Memory >= c.full.Memory && need.NanoCPUs >= c.full.NanoCPUs
}

// free is what is not set aside yet; less than nothing where reservations have
// grown.
func (h *host) free(s *service) model.Resources { return h.capacity.Minus(h.taken(s)) }

// share is how much of the host is set aside, in thousandths, of that of which it
// is more.
func (h *host) share() int32 {
	share := int64(0)
	if h.capacity.KnowsMemory && h.used.Memory > 0 {
		share = h.used.Memory * 1000 / max(h.capacity.Memory, 1)
	}
	if h.capacity.KnowsCPUs && h.used.NanoCPUs > 0 {
		share = max(share, h.used.NanoCPUs*1000/max(h.capacity.NanoCPUs, 1))
	}
	return int32(share)
}

// roomReason says what the host lacks, of memory and CPUs the first. It is the same
// for all hosts but for what is left there, so the service keeps it.
func roomReason(v view) reason {
	s, free := v.service, v.host.free(v.service)
	r, need, left := &s.noMemory, s.Reserve.Memory, amount{max(free.Memory, 0), Memory}
	if need == 0 || !v.host.capacity.KnowsMemory || need <= free.Memory {
		r, need, left = &s.noCPUs, s.Reserve.NanoCPUs, amount{max(free.NanoCPUs, 0), CPUs}
	}
	if r.one == "" {
		lacks := left.words(need)
		*r = reason{one: "lacks " + lacks, many: "lack " + lacks}
	}
	return reason{one: r.one, many: r.many, left: left}
}

// Memory is an amount of memory in words, rounded down.
func Memory(bytes int64) string {
	const mebi, gibi = 1 << 20, 1 << 30
	switch bytes = max(bytes, 0); {
	case bytes >= gibi && bytes%gibi == 0:
		return strconv.FormatInt(bytes/gibi, 10) + "GiB"
	case bytes >= mebi || bytes == 0:
		return strconv.FormatInt(bytes/mebi, 10) + "MiB"
	}
	return strconv.FormatInt(bytes, 10) + "B"
}

// CPUs is an amount of CPUs in words, rounded down.
func CPUs(nano int64) string {
	const milli = 1_000_000
	text := fmt.Sprintf("%d.%03d", max(nano, 0)/(1000*milli), max(nano, 0)/milli%1000)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + " CPUs"
}

func (p *placer) rooms() []model.Room {
	rooms := make([]model.Room, len(p.hosts))
	for i := range p.hosts {
		rooms[i] = model.Room{Host: p.hosts[i].Name, Capacity: p.hosts[i].capacity, Reserved: p.hosts[i].used}
	}
	return rooms
}
