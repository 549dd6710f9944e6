package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

const notYet = "its turn comes after the replicas before it"

// budget is how many more of the slots that have an old container may be taken
// in hand. Those whose new one failed are in hand no longer: how many of these
// there may be is maxFailures. Nor are those on hosts that can't be reached,
// which must not keep the others from going on.
func (r *roll) budget(s *service) int {
	inHand := s.count(func(slot *slot) bool { return slot.old && slot.phase != away && slot.inHand() })
	return s.Update.AtOnce(len(s.slots)) - inHand
}

// inHand says whether the slot uses up some of the budget as it is, without
// anything being begun.
func (s *slot) inHand() bool {
	if s.kept {
		return s.busy
	}
	return s.busy || s.phase == settling || s.phase == finishing || s.crowded && s.phase != broken || s.phase == mending && s.change.Onward
}

// take uses up the room that the update policy has for the slot, or says why
// there is none. A slot that takes over from nothing needs none.
func (r *roll) take(s *service, slot *slot) string {
	switch {
	case slot.busy:
		return ""
	case !slot.old || slot.inHand():
		return s.takeDown(slot)
	case s.staged && !slot.canary:
		return awaitsPromotion
	case s.free <= 0:
		return notYet
	}
	if d := r.delayed(s); d > 0 {
		r.wakeAt(r.in.Now.Add(d))
		return "waits until " + clock(r.in.Now.Add(d)) + ", update.delay after the one before"
	}
	if reason := s.takeDown(slot); reason != "" {
		return reason
	}
	s.free--
	return ""
}

// takeDown counts a replica as no longer serving, if what comes next stops it, or
// says why that can't be.
func (s *service) takeDown(slot *slot) string {
	if reason := s.tooFew(slot); reason != "" {
		return reason
	}
	if slot.takesDown() {
		s.serving--
	}
	return ""
}

// giveBack undoes take for a slot of which nothing could be begun.
func (s *service) giveBack(slot *slot) {
	if slot.busy {
		return
	}
	if slot.old && !slot.inHand() {
		s.free++
	}
	if slot.takesDown() {
		s.serving++
	}
}

// tooFew says why a replica that serves can't be stopped yet, or "". It is
// stuck if nothing else of the service is in hand.
func (s *service) tooFew(slot *slot) string {
	if !slot.takesDown() {
		return ""
	}
	if reason := s.breaks(); reason != "" {
		return reason
	}
	if s.serving > s.Update.MinHealthy.Up(len(s.slots)) {
		return ""
	}
	return fmt.Sprintf("%s of %d, and update.minHealthy is %s: none can be stopped to make room",
		model.Count(s.serving, "replica serves", "replicas serve"), len(s.slots), s.Update.MinHealthy)
}

// starved says whether only too few others keep the slot from going on, and
// nothing that is at work will change that.
func (s *service) starved(one *slot) bool {
	return one.old && one.phase == pending && s.tooFew(one) != "" && !slices.ContainsFunc(s.slots, (*slot).inHand)
}

// takesDown says whether what comes next stops all that serves of a replica.
func (s *slot) takesDown() bool { return s.endsServing(ops(s.change.Steps, plan.Now)) }

// clock is a time for people, within a day.
func clock(t time.Time) string { return t.UTC().Format("15:04:05 MST") }
