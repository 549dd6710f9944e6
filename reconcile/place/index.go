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
	owned      func(*model.Container) bool
	stopped    func(app string) bool // may be nil
	hosts      []host
	services   []service
	order      []*service     // the highest priority first
	floor      int            // 0, or the priority of previews: who is above it may send others away
	byName     map[string]int // hosts
	byKey      map[key]int    // services
	jobs       map[key]model.Resources
	found      []sighting
	slots      int
	filters    []filter
	machines   []int                    // a host of each kind, see suits
	changing   int                      // the first filter after the lasting ones
	names      []string                 // slot numbers as text, made once
	domains    map[string]domains       // of the hosts, by attribute
	classes    map[string]*class        // of services, by their rules
	layouts    map[string]*layout       // of the hosts, by what services are spread over
	ranked     []*class                 // those that have a ranking
	maxKept    int                      // see the constant
	changed    []int32                  // hosts that got a replica or lost one, one after the other
	images     map[string]map[int]int32 // see imagesOf, by the images
	imageHosts map[string][]int32       // that have an image

	// What follows is about the service in hand.
	inHand  *service
	onHost  []int // its replicas per host
	skew    *skew
	ranking *ranking // or nil, as long as nobody has asked for it
	offers  *offers  // the same

	scratch   []resident // see victims
	going     bool       // something that is to go takes room somewhere
	displaced bool       // somebody was sent away since this was last cleared
}

type key struct{ app, service string }

type host struct {
	*model.Host
	reachable bool
	known     bool // reached at some time
	leaving   bool // no manifest names it any more
	condition model.Condition
	info      *model.HostInfo
	images    map[string]string
	capacity  model.Capacity
	used      model.Resources
	going     model.Resources // see noteGoing
	residents []resident
	sorted    bool // whether the residents are, the first to go first
	claims    []claim
}

type service struct {
	*model.Service
	index            int
	slots            []slot
	open             int // slots without a host
	leaving          int // slots whose host is to be another one
	pin              pin
	class            *class
	fitted           fitted        // see misfit
	images           map[int]int32 // see imagesOf
	near, apart      []int         // services that it would rather be with, or not
	company          map[int]int32 // hosts where those are
	noMemory, noCPUs reason        // see roomReason
	follows          bool          // its replicas may wait for those that are to go, see follow
	failed           map[int]int32 // hosts where it has failed, and how often
}

type slot struct {
	host      int
	stays     *model.Container
	first     int // its newest sighting, or -1
	before    int // the host where it was put before it had a container, or nowhere
	leaving   bool
	displaced *displacement
	refusal   string // why no host can take it, or no other than the one that it is to leave
	why       string // a person wanted it there
	moved     bool   // that is suggested already
}

// sighting is an owned container of a slot; next is another of the same slot.
type sighting struct {
	container *model.Container
	host      int
	next      int
}

func newPlacer(in Input) *placer {
	p := &placer{
		owned: in.Owned, stopped: in.Stopped, byName: map[string]int{}, byKey: map[key]int{}, jobs: map[key]model.Resources{},
		domains: map[string]domains{}, classes: map[string]*class{}, layouts: map[string]*layout{}, images: map[string]map[int]int32{}, filters: filters(), maxKept: maxKept,
	}
	if p.owned == nil {
		p.owned = func(c *model.Container) bool { return c.OwnedBy(in.Owner, nil) }
	}
	p.changing = 1 + slices.IndexFunc(p.filters[1:], func(f filter) bool { return !f.lasting })
	p.addHosts(in.Hosts, in.Leaving, in.Live)
	p.addServices(in.Services)
	for i := range in.Jobs {
		p.jobs[key{in.Jobs[i].App, in.Jobs[i].Name}] = in.Jobs[i].Work.Reserve
	}
	p.onHost = make([]int, len(p.hosts))
	p.relate()
	p.noteFailures(in.Failures)
	return p
}

func (p *placer) addHosts(hosts, leaving []model.Host, live model.Live) {
	p.hosts = make([]host, 0, len(hosts)+len(leaving))
	for i := range hosts {
		p.hosts = append(p.hosts, host{Host: &hosts[i]})
	}
	for i := range leaving {
		p.hosts = append(p.hosts, host{Host: &leaving[i], leaving: true})
	}
	slices.SortFunc(p.hosts, func(a, b host) int { return cmp.Compare(a.Name, b.Name) })
	for i := range p.hosts {
		p.byName[p.hosts[i].Name] = i
		p.hosts[i].info = &model.HostInfo{}
	}
	for i := range live.Hosts {
		state := &live.Hosts[i]
		if n, ok := p.byName[state.Name]; ok {
			h := &p.hosts[n]
			h.reachable, h.known, h.condition, h.info, h.images = state.Reachable, state.Known, state.Condition, &state.Info, state.Images
		}
	}
	for i := range p.hosts {
		p.hosts[i].capacity = p.hosts[i].CapacityOf(*p.hosts[i].info)
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
		p.order = append(p.order, s)
	}
	slices.SortStableFunc(p.order, func(a, b *service) int { return cmp.Compare(b.Priority, a.Priority) })
	if n := len(p.order); n > 0 {
		p.floor = min(0, p.order[n-1].Priority)
	}
}

func (p *placer) emptySlots(s *service) []slot {
	n := max(s.Replicas, 0)
	if s.global() {
		n = len(p.hosts)
	}
	slots := make([]slot, n)
	for i := range slots {
		slots[i] = slot{host: nowhere, first: -1, before: nowhere}
	}
	return slots
}

func (s *service) global() bool { return s.Mode == model.ModeGlobal }

// slotName is the name of a service's nth slot: its number, counted from one,
// or for a global service the host.
func (p *placer) slotName(s *service, n int) string {
	if s.global() {
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
	if s.global() {
		if c.Owner.Slot != p.hosts[onHost].Name || p.hosts[onHost].leaving {
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
	h := &p.hosts[onHost]
	if !p.owned(c) {
		h.claimLive(c, resident{service: foreign})
		return
	}
	if reserve, declared := p.jobs[key{c.Owner.App, c.Owner.Job}]; declared && c.Owner.Job != "" {
		if c.Running() {
			h.used = h.used.Plus(reserve)
		}
		return
	}
	i, ok := p.byKey[key{c.Owner.App, c.Owner.Service}]
	if !ok {
		p.noteGoing(h, c)
		return
	}
	s := &p.services[i]
	n := p.slotOf(s, c, onHost)
	if n < 0 {
		p.noteGoing(h, c)
		return
	}
	h.claimLive(c, resident{s.index, n})
	p.found = append(p.found, sighting{container: c, host: onHost, next: s.slots[n].first})
	s.slots[n].first = len(p.found) - 1
}

// assign gives a slot its host, and counts.
func (p *placer) assign(s *service, n, toHost int, stays *model.Container) {
	t := &s.slots[n]
	t.host, t.stays, t.refusal = toHost, stays, ""
	s.open--
	h := &p.hosts[toHost]
	h.used = h.used.Plus(s.Reserve)
	h.residents, h.sorted = append(h.residents, resident{s.index, n}), false
	h.claimSlot(s, n, p.slotName(s, n))
	p.count(s, toHost, 1)
}

// release takes a slot's host away again. What its containers hold there stays
// claimed.
func (p *placer) release(s *service, n int) {
	t := &s.slots[n]
	h, r := &p.hosts[t.host], resident{s.index, n}
	p.count(s, t.host, -1)
	h.used = h.used.Minus(s.Reserve)
	h.residents = slices.DeleteFunc(h.residents, func(o resident) bool { return o == r })
	h.claims = slices.DeleteFunc(h.claims, func(c claim) bool { return !c.live && c.service == r.service && c.slot == r.slot })
	t.host, t.stays = nowhere, nil
	s.open++
	if t.leaving {
		t.leaving = false
		s.leaving--
	}
}

// count notes that a host got a replica, or lost one, and keeps the numbers of the
// service in hand.
func (p *placer) count(s *service, onHost, by int) {
	p.changed = append(p.changed, int32(onHost))
	if p.inHand != s {
		return
	}
	p.onHost[onHost] += by
	p.skew.moved(onHost, by)
	if p.ranking != nil {
		p.ranking.count(onHost, int32(by))
	}
}
