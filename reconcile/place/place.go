// Package place decides which host gets which replica.
//
// It is one pure function. Replicas that have a container keep their host,
// because moving costs more than any better spread is worth; what is left is
// put, one replica after the other, on the best of the hosts that an ordered
// table of filters lets through. Who gets no host is told why, host by host.
//
// Nothing is remembered between two calls: where a replica is, the containers
// say. The package knows nothing of rollouts: it names one host per replica and
// leaves it to plan and rollout what to do about the containers, and in which
// order.
package place

import "github.com/tallyman-io/tallyman/reconcile/model"

// Input is what a placement is made from. Nothing in it is changed, and its
// order does not matter.
type Input struct {
	Services []model.Service
	Hosts    []model.Host
	// Leaving are hosts that no manifest names any more. They are left as if they
	// were drained, but by all: also a global service has no replica there.
	Leaving []model.Host
	Live    model.Live
	Owner   string
	// Owned says whether a container is one of ours. Nil is the plain rule:
	// it carries Owner's label, and its name label names itself.
	Owned func(*model.Container) bool
	// Placed says where a slot that has no container was put before, or "". A
	// slot goes back there when the host can still take it: so a decision that
	// was carried out by half, by a controller that died, comes out the same
	// the second time, and a replica that was removed by hand comes back to
	// where its data may be.
	Placed func(app, service, slot string) string
	// Kept says where an exclusive volume, by its name on the hosts, was put
	// before, or "". A list can be older than the volume, and a host can have
	// gone since.
	Kept func(app, volume string) string
	// Making says that a host was asked to make a volume, by its name there, and has
	// not shown it since; nil never does.
	Making func(host, volume string) bool
	// Jobs are those of which tries may run now: what they reserve is taken.
	Jobs []model.Job
	// Stopped says of an app that nothing more of it is begun: its replicas displace
	// nobody, who would wait for them in vain. Nil is of none.
	Stopped func(app string) bool
	// Failures are where services failed lately.
	Failures []Failure
	// Moves are people's orders. Each holds while its host takes the slot.
	Moves []model.Move
}

// Failure says that a service failed on a host, as it was with a fingerprint.
type Failure struct {
	App, Service, Fingerprint, Host string
	Count                           int
}

// Result holds every slot of every service exactly once, as an assignment or
// as a refusal. Both are sorted by app, service and slot (2 before 10).
type Result struct {
	Assignments []Assignment `json:"assignments,omitempty"`
	Refusals    []Refusal    `json:"refusals,omitempty"`
	// Rooms are how much of each host is set aside then, by name.
	Rooms []model.Room `json:"-"`
}

// Assignment gives a slot its host.
type Assignment struct {
	App     string `json:"app"`
	Service string `json:"service"`
	Slot    string `json:"slot"`
	Host    string `json:"host"`
	// Container is the id of the container for whose sake the slot stays on
	// this host, the best one it has; empty for a slot that is new here.
	Container string `json:"container,omitempty"`
	// Holds are the exclusive volumes, by their names on the hosts, that are on
	// this host because the slot is.
	Holds []string `json:"holds,omitempty"`
	// Stays says why the slot is still on a host that it is to leave.
	Stays string `json:"stays,omitempty"`
	// Why says why a person wanted the slot there.
	Why string `json:"why,omitempty"`
	// Displaced says that the slot was on another host and made room there.
	Displaced *Displaced `json:"displaced,omitempty"`
}

// Refusal is a slot that no host can take.
type Refusal struct {
	App     string `json:"app"`
	Service string `json:"service"`
	Slot    string `json:"slot"`
	// Host is the only one that could, if it is one: that of a global service's
	// slot, and the one that has an exclusive volume.
	Host string `json:"host,omitempty"`
	// Reason accounts for every host: `no host for web-3: 2 of 3 lack label
	// disk=ssd (edge-1, edge-3), 1 is cordoned (edge-2)`.
	Reason string `json:"reason"`
	// Displaced says that the slot had a host and made room there.
	Displaced *Displaced `json:"displaced,omitempty"`
}

// Place gives every slot a host or a reason why not.
//
// The passes go over all services each, because a replica that stays goes
// before one that is new, and one that already holds its published ports goes
// before one that only now asks for them. In each of them higher priorities come
// first.
func Place(in Input) Result {
	p := newPlacer(in)
	p.settleInput(in)
	return p.result()
}

// settleInput makes the passes.
func (p *placer) settleInput(in Input) {
	p.sight(in.Live)
	p.pinAll(in)
	for pass := range tenures {
		for _, s := range p.order {
			p.keep(s, pass)
		}
	}
	for _, s := range p.order {
		p.hold(s)
	}
	p.move(in.Moves)
	for _, s := range p.order {
		p.recall(s, in.Placed)
	}
	p.settleAll()
}

// settleAll settles all services, and again while somebody was sent away: where
// that left more room than it was for, another one may fit now. It ends, because
// each time a higher priority takes the place of a lower one.
func (p *placer) settleAll() {
	for again := true; again; again = p.displaced {
		p.displaced = false
		for _, s := range p.order {
			p.settle(s)
		}
	}
}

func (p *placer) result() Result {
	r := Result{Assignments: make([]Assignment, 0, p.slots), Rooms: p.rooms()}
	for i := range p.services {
		s := &p.services[i]
		for n := range s.slots {
			p.report(&r, s, n)
		}
	}
	return r
}

func (p *placer) report(r *Result, s *service, n int) {
	t := &s.slots[n]
	if t.host == nowhere && t.refusal == "" {
		return // a global service passes over hosts that are not meant
	}
	name := p.slotName(s, n)
	if t.host == nowhere {
		reason := "no host for " + s.Name + "-" + name + ": " + t.refusal
		refusal := Refusal{App: s.App, Service: s.Name, Slot: name, Reason: reason, Displaced: p.tellDisplaced(s, t)}
		switch {
		case s.global():
			refusal.Host = name
		case s.pin.host >= 0:
			refusal.Host = p.hosts[s.pin.host].Name
		}
		r.Refusals = append(r.Refusals, refusal)
		return
	}
	a := Assignment{
		App: s.App, Service: s.Name, Slot: name, Host: p.hosts[t.host].Name, Holds: s.Held(),
		Stays: t.refusal, Why: t.why, Displaced: p.tellDisplaced(s, t),
	}
	if t.stays != nil {
		a.Container = t.stays.ID
	}
	r.Assignments = append(r.Assignments, a)
}
