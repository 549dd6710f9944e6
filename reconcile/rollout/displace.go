package rollout

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// A replica of higher priority that displaces others is made, and not started,
// before any of them goes: who has to go for it knows then that nothing else keeps
// it. It starts when they have gone. They leave under their own service's update
// policy.

// waitsToLeave says why a displaced replica does not go yet, or "". One of which
// nothing runs there any more has left.
func (d *decider) waitsToLeave(c *plan.Change) string {
	by := c.Displaced
	if by == nil || !slices.ContainsFunc(append([]string{c.Current}, c.Old...), func(id string) bool { return d.runsOn(id, by.Host) }) {
		return ""
	}
	key := plan.Key{Kind: plan.KindReplica, App: by.App, Service: by.Service, Slot: by.Slot}
	i, found := slices.BinarySearchFunc(d.in.Plan.Changes, key, func(c plan.Change, k plan.Key) int { return plan.CompareKeys(c.Key, k) })
	if found && d.in.Plan.Changes[i].Current != "" {
		return ""
	}
	return fmt.Sprintf("makes room for %s once that has been made", by.By())
}

// occupant finds a replica that still runs on the host of another one, which is new
// there and can't start before: what is free while those are there that leave is
// less than what was given away.
func (d *decider) occupant(s *model.Service, change *plan.Change) *plan.Change {
	if s.Reserve == (model.Resources{}) || slices.ContainsFunc(change.Old, func(id string) bool { return d.runsOn(id, change.Host) }) {
		return nil
	}
	there := d.goingFrom(change.Host)
	if len(there) == 0 || d.fits(change.Host, d.takenBy(there, change.Host)) {
		return nil
	}
	return there[0]
}

// goingFrom are the replicas that still run on a host of which no placement knows
// any more: those that were displaced, and those that are to be removed.
func (d *decider) goingFrom(host string) []*plan.Change {
	if d.going == nil {
		d.going = map[string][]*plan.Change{}
		for i := range d.in.Plan.Changes {
			d.noteGoing(&d.in.Plan.Changes[i])
		}
	}
	return d.going[host]
}

func (d *decider) noteGoing(c *plan.Change) {
	if c.Displaced == nil && !c.Removal || len(c.Old) == 0 {
		return
	}
	var hosts []string
	for _, id := range c.Old {
		if o := d.container(id); o != nil && o.Running() && (c.Removal || o.Host == c.Displaced.Host) {
			hosts = append(hosts, o.Host)
		}
	}
	slices.Sort(hosts)
	for _, host := range slices.Compact(hosts) {
		if d.takes(c, host) != (model.Resources{}) {
			d.going[host] = append(d.going[host], c)
		}
	}
}

// takes is what a replica that goes still has of a host: what its service reserves,
// or where no manifest names that, what its containers say.
func (d *decider) takes(c *plan.Change, host string) (sum model.Resources) {
	if !c.Removal {
		return d.reserveOf(c.Key)
	}
	for _, id := range c.Old {
		if d.runsOn(id, host) {
			sum = sum.Plus(d.container(id).Reserve())
		}
	}
	return sum
}

func (d *decider) takenBy(changes []*plan.Change, host string) (sum model.Resources) {
	for _, c := range changes {
		sum = sum.Plus(d.takes(c, host))
	}
	return sum
}

// fits says whether so much more could be set aside on a host.
func (d *decider) fits(host string, more model.Resources) bool {
	i := slices.IndexFunc(d.in.Rooms, func(r model.Room) bool { return r.Host == host })
	return i < 0 || d.in.Rooms[i].Fits(more)
}

func (d *decider) runsOn(id, host string) bool {
	c := d.container(id)
	return c != nil && c.Host == host && c.Running()
}

// vacate ends a replica that makes room and has nowhere to go, as far as the
// service can do without it.
func (r *roll) vacate(s *service, slot *slot) {
	if why := r.stoppedFor(s); why != "" {
		r.hold(slot.change, why)
		return
	}
	if why := r.take(s, slot); why != "" {
		r.hold(slot.change, why)
		return
	}
	r.retire(slot.change, ops(slot.change.Steps, plan.Now))
}

// noRoomYet says what a second copy beside an old one waits for, or "": others on
// the same host are being replaced so, or surplus is still there, and there is not
// room for all of them at one time. That there is room for this one alone the plan
// has made sure of.
func (r *roll) noRoomYet(s *model.Service, change *plan.Change) string {
	if s.Reserve == (model.Resources{}) || !r.beside(change) {
		return ""
	}
	need := r.secondCopies(change.Host).Plus(s.Reserve)
	if need != s.Reserve && !r.fits(change.Host, need) {
		return "waits for room on " + change.Host + " for a second copy: others are being replaced there"
	}
	surplus := r.surplus(change.Host)
	if len(surplus) == 0 || r.fits(change.Host, need.Plus(r.takenBy(surplus, change.Host))) {
		return ""
	}
	r.crowd(change.Host, need)
	return fmt.Sprintf("waits for %s to make room for a second copy", surplus[0].Key)
}

// surplus is what goes from a host when somebody waits for its room. A second copy
// is there for a short while only, so it waits for nobody whose end other apps, or
// people, decide about.
func (r *roll) surplus(host string) (surplus []*plan.Change) {
	for _, c := range r.goingFrom(host) {
		own := c.Key.App == r.app.Name && r.stopped() == "" && r.keptAvailable(c) == ""
		if c.Removal && c.Verdict == plan.Remove && (own || r.goes(c.Key.App)) {
			surplus = append(surplus, c)
		}
	}
	return surplus
}

// noteCopy counts what a change that has just begun takes for its second copy. One
// that could not begin takes nothing: others would wait for as long as it does.
func (d *decider) noteCopy(s *model.Service, change *plan.Change) {
	if s.Reserve != (model.Resources{}) && d.beside(change) {
		taken := d.secondCopies(change.Host)
		d.copies[change.Host] = taken.Plus(s.Reserve)
	}
}

// beside says whether the change starts a container where an old one of the
// replica runs and goes on running.
func (d *decider) beside(c *plan.Change) bool {
	begins := ops(c.Steps, plan.Now)
	for _, id := range c.Old {
		stops := slices.ContainsFunc(begins, func(op model.Op) bool { stop, ok := op.(model.StopContainer); return ok && stop.ID == id })
		if d.runsOn(id, c.Host) && !stops {
			return starts(c)
		}
	}
	return false
}

// secondCopies is what the second copies on a host reserve, which run or are being
// started.
func (d *decider) secondCopies(host string) model.Resources {
	if d.copies == nil {
		d.copies = map[string]model.Resources{}
		for i := range d.in.Plan.Changes {
			c := &d.in.Plan.Changes[i]
			if c.Key.Kind != plan.KindReplica || len(c.Old) == 0 {
				continue
			}
			_, busy := d.in.Busy[c.Key]
			twice := d.runsOn(c.Current, c.Host) && slices.ContainsFunc(c.Old, func(id string) bool { return d.runsOn(id, c.Host) })
			if twice || busy && d.beside(c) {
				d.copies[c.Host] = d.copies[c.Host].Plus(d.reserveOf(c.Key))
			}
		}
	}
	return d.copies[host]
}

func (d *decider) reserveOf(k plan.Key) model.Resources {
	if s := d.serviceOf(k); s != nil {
		return s.Reserve
	}
	return model.Resources{}
}

// serviceOf is the service of a replica, or nil when no manifest names it.
func (d *decider) serviceOf(k plan.Key) *model.Service {
	app := d.apps[k.App]
	if app == nil || k.Kind != plan.KindReplica {
		return nil
	}
	i := slices.IndexFunc(app.Services, func(s model.Service) bool { return s.Name == k.Service })
	if i < 0 {
		return nil
	}
	return &app.Services[i]
}
