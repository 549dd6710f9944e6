package rollout

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// missing are the images, networks and volumes that are not there yet, whether
// they can be got or not.
type missing []plan.Key

// prerequisites pulls images and makes networks and volumes, and returns what
// is missing until then.
func (r *roll) prerequisites() missing {
	keys := r.missing()
	for i := range r.changes {
		c := &r.changes[i]
		switch {
		case !isPrerequisite(c):
		case r.stopped() != "":
			r.hold(c, r.stopped())
		case r.unwanted(c.Key):
			r.hold(c, "the services that need it have failed")
		default:
			r.emit(c, ops(c.Steps, plan.Now), r.tries())
		}
	}
	return keys
}

// missing looks once: every replica asks, and of an app on hundreds of hosts there
// are as many things.
func (r *roll) missing() missing {
	if r.counted {
		return r.lacks
	}
	r.counted = true
	for i := range r.changes {
		if c := &r.changes[i]; isPrerequisite(c) || r.inTheWayOfAll(c) {
			r.lacks = append(r.lacks, c.Key)
		}
	}
	r.vain = r.triedInVain(r.lacks)
	return r.lacks
}

// triedInVain says whether something that is missing has been tried and is not
// being tried now.
func (r *roll) triedInVain(m missing) bool {
	return slices.ContainsFunc(m, func(key plan.Key) bool {
		_, busy := r.in.Busy[key]
		return !busy && r.in.State.Attempts[key].Count > 0
	})
}

// inTheWayOfAll says whether the change is about a thing that can't be had on a
// host that answers: nobody knows how to get it, and all the same it may be there
// one day, because somebody loads an image or makes a network.
func (r *roll) inTheWayOfAll(c *plan.Change) bool {
	return c.Key.Kind != plan.KindReplica && c.Key.Kind != plan.KindRun && c.Verdict == plan.Blocked && !c.Removal && r.reachable(c.Host)
}

// isPrerequisite says whether the change makes, or puts right, what replicas need.
func isPrerequisite(c *plan.Change) bool {
	return c.Key.Kind != plan.KindReplica && (c.Verdict == plan.Create || c.Verdict == plan.Update)
}

// waitsForThings says what a slot's new container has to wait for, or "". While a
// rollout lacks anything, no replica of the app is replaced anywhere: a commit
// whose image can't be had changes nothing. Where services fail by themselves
// that goes for the services that use it. Healing waits only for what it
// needs itself.
func (r *roll) waitsForThings(s *service, slot *slot, m missing) string {
	for _, key := range m {
		everybody := r.record.Phase == Progressing && !r.apart()
		if everybody || r.record.Phase == Progressing && uses(s.Service, key) || needs(s.Service, slot.change, key) {
			return fmt.Sprintf("waits for %s", key)
		}
	}
	return ""
}

// mendWaitsForThings is the same question of a container that is there already:
// all it can lack is a network, unless it is a pod for which others are made.
func (r *roll) mendWaitsForThings(s *service, slot *slot, m missing) string {
	if inPlace(slot.change) || slot.change.Onward {
		return r.waitsForThings(s, slot, m)
	}
	for _, key := range m {
		if key.Kind == plan.KindNetwork && needs(s.Service, slot.change, key) {
			return fmt.Sprintf("waits for %s", key)
		}
	}
	return ""
}

// needs says whether a replica of the service uses the thing.
func needs(s *model.Service, change *plan.Change, key plan.Key) bool {
	return key.Host == change.Host && uses(s, key)
}

// uses says whether the service uses the thing, on whatever host.
func uses(s *model.Service, key plan.Key) bool {
	switch key.Kind {
	case plan.KindImage:
		return slices.Contains(s.Images(), key.Name)
	case plan.KindNetwork:
		return slices.ContainsFunc(s.Container.Networks, func(a model.Attachment) bool { return a.Network == key.Name })
	}
	return slices.ContainsFunc(s.Mounts(), func(m model.Mount) bool { return m.Source == key.Name })
}
