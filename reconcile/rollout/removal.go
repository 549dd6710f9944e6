package rollout

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// removals begins what waited for the app to be where it should be. Networks
// go after the replicas that were on them.
func (r *roll) removals() {
	replicas := 0
	for i := range r.changes {
		c := &r.changes[i]
		if c.Verdict == plan.Remove && (c.Key.Kind == plan.KindReplica || c.Key.Kind == plan.KindRun && c.Removal) {
			replicas++
			if why := r.keptAvailable(c); why != "" {
				r.hold(c, why)
				continue
			}
			r.retire(c, ops(c.Steps, plan.Idle))
		}
	}
	for i := range r.changes {
		c := &r.changes[i]
		if c.Verdict != plan.Remove || c.Key.Kind == plan.KindReplica || c.Key.Kind == plan.KindRun {
			continue
		}
		if replicas > 0 || !r.everySettled() {
			r.hold(c, "replicas may still be on it")
			continue
		}
		r.emit(c, ops(c.Steps, plan.Idle), healTries)
	}
}

// holdRemovals keeps what is to go until the new is healthy, except for a
// replica that holds what a new one needs: a port, a volume, or room.
func (r *roll) holdRemovals(why string) {
	for i := range r.changes {
		c := &r.changes[i]
		if c.Verdict != plan.Remove || c.Key.Kind == plan.KindRun && !c.Removal {
			continue
		}
		replica := c.Key.Kind == plan.KindReplica || c.Key.Kind == plan.KindRun
		if r.stopped() == "" && replica && r.keptAvailable(c) == "" && (r.inTheWay(c) || r.makesRoom(c)) {
			r.retire(c, ops(c.Steps, plan.Idle))
			continue
		}
		r.hold(c, why)
	}
}

// room is what a new container needs that has been made and can't start: the
// ports that it publishes, and the volumes that it holds.
type room struct {
	host    string
	ports   []model.Port
	volumes []string
}

// makesRoom says whether a replica that is to go runs on a crowded host. No more of
// them go than have to.
func (d *decider) makesRoom(c *plan.Change) bool {
	if d.crowded == nil {
		d.noteCrowded()
	}
	for host, beside := range d.crowded {
		if d.takes(c, host) != (model.Resources{}) && !d.fits(host, beside.Plus(d.staying(host))) {
			d.ended[c.Key] = true
			return true
		}
	}
	return false
}

// noteCrowded finds the hosts on which containers that have been made wait for the
// room of others, of whichever app: one that comes first may be waiting for a later
// one itself.
func (d *decider) noteCrowded() {
	d.crowded, d.ended = map[string]model.Resources{}, map[plan.Key]bool{}
	for i := range d.in.Plan.Changes {
		c := &d.in.Plan.Changes[i]
		current := d.container(c.Current)
		if current == nil || current.Running() || !starts(c) {
			continue
		}
		if s := d.serviceOf(c.Key); s != nil && d.occupant(s, c) != nil {
			d.crowd(c.Host, model.Resources{})
		}
	}
}

// crowd notes that somebody waits on a host for others to go, for what is set aside
// there already and so much besides.
func (d *decider) crowd(host string, beside model.Resources) {
	if d.crowded == nil {
		d.noteCrowded()
	}
	d.crowded[host] = d.crowded[host].Max(beside)
}

// staying is what those have of a host that are to be removed, and are not yet
// being stopped.
func (d *decider) staying(host string) (sum model.Resources) {
	for _, c := range d.goingFrom(host) {
		if _, busy := d.in.Busy[c.Key]; c.Removal && !busy && !d.ended[c.Key] {
			sum = sum.Plus(d.takes(c, host))
		}
	}
	return sum
}

// inTheWay says whether a replica that is to go has a port of its host, or a
// volume, that a new container waits for.
func (d *decider) inTheWay(c *plan.Change) bool {
	return slices.ContainsFunc(d.waiting, func(w room) bool { return d.holds(c, w) })
}

// obstructed says who has what a new container of a replica can't start without,
// or "".
func (d *decider) obstructed(s *model.Service, c *plan.Change) string {
	if leaving := d.holder(s, c); leaving != nil {
		return fmt.Sprintf("waits for %s to give up a port", leaving.Key)
	}
	if displaced := d.occupant(s, c); displaced != nil {
		return fmt.Sprintf("waits for %s to make room", displaced.Key)
	}
	return d.volumeHeld(s, c)
}

// holder finds another replica that is to go, or has an old container that is,
// and with it a port that a new container of this one would need on its host.
func (d *decider) holder(s *model.Service, change *plan.Change) *plan.Change {
	if len(s.Container.Ports) == 0 {
		return nil
	}
	if d.leaving == nil {
		d.leaving = []*plan.Change{}
		for i := range d.in.Plan.Changes {
			if c := &d.in.Plan.Changes[i]; c.Wanted() && c.Key.Kind == plan.KindReplica && len(c.Old) > 0 {
				d.leaving = append(d.leaving, c)
			}
		}
	}
	for _, c := range d.leaving {
		if c.Key != change.Key && d.holds(c, room{host: change.Host, ports: s.Container.Ports}) {
			return c
		}
	}
	return nil
}

func (d *decider) holds(c *plan.Change, w room) bool {
	return slices.ContainsFunc(c.Old, func(id string) bool {
		old := d.container(id)
		return old != nil && old.Running() && (old.Host == w.host && model.PortsClash(w.ports, old.Ports) ||
			slices.ContainsFunc(w.volumes, func(v string) bool { return d.mayMount(old, v) }))
	})
}
