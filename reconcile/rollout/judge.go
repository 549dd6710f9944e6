package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// judge looks for what makes the rollout fail.
func (r *roll) judge() {
	for i := range r.changes {
		c := &r.changes[i]
		if isPrerequisite(c) && r.exhausted(c.Key) {
			failure := Record{Host: c.Host, Reason: r.out.State.Attempts[c.Key].Reason}
			if c.Key.Kind == plan.KindImage {
				failure.PulledWith = pulledWith(r.app)
			}
			r.blame(failure, r.using(c.Key)...)
		}
	}
	if r.judgeJobs(); r.record.Phase == Failed {
		return
	}
	for _, s := range r.services {
		if r.record.Phase != Progressing || s.course.Failed != "" {
			continue
		}
		if failure, failed := r.judgeService(s); failed {
			r.blame(failure, s)
		}
	}
	if r.record.Phase == Progressing {
		r.judgeThings()
	}
	if r.record.Phase == Progressing && r.apart() {
		r.endApart()
	}
}

// judgeThings fails a rollout whose image, network or volume has been in the way for as
// long as its services may be without progress: replicas that run already do not
// wait for it, and so are never late.
func (r *roll) judgeThings() {
	var longest time.Duration
	for _, s := range r.services {
		longest = max(longest, s.Update.Deadline)
	}
	for i := range r.changes {
		c := &r.changes[i]
		if !r.inTheWayOfAll(c) {
			continue
		}
		deadline := r.lastProgress().Add(longest)
		r.wakeAt(deadline)
		if !r.in.Now.Before(deadline) {
			r.blame(Record{Host: c.Host, Reason: c.Key.String() + ": " + first(c.Reasons)}, r.using(c.Key)...)
		}
	}
}

// exhausted says whether the tries at a thing have come to nothing.
func (r *roll) exhausted(key plan.Key) bool {
	if _, busy := r.in.Busy[key]; busy {
		return false
	}
	a := r.out.State.Attempts[key]
	return a.Reason != "" && (a.Permanent || a.Count >= rolloutTries)
}

func (r *roll) judgeService(s *service) (Record, bool) {
	failures := 0
	var first *slot
	for _, slot := range s.slots {
		if slot.phase == broken {
			failures++
			if first == nil {
				first = slot
			}
		}
	}
	allowed := s.Update.MaxFailures.Down(len(s.slots))
	if s.staged {
		allowed = 0 // a canary is there to fail before others do
	}
	if failures > allowed {
		return failureOf(s, first, first.reason), true
	}
	late := r.late(s)
	if late == nil {
		return Record{}, false
	}
	return failureOf(s, late, fmt.Sprintf("%s; no progress within %s", r.lateBecause(s, late), s.Update.Deadline)), true
}

func failureOf(s *service, slot *slot, reason string) Record {
	failure := Record{Service: s.Name, Host: slot.change.Host}
	if slot.current != nil {
		failure.Container = slot.current.Blamed().ID
	}
	where := ""
	if slot.change.Host != "" {
		where = " on " + slot.change.Host
	}
	failure.Reason = slot.change.Key.String() + where + ": " + reason
	return failure
}

// late finds a slot of the service that has come no further for longer than the
// deadline, which begins anew whenever a replica has become ready, as Nomad's
// progress deadline does. What the service has to wait for does not count.
func (r *roll) late(s *service) *slot {
	if s.course.Since.IsZero() {
		return nil
	}
	var late *slot
	for _, slot := range s.slots {
		if !r.mayBeLate(s, slot) {
			continue
		}
		deadline := r.since(s, slot).Add(s.Update.Deadline)
		r.wakeAt(deadline)
		if !r.in.Now.Before(deadline) && (late == nil || slot.phase.blame() < late.phase.blame()) {
			late = slot
		}
	}
	return late
}

// since is when the slot's time began: neither before its host was there, nor
// before its container ran, since the calls up to that have deadlines of their
// own.
func (r *roll) since(s *service, slot *slot) time.Time {
	began := s.course.Since
	if h := r.hosts[slot.change.Host]; h != nil && h.Since.After(began) {
		began = h.Since
	}
	if c := slot.current; c != nil && c.RestartCount == 0 && c.StartedAt.After(began) {
		began = c.StartedAt
	}
	return began
}

// mayBeLate leaves out what is right or out of reach, what is being worked on,
// because every op has a deadline of its own, and what nobody has tried yet:
// its turn has not come, or its host has just come back.
func (r *roll) mayBeLate(s *service, slot *slot) bool {
	a := r.out.State.Attempts[slot.change.Key]
	switch {
	case slot.busy:
		return false
	case slot.phase == settling || slot.phase == broken || slot.phase == stuck:
		return true
	case slot.phase == mending:
		return a.Count > 0 || s.tooFew(slot) != ""
	case slot.phase == finishing:
		return a.Reason != ""
	case slot.phase == pending:
		return a.Count > 0 || len(r.missing()) > 0 && r.vain || s.starved(slot)
	}
	return false
}

// blame orders phases by how much they say of why a rollout is late.
func (p slotPhase) blame() int {
	return slices.Index([]slotPhase{broken, stuck, settling, mending, finishing, pending}, p)
}

func (r *roll) lateBecause(s *service, late *slot) string {
	switch a := r.out.State.Attempts[late.change.Key]; {
	case a.Reason != "":
		return a.Reason
	case r.obstructed(s.Service, late.change) != "" && starts(late.change):
		return r.obstructed(s.Service, late.change)
	case late.reason != "":
		return late.reason
	}
	if reason := r.waitsForThings(s, late, r.missing()); reason != "" {
		return reason
	}
	if reason := s.tooFew(late); reason != "" {
		return reason
	}
	return "not healthy"
}

// lastProgress is when any of the app's services came further.
func (r *roll) lastProgress() time.Time {
	last := r.record.StartedAt
	if job := r.jobProgress(); job.After(last) {
		last = job
	}
	for _, s := range r.services {
		for _, at := range []time.Time{s.course.Last, s.course.Since} {
			if at.After(last) {
				last = at
			}
		}
	}
	return last
}

func (r *roll) fail(failure Record) {
	r.record.end(Failed, r.in.Now, failure)
	r.holdBack(failure)
	for key := range r.in.Busy {
		if key.App == r.app.Name {
			r.out.Cancel = append(r.out.Cancel, key)
		}
	}
}

// failure says why a container that this rollout made will not do, or "".
// A container that was there before is not the rollout's: it is mended. So is,
// in a rollout that has failed, the only container of another service's slot.
func (r *roll) failure(s *model.Service, slot *slot) string {
	c := slot.current
	switch {
	case r.record.Phase == Complete, r.record.Phase == Failed && !r.atFault(slot.change.Key.Service) && !slot.old:
		return ""
	case c != nil && Ready(c, s.Update.Monitor, r.in.Now) && c.RestartCount == 0:
		return ""
	case r.exhausted(slot.change.Key):
		return r.out.State.Attempts[slot.change.Key].Reason
	case c == nil || slot.busy:
		return ""
	}
	return r.fault(slot, c)
}

// fault says what is wrong with a container of the slot that this rollout made,
// or "". Of a pod it is the first such container. An init container is tried
// again before it counts as failed.
func (r *roll) fault(slot *slot, c *model.Container) string {
	for _, part := range c.Parts() {
		if !r.madeByThis(&part) || slices.Contains(slot.change.Swaps, part.ID) {
			continue
		}
		if r.record.Again && !part.StartedAt.After(r.record.StartedAt) && !part.FinishedAt.After(r.record.StartedAt) {
			continue // what it was before it is tried again does not count
		}
		why := brokenBecause(&part, r.record.StartedAt)
		if part.Owner.Role == model.RoleInit && (part.ExitCode == 0 && part.Error == "" || r.out.State.Attempts[slot.change.Key].Count < rolloutTries) {
			continue
		}
		if why != "" {
			return strings.TrimPrefix(part.Owner.Member+" "+why, " ")
		}
	}
	return ""
}

// swapped says whether a sidecar was replaced by this rollout where its pod is.
func (r *roll) swapped(c *model.Container) bool {
	return c != nil && len(c.Pod) > 0 && !r.madeByThis(c) && slices.ContainsFunc(c.Pod, func(p model.Container) bool { return r.madeByThis(&p) })
}

// inPlace says whether a pod that stays gets or loses a sidecar: its replica is
// not ready for a while, so it takes its turn.
func inPlace(c *plan.Change) bool {
	made := slices.ContainsFunc(c.Steps, func(s plan.Step) bool { _, ok := s.Op.(model.CreateContainer); return ok })
	return len(c.Swaps) > 0 || made && c.Current != "" && !c.Onward
}

// isPart says whether a container, or one of its pod, has that id.
func isPart(c *model.Container, id string) bool {
	return slices.ContainsFunc(c.Parts(), func(p model.Container) bool { return p.ID == id })
}

func brokenBecause(c *model.Container, since time.Time) string {
	switch {
	case c.State == model.StateExited && c.FinishedAt.After(since) && !halted(c):
		return plan.Ended(c)
	case c.State == model.StateRestarting, c.RestartCount > 0 && c.Health != model.HealthHealthy && c.ExitCode != 0:
		return fmt.Sprintf("%s, restarted %s", plan.Ended(c), model.Count(c.RestartCount, "time", "times"))
	case c.RestartCount > 0 && c.Health != model.HealthHealthy:
		return "has ended and was restarted " + model.Count(c.RestartCount, "time", "times")
	case c.State == model.StateRunning && c.Health == model.HealthUnhealthy:
		return plan.Unhealthy(c)
	}
	return ""
}

// halted says that a container has not ended by itself: the engine would have
// started it again, had not somebody stopped or killed it, or the engine been on
// its own way down. It is no fault of the container's, which is started again; and
// what can't be started is known by the tries.
func halted(c *model.Container) bool {
	if c.State != model.StateExited || c.Spec == nil {
		return false
	}
	policy := c.Spec.Adjustable.Restart.Name
	return policy == "always" || policy == "unless-stopped"
}

func (r *roll) madeByThis(c *model.Container) bool {
	return r.record.Again || c.CreatedAt.After(r.record.StartedAt.Add(-model.ClockSlack))
}
