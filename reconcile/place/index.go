package place

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// nowhere is the host of a slot that has none.
const nowhere = -1

// placer is one run of Place. Hosts, services and slots are numbered, so that
// the inner loops work on slices instead of maps of names.
type placer struct {
	owned    func(*model.Container) bool
	hosts    []host
	services []service
	byName   map[string]int // hosts
	byKey    map[key]int    // services
	found    []sighting
	slots    int
	filters  []filter
	names    []string // slot numbers as text, made once

	onHost  []int // scratch: replicas per host of the service in hand
	verdict []int // scratch: which filter refused the host, for the service in hand
	domains map[string][]int
}

type key struct{ app, service string }

type host struct {
	*model.Host
	reachable bool
	known     bool // reached at some time
	condition model.Condition
	arch      string
	replicas  int // given to it so far, of all services
	claims    []claim
}

type service struct {
	*model.Service
	index int
	slots []slot
	open  int // slots without a host
	pin   pin
}

type slot struct {
	host    int
	stays   *model.Container
	first   int    // its newest sighting, or -1
	refusal string // why no host can take it, or no other than the one that it is to leave
}

// sighting is an owned container of a slot; next is another of the same slot.
type sighting struct {
	container *model.Container
	host      int
	next      int
}

func newPlacer(in Input) *placer {
	p := &placer{owned: in.Owned, byName: map[string]int{}, byKey: map[key]int{}, domains: map[string][]int{}}
	if p.owned == nil {
		p.owned = func(c *model.Container) bool { return c.OwnedBy(in.Owner, nil) }
	}
	p.addHosts(in.Hosts, in.Live)
	p.addServices(in.Services)
	p.filters = filters()
	p.onHost = make([]int, len(p.hosts))
	p.verdict = make([]int, len(p.hosts))
	return p
}

func (p *placer) addHosts(hosts []model.Host, live model.Live) {
	p.hosts = make([]host, len(hosts))
	for i := range hosts {
		p.hosts[i].Host = &hosts[i]
	}
	slices.SortFunc(p.hosts, func(a, b host) int { return cmp.Compare(a.Name, b.Name) })
	for i := range p.hosts {
		p.byName[p.hosts[i].Name] = i
	}
	for i := range live.Hosts {
		if n, ok := p.byName[live.Hosts[i].Name]; ok {
			p.hosts[n].reachable = live.Hosts[i].Reachable
			p.hosts[n].known = live.Hosts[i].Known
			p.hosts[n].condition = live.Hosts[i].Condition
			p.hosts[n].arch = live.Hosts[i].Info.Arch
		}
	}
}

func (p *placer) addServices(services []model.Service) {
	p.services = make([]service, len(services))
	for i := range services {
		p.services[i].Service = &services[i]
	}
	slices.SortFunc(p.services, func(a, b service) int {
		return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Name, b.Name))
	})
	for i := range p.services {
		s := &p.services[i]
		s.index = i
		p.byKey[key{s.App, s.Name}] = i
		s.slots = p.emptySlots(s)
		s.open = len(s.slots)
		p.slots += s.open
	}
}

func (p *placer) emptySlots(s *service) []slot {
	n := max(s.Replicas, 0)
	if s.Mode == model.ModeGlobal {
		n = len(p.hosts)
	}
	slots := make([]slot, n)
	for i := range slots {
		slots[i] = slot{host: nowhere, first: -1}
	}
	return slots
}

// slotName is the name of a service's nth slot: its number, counted from one,
// or for a global service the host.
func (p *placer) slotName(s *service, n int) string {
	if s.Mode == model.ModeGlobal {
		return p.hosts[n].Name
	}
	for len(p.names) <= n {
		p.names = append(p.names, strconv.Itoa(len(p.names)+1))
	}
	return p.names[n]
}

// slotOf is the reverse: which slot of s a container on a host is in, or -1
// when the service has no such slot (any more).
func (p *placer) slotOf(s *service, c *model.Container, onHost int) int {
	if s.Mode == model.ModeGlobal {
		if c.Owner.Slot != p.hosts[onHost].Name {
			return -1
		}
		return onHost
	}
	n, err := strconv.Atoi(c.Owner.Slot)
	if err != nil || n < 1 || n > len(s.slots) || c.Owner.Slot != p.slotName(s, n-1) {
		return -1
	}
	return n - 1
}

// sight goes once over all live containers: ours are noted with their slot,
// and those that hold published ports with their ports.
func (p *placer) sight(live model.Live) {
	for i := range live.Hosts {
		n, ok := p.byName[live.Hosts[i].Name]
		if !ok {
			continue // a host that is no longer registered gets nothing and keeps nothing
		}
		for j := range live.Hosts[i].Containers {
			p.sightOne(&live.Hosts[i].Containers[j], n)
		}
	}
}

func (p *placer) sightOne(c *model.Container, onHost int) {
	if !p.owned(c) {
		p.hosts[onHost].claimLive(c, foreign)
		return
	}
	i, ok := p.byKey[key{c.Owner.App, c.Owner.Service}]
	if !ok {
		return
	}
	s := &p.services[i]
	n := p.slotOf(s, c, onHost)
	if n < 0 {
		return
	}
	p.hosts[onHost].claimLive(c, s.index)
	p.found = append(p.found, sighting{container: c, host: onHost, next: s.slots[n].first})
	s.slots[n].first = len(p.found) - 1
}

// assign gives a slot its host, and counts.
func (p *placer) assign(s *service, n, toHost int, stays *model.Container) {
	t := &s.slots[n]
	t.host, t.stays = toHost, stays
	s.open--
	p.onHost[toHost]++
	h := &p.hosts[toHost]
	h.replicas++
	h.claimSlot(s, p.slotName(s, n))
}

// countReplicas sets onHost to what s has on each host so far.
func (p *placer) countReplicas(s *service) {
	clear(p.onHost)
	for i := range s.slots {
		if h := s.slots[i].host; h != nowhere {
			p.onHost[h]++
		}
	}
}
