package rollout

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Canary is a service of which some replicas are new while the others wait for
// the rest of the rollout to be allowed.
type Canary struct {
	Service  string `json:"service"`
	Replicas int    `json:"replicas"` // that are on the new revision
	Of       int    `json:"of"`
	// PromotedAt is when the others follow by themselves; zero is when a person
	// says so.
	PromotedAt time.Time `json:"promotedAt,omitzero"`
	// Idle says that nothing else of the app goes on meanwhile.
	Idle bool `json:"idle,omitempty"`
}

// Text says it to people.
func (c *Canary) Text(app string) string {
	text := fmt.Sprintf("canary: %d of %s of %s on the new revision, ", c.Replicas, model.Count(c.Of, "replica", "replicas"), c.Service)
	if c.PromotedAt.IsZero() {
		return text + "waits for `tallyman promote " + app + "`"
	}
	return text + "promoted at " + c.PromotedAt.UTC().Format("15:04 MST")
}

const (
	awaitsPromotion = "waits for the canary to be promoted"
	keptForCanary   = "kept until the canary is promoted"
)

// stage finds out whether the service is at its canary, and which slots are it:
// the first ones. What takes over from nothing needs no canary: there is nobody
// yet whom it could harm. Nor does what goes back, by itself or by a pin: that
// was good before.
func (r *roll) stage(s *service) {
	back := r.record.RollbackOf != "" || r.app.Held != nil && r.app.Held.Kind == model.HeldPin
	if !s.Update.Canary.Wanted() || r.record.Phase == Complete || !s.course.Promoted.IsZero() || back {
		return
	}
	s.staged = slices.ContainsFunc(s.slots, r.replacesWhatServed)
	if !s.staged {
		return
	}
	for i, slot := range s.slots {
		slot.canary = i < s.Update.Canary.Of(len(s.slots))
		slot.kept = slot.canary && slot.phase == finishing
	}
}

// replacesWhatServed says whether this rollout gives the slot, or has given it,
// a new container in place of one that ran when it began.
func (r *roll) replacesWhatServed(slot *slot) bool {
	if slot.current != nil && !r.madeByThis(slot.current) {
		return false
	}
	return slices.ContainsFunc(slot.change.Old, func(id string) bool {
		old := r.container(id)
		return old != nil && (old.Running() || old.FinishedAt.After(r.record.StartedAt))
	})
}

// watchCanary notes since when all canaries are ready, and promotes them when
// their time has come. One that was restarted is watched anew.
func (r *roll) watchCanary(s *service) {
	c := &s.course
	if !s.staged || !s.canaryReady() {
		c.Canary = time.Time{}
		return
	}
	restarted := slices.ContainsFunc(s.slots, func(slot *slot) bool {
		return slot.canary && slot.current != nil && slot.current.StartedAt.After(c.Canary)
	})
	if c.Canary.IsZero() || restarted {
		c.Canary = r.in.Now
	}
	if s.Update.Canary.Manual || r.paused() != "" {
		return
	}
	end := c.Canary.Add(s.Update.Canary.PromoteAfter)
	r.wakeAt(end)
	if !r.in.Now.Before(end) {
		c.Promoted = r.in.Now
		s.promoted()
	}
}

// canaryReady leaves out canaries on hosts that can't be reached, which hold up
// nobody, as long as there is one to look at.
func (s *service) canaryReady() bool {
	ready := s.count(func(slot *slot) bool { return slot.canary && (slot.phase == finishing || slot.phase == done) })
	rest := s.count(func(slot *slot) bool {
		return slot.canary && slot.phase != finishing && slot.phase != done && !slot.beyond()
	})
	return ready > 0 && rest == 0
}

// promoted ends the stage of the canary.
func (s *service) promoted() {
	s.staged = false
	for _, slot := range s.slots {
		slot.canary, slot.kept = false, false
	}
}

// waitsForPromotion says whether all that the service waits for is that its
// canaries are promoted.
func (s *service) waitsForPromotion() bool { return s.staged && !s.course.Canary.IsZero() }

// tellCanary puts the first canary that waits into the result.
func (r *roll) tellCanary() {
	if r.record.Phase != Progressing {
		return
	}
	i := slices.IndexFunc(r.services, (*service).waitsForPromotion)
	if i < 0 {
		return
	}
	s := r.services[i]
	canary := Canary{Service: s.Name, Of: len(s.slots), Idle: r.onlyCanaries()}
	canary.Replicas = s.count(func(slot *slot) bool { return slot.phase == finishing || slot.phase == done })
	if !s.Update.Canary.Manual {
		canary.PromotedAt = s.course.Canary.Add(s.Update.Canary.PromoteAfter)
	}
	r.out.Canaries[r.app.Name] = canary
}

// onlyCanaries says whether nothing of the app goes on but that canaries wait.
func (r *roll) onlyCanaries() bool {
	return !slices.ContainsFunc(r.services, func(s *service) bool {
		return !s.settled && s.course.Failed == "" && !s.waitsForPromotion() && r.waitsFor(s) == ""
	})
}

// Promote lets the rest of an app's replicas follow its canaries.
func (s State) Promote(app string, now time.Time) error {
	r := s.Records[app]
	courses, waiting := maps.Clone(r.Courses), false
	for name, course := range courses {
		if r.Phase == Progressing && !course.Canary.IsZero() && course.Promoted.IsZero() {
			course.Promoted, waiting = now, true
			courses[name] = course
		}
	}
	if !waiting {
		return fmt.Errorf("promote app %q: %w: none of its canaries is ready and waits", app, ErrNothingToDo)
	}
	r.Courses = courses
	s.Records[app] = r
	return nil
}
