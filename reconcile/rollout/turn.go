package rollout

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// service begins what the service's slots may begin.
func (r *roll) service(s *service, m missing) {
	dependency := r.waitsFor(s)
	s.free = r.budget(s)
	for _, slot := range order(s.slots) {
		if why := r.waitsToLeave(slot.change); why != "" && slot.phase != away {
			r.hold(slot.change, why)
			continue
		}
		switch slot.phase {
		case stuck:
			if len(slot.change.Steps) > 0 {
				r.vacate(s, slot)
			}
		case finishing:
			r.finishSlot(slot)
		case mending:
			if dependency != "" && inPlace(slot.change) {
				r.hold(slot.change, fmt.Sprintf("waits for service %q to be healthy", dependency))
				continue
			}
			r.mend(s, slot, m)
		case broken:
			r.broken(s, slot, m)
		case pending:
			if dependency != "" {
				r.hold(slot.change, fmt.Sprintf("waits for service %q to be healthy", dependency))
				continue
			}
			if job := r.waitsForJobs(); job != "" {
				r.hold(slot.change, job)
				continue
			}
			r.renew(s, slot, m)
		}
	}
}

const lastWordsRead = "the failed one's last words are being read"

// finishSlot ends what a replica took over from.
func (r *roll) finishSlot(slot *slot) {
	if slot.kept {
		r.hold(slot.change, keptForCanary)
		return
	}
	if r.speaking(slot.change) {
		r.hold(slot.change, lastWordsRead)
		return
	}
	r.retire(slot.change, ops(slot.change.Steps, plan.Healthy))
	reason := "its successor is healthy"
	if hold := r.standing.Hold; hold != nil && slices.Contains(slot.change.Old, hold.Container) {
		reason = "it failed; its last words are in the history"
	}
	r.explain(slot.change, reason)
}

// order puts first what has been begun, and before the rest the slots that
// serve nobody: replacing them costs nothing. Those that wait for each other's
// ports go host by host, in every service alike, so that they meet.
func order(slots []*slot) []*slot {
	rank := func(s *slot) int {
		switch {
		case s.phase == mending:
			return 0
		case !s.serving:
			return 1
		}
		return 2
	}
	sorted := slices.Clone(slots)
	slices.SortStableFunc(sorted, func(a, b *slot) int {
		if a.change.Yields && b.change.Yields {
			return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.change.Host, b.change.Host))
		}
		return cmp.Compare(rank(a), rank(b))
	})
	return sorted
}

// mend puts a container right where it is. In a rollout that has failed, or is
// paused, the containers which it did not make are still mended.
func (r *roll) mend(s *service, slot *slot, m missing) {
	if why := r.mayNotMend(s, slot); why != "" {
		r.hold(slot.change, why)
		return
	}
	if reason := r.mendWaitsForThings(s, slot, m); reason != "" {
		r.hold(slot.change, reason)
		return
	}
	if why := r.obstructed(s.Service, slot.change); why != "" && starts(slot.change) {
		r.waiting = append(r.waiting, room{host: slot.change.Host, ports: s.Container.Ports, volumes: s.Held()})
		r.hold(slot.change, why)
		r.yield(s, slot)
		return
	}
	if why := r.takeToMend(s, slot); why != "" {
		r.hold(slot.change, why)
		return
	}
	if slot.change.Onward {
		r.onward(slot.change, ops(slot.change.Steps, plan.Now))
		return
	}
	r.emit(slot.change, ops(slot.change.Steps, plan.Now), r.tries())
}

// takeToMend takes what is there in hand, unless it has been: whatever broke it.
func (r *roll) takeToMend(s *service, slot *slot) string {
	if slot.phase == broken {
		return s.takeDown(slot)
	}
	return r.take(s, slot)
}

// mayNotMend says why a container is left as it is, or "".
func (r *roll) mayNotMend(s *service, slot *slot) string {
	made := slot.current != nil && r.madeByThis(slot.current) && slot.old
	if why := r.stoppedFor(s); why != "" && (made || len(slot.change.Swaps) > 0) {
		return why
	}
	if len(slot.change.Swaps) > 0 && r.speaking(slot.change) {
		return lastWordsRead
	}
	return ""
}

// renew makes a slot's new container. What replaces something that is still
// there needs room in the update policy.
func (r *roll) renew(s *service, slot *slot, m missing) {
	if why := r.stoppedFor(s); why != "" && !r.heals(s, slot) {
		r.hold(slot.change, why)
		return
	}
	if reason := r.waitsForThings(s, slot, m); reason != "" {
		r.hold(slot.change, reason)
		return
	}
	if slot.busy {
		return
	}
	if why := r.take(s, slot); why != "" {
		r.hold(slot.change, why)
		return
	}
	if why := r.noRoomYet(s.Service, slot.change); why != "" {
		s.giveBack(slot)
		r.hold(slot.change, why)
		return
	}
	todo := ops(slot.change.Steps, plan.Now)
	if r.obstructed(s.Service, slot.change) != "" {
		todo = untilStart(todo, slot.change.Yields) // it is mended from there, when it has room
	}
	if !r.emit(slot.change, todo, r.tries()) {
		s.giveBack(slot)
		return
	}
	r.noteCopy(s.Service, slot.change)
}

// yield stops what a slot that can't start yet has to give up for others. One that
// has done so is as much in hand as one that is being started.
func (r *roll) yield(s *service, slot *slot) {
	switch {
	case slot.old && !slot.serving && !slot.inHand():
		s.free--
	case !slot.change.Yields || r.take(s, slot) != "":
		return
	}
	if slot.change.Yields {
		r.start(slot.change, untilStart(ops(slot.change.Steps, plan.Now), true))
	}
}

// heals says whether a missing replica may be made although the rollout has
// failed or is paused: that nothing new is begun does not mean that what works
// is left alone. Only others of the service that run as asked for show that it
// is not new.
func (r *roll) heals(s *service, gap *slot) bool {
	return !gap.old && !r.atFault(s.Name) &&
		slices.ContainsFunc(s.slots, func(other *slot) bool { return other.phase == done })
}

// broken leaves a failed container to people. While the service may have
// failures it is tried again; when the rollout has failed it is stopped and
// stays on the host, to be looked at, and the one that it was to take over from
// serves: it still does, or it is started again.
func (r *roll) broken(s *service, slot *slot, m missing) {
	failed := r.record.Phase == Failed || s.course.Failed != ""
	if !failed && r.record.Phase == Progressing && len(ops(slot.change.Steps, plan.Now)) > 0 && slot.current != nil {
		r.mend(s, slot, m)
		return
	}
	r.hold(slot.change, r.brokenBecause(s, slot))
	if !failed {
		return
	}
	before := r.superseded(s, slot)
	if before != nil && r.replaced(before, slot) {
		before = nil
	}
	var todo []model.Op
	if c := slot.current; c != nil && c.Running() && (slot.serving || before != nil) {
		todo = append(todo, plan.Stops(c)...)
	}
	if before != nil && r.volumeHeld(s.Service, slot.change) == "" {
		todo = append(todo, plan.Starts(before, s.Held())...)
	}
	if why := s.end(slot, todo); why != "" {
		r.hold(slot.change, why)
		return
	}
	if len(todo) > 0 {
		r.retire(slot.change, todo)
		r.explain(slot.change, "the rollout has failed")
	}
}

// superseded is the container that this rollout stopped to make room for a new
// one, while nothing of the slot runs that serves; the one stopped last if there
// are several.
func (r *roll) superseded(s *service, slot *slot) *model.Container {
	var last *model.Container
	for _, id := range slot.change.Old {
		c := r.container(id)
		if c == nil || c.Running() {
			return nil // it serves, or may yet
		}
		if c.State == model.StateExited && c.Owner.Fingerprint != s.Fingerprint && c.FinishedAt.After(r.record.StartedAt) && r.reachable(c.Host) &&
			(last == nil || c.FinishedAt.After(last.FinishedAt)) {
			last = c
		}
	}
	return last
}

// replaced says whether another container has taken over a port of one that was
// stopped, as when services swap them.
func (r *roll) replaced(before *model.Container, slot *slot) bool {
	for i := range r.hosts[before.Host].Containers {
		c := &r.hosts[before.Host].Containers[i]
		if c.ID != slot.change.Current && c.Running() && model.PortsClash(before.Ports, c.Ports) {
			return true
		}
	}
	return false
}

func (d *decider) reachable(host string) bool {
	h := d.hosts[host]
	return h != nil && h.Reachable
}

// explain gives a task that has just begun for a change another reason than the
// change's own, which is about the replica and not about what is being ended.
func (r *roll) explain(c *plan.Change, reason string) {
	if n := len(r.out.Tasks); n > 0 && r.out.Tasks[n-1].Key == c.Key {
		r.out.Tasks[n-1].Reason = reason
	}
}

// brokenBecause is why a slot is broken. A container that was stopped because
// the rollout had failed only says that it was stopped; the record knows why.
func (r *roll) brokenBecause(s *service, slot *slot) string {
	if slot.current != nil && isPart(slot.current, s.course.Container) {
		return "the service has failed: " + s.course.Failed
	}
	if r.record.Phase == Failed && slot.current != nil && isPart(slot.current, r.record.Container) {
		return "the rollout has failed: " + r.record.Reason
	}
	return slot.reason
}

// starts says whether the change's next steps start a container.
func starts(c *plan.Change) bool {
	todo := ops(c.Steps, plan.Now)
	return len(untilStart(todo, true)) < len(todo)
}

// untilStart are the ops before the first that starts something, or stops it unless
// the stops are wanted by themselves.
func untilStart(todo []model.Op, yields bool) []model.Op {
	i := slices.IndexFunc(todo, func(op model.Op) bool {
		switch op.(type) {
		case model.StartContainer:
			return true
		case model.StopContainer:
			return !yields
		}
		return false
	})
	if i < 0 {
		return todo
	}
	return todo[:i]
}

// ops are the ops of the steps up to the given gate: Now gives those that wait
// for nothing, Healthy and Idle all of them.
func ops(steps []plan.Step, gate plan.Gate) []model.Op {
	var out []model.Op
	for _, s := range steps {
		if s.After == plan.InTurn || gate == plan.Now && s.After != plan.Now {
			continue
		}
		out = append(out, s.Op)
	}
	return out
}
