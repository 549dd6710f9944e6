package rollout

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// minAvailable is held here, where the stop of something that serves is let
// begin, and not where there are reasons to stop things: so it holds for all of
// them together, a rollout, a drain and a lost host at once.
//
// A replica is available when a container of it is ready on a host that answers,
// and no task is at work on it. What a task does may have been decided for
// another plan, so it is not asked what it will leave.

// available says whether the replica serves, and will whatever is being done.
func (s *slot) available() bool { return s.serving && !s.busy }

// breaks says why none of the service's replicas that serve may be stopped, or "".
func (s *service) breaks() string {
	if s.MinAvailable == (model.Portion{}) || s.serving > s.MinAvailable.Up(len(s.slots)) {
		return ""
	}
	return fmt.Sprintf("%d of %d available, and minAvailable is %s: none that serves can be stopped", s.serving, len(s.slots), s.MinAvailable)
}

// end counts a replica that has failed as no longer serving, if ops stop what of it
// still does, or says why that can't be.
func (s *service) end(slot *slot, todo []model.Op) string {
	if slot.busy || !slot.endsServing(todo) {
		return ""
	}
	if why := s.breaks(); why != "" {
		return why
	}
	s.serving--
	return ""
}

// endsServing says whether ops stop all that serves of a replica. Of a pod, the
// stop of any container is the end of that.
func (s *slot) endsServing(todo []model.Op) bool {
	for _, c := range s.ready {
		if !stops(todo, c) {
			return false
		}
	}
	return len(s.ready) > 0
}

func stops(todo []model.Op, c *model.Container) bool {
	return slices.ContainsFunc(todo, func(op model.Op) bool {
		stop, ok := op.(model.StopContainer)
		return ok && isPart(c, stop.ID)
	})
}

// keptAvailable says why a replica that is to go stays for now, or "": it serves,
// and those that are to stay are too few without it.
func (r *roll) keptAvailable(c *plan.Change) string {
	i := slices.IndexFunc(r.services, func(s *service) bool { return s.Name == c.Key.Service })
	if c.Key.Kind != plan.KindReplica || i < 0 {
		return ""
	}
	s := r.services[i]
	if s.serving >= s.MinAvailable.Up(len(s.slots)) {
		return ""
	}
	serves := slices.ContainsFunc(c.Old, func(id string) bool {
		old := r.container(id)
		return old != nil && r.reachable(old.Host) && Ready(old, s.Update.Monitor, r.in.Now)
	})
	if !serves {
		return ""
	}
	return s.breaks()
}
