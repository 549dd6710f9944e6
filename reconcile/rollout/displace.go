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

// occupant finds a displaced replica that still runs on the host of another one,
// which is new there and can't start before: what is free while the displaced ones
// are there is less than what was given away.
func (d *decider) occupant(s *model.Service, change *plan.Change) *plan.Change {
	if s.Reserve == (model.Resources{}) || slices.ContainsFunc(change.Old, func(id string) bool { return d.runsOn(id, change.Host) }) {
		return nil
	}
	if d.displaced == nil {
		d.noteDisplaced()
	}
	there := d.displaced[change.Host]
	if len(there) == 0 || d.fits(change.Host, d.reservedBy(there)) {
		return nil
	}
	return there[0]
}

// noteDisplaced finds the displaced replicas that still run where they were, by
// host.
func (d *decider) noteDisplaced() {
	d.displaced = map[string][]*plan.Change{}
	for i := range d.in.Plan.Changes {
		c := &d.in.Plan.Changes[i]
		if c.Displaced != nil && slices.ContainsFunc(c.Old, func(id string) bool { return d.runsOn(id, c.Displaced.Host) }) {
			d.displaced[c.Displaced.Host] = append(d.displaced[c.Displaced.Host], c)
		}
	}
}

func (d *decider) reservedBy(changes []*plan.Change) (sum model.Resources) {
	for _, c := range changes {
		sum = sum.Plus(d.reserveOf(c.Key))
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
// the same host are being replaced so, and there is not room for all of them at
// one time. That there is room for this one alone the plan has made sure of.
func (d *decider) noRoomYet(s *model.Service, change *plan.Change) string {
	if s.Reserve == (model.Resources{}) || !d.beside(change) {
		return ""
	}
	taken := d.secondCopies(change.Host)
	if taken != (model.Resources{}) && !d.fits(change.Host, taken.Plus(s.Reserve)) {
		return "waits for room on " + change.Host + " for a second copy: others are being replaced there"
	}
	return ""
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
	app := d.apps[k.App]
	if app == nil {
		return model.Resources{}
	}
	i := slices.IndexFunc(app.Services, func(s model.Service) bool { return s.Name == k.Service })
	if i < 0 {
		return model.Resources{}
	}
	return app.Services[i].Reserve
}
