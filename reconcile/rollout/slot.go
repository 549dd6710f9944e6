package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// slotPhase is where one replica is on its way.
type slotPhase string

const (
	done      slotPhase = "done"      // as asked for, and ready
	finishing slotPhase = "finishing" // ready; old containers are still there
	settling  slotPhase = "settling"  // made and not ready yet
	mending   slotPhase = "mending"   // has a container that something is to be done to
	pending   slotPhase = "pending"   // has no right container yet
	broken    slotPhase = "broken"    // its new container has failed
	stuck     slotPhase = "stuck"     // blocked, the plan says why
	away      slotPhase = "away"      // on a host that can't be reached
)

// slot is one replica's state in this decision.
type slot struct {
	change  *plan.Change
	current *model.Container
	phase   slotPhase
	reason  string
	busy    bool
	serving bool // some container of the slot is ready to serve
	old     bool // there are containers to take over from
}

// waits says whether the slot's new container is not up yet.
func (s *slot) waits() bool { return s.phase == pending || s.phase == mending || s.phase == settling }

func (r *roll) readSlots() {
	byName := map[string]*service{}
	for i := range r.app.Services {
		s := &service{Service: &r.app.Services[i], settled: true}
		byName[s.Name] = s
		r.services = append(r.services, s)
	}
	for i := range r.changes {
		c := &r.changes[i]
		s := byName[c.Key.Service]
		if c.Key.Kind != plan.KindReplica || s == nil || c.Removal || c.Verdict == plan.Unowned {
			continue
		}
		slot := r.readSlot(s.Service, c)
		s.slots = append(s.slots, slot)
		s.settled = s.settled && (slot.phase == done || slot.phase == away)
	}
}

func (r *roll) readSlot(s *model.Service, c *plan.Change) *slot {
	_, busy := r.in.Busy[c.Key]
	slot := &slot{change: c, busy: busy, old: len(c.Old) > 0}
	if c.Current != "" {
		slot.current = r.container(c.Current)
	}
	for _, id := range append([]string{c.Current}, c.Old...) {
		if container := r.container(id); container != nil && Ready(container, s.Update.Monitor, r.in.Now) {
			slot.serving = true
		}
	}
	slot.phase, slot.reason = r.phaseOf(s, slot)
	if slot.phase == done {
		r.forget(c.Key)
	}
	return slot
}

// phaseOf is an ordered table: the first line that fits is it.
func (r *roll) phaseOf(s *model.Service, slot *slot) (slotPhase, string) {
	c := slot.change
	host := r.hosts[c.Host]
	failure := r.failure(slot)
	switch {
	case c.Host != "" && (host == nil || !host.Reachable):
		return away, first(c.Reasons)
	case failure != "":
		return broken, failure
	case c.Verdict == plan.Blocked && slot.current != nil && Ready(slot.current, s.Update.Monitor, r.in.Now):
		return away, first(c.Reasons) // what is left to do is on a host that can't be reached
	case c.Verdict == plan.Blocked:
		return stuck, first(c.Reasons)
	case slot.current == nil:
		return pending, r.out.State.Attempts[c.Key].Reason
	case len(ops(c.Steps, plan.Now)) > 0:
		return mending, first(c.Reasons)
	case !Ready(slot.current, s.Update.Monitor, r.in.Now):
		r.wakeAt(slot.current.StartedAt.Add(s.Update.Monitor))
		return settling, notReady(slot.current)
	case c.Verdict != plan.Unchanged:
		return finishing, ""
	}
	return done, ""
}

func first(reasons []string) string {
	if len(reasons) == 0 {
		return ""
	}
	return reasons[0]
}

// Ready says whether a container counts as good: healthy by its health check
// or, without one, running for the monitor time.
func Ready(c *model.Container, monitor time.Duration, now time.Time) bool {
	if c.State != model.StateRunning {
		return false
	}
	if c.Health != model.HealthNone {
		return c.Health == model.HealthHealthy
	}
	return !now.Before(c.StartedAt.Add(monitor))
}

func notReady(c *model.Container) string {
	if c.Health == model.HealthNone {
		return "running, watched for a while before it counts as good"
	}
	return "health check says " + string(c.Health)
}

// failure says why a container that this rollout made will not do, or "".
// A container that was there before is not the rollout's: it is mended.
func (r *roll) failure(slot *slot) string {
	if r.record.Phase == Complete {
		return ""
	}
	if r.exhausted(slot.change.Key) {
		return r.out.State.Attempts[slot.change.Key].Reason
	}
	c := slot.current
	if c == nil || slot.busy || !r.madeByThis(c) || Ready(c, 0, r.in.Now) && c.RestartCount == 0 {
		return ""
	}
	switch {
	case c.State == model.StateExited && c.FinishedAt.After(r.record.StartedAt):
		return plan.Ended(c)
	case c.State == model.StateRestarting, c.RestartCount > 0 && c.Health != model.HealthHealthy:
		return fmt.Sprintf("%s, restarted %s", plan.Ended(c), count(c.RestartCount, "time", "times"))
	case c.Health == model.HealthUnhealthy:
		return plan.Unhealthy(c)
	}
	return ""
}

// clockSlack is how far a host's clock may be off after correction.
const clockSlack = 5 * time.Second

func (r *roll) madeByThis(c *model.Container) bool {
	return c.CreatedAt.After(r.record.StartedAt.Add(-clockSlack))
}

// waitsFor names the dependency that the service waits for. Only a rollout
// waits: healing does not ask who needs whom.
func (r *roll) waitsFor(s *service) string {
	if r.record.Phase != Progressing {
		return ""
	}
	for _, other := range r.services {
		if !other.settled && slices.Contains(s.DependsOn, other.Name) {
			return other.Name
		}
	}
	return ""
}

// service begins what the service's slots may begin.
func (r *roll) service(s *service, prerequisites func(host string) bool) {
	dependency := r.waitsFor(s)
	budget := r.budget(s)
	for _, slot := range order(s.slots) {
		switch {
		case slot.phase == away || slot.phase == done || slot.phase == settling || slot.phase == stuck:
		case slot.phase == broken:
			r.stopBroken(slot)
		case slot.phase == finishing:
			r.start(slot.change, ops(slot.change.Steps, plan.Healthy))
		case !prerequisites(slot.change.Host):
			r.hold(slot.change, "waits for images, networks or volumes")
		case slot.phase == mending:
			r.mend(slot)
		case dependency != "":
			r.hold(slot.change, fmt.Sprintf("waits for service %q to be healthy", dependency))
		default:
			r.renew(slot, budget)
		}
	}
}

// order puts slots that serve nobody first: replacing them costs nothing.
func order(slots []*slot) []*slot {
	sorted := slices.Clone(slots)
	slices.SortStableFunc(sorted, func(a, b *slot) int {
		switch {
		case a.serving == b.serving:
			return 0
		case b.serving:
			return -1
		}
		return 1
	})
	return sorted
}

// budget is how many more replicas may be in hand at once.
type budget struct{ free int }

// budget counts the slots whose replacement is under way. Those that failed are
// not among them: how many of these there may be is maxFailures. Nor are those on
// hosts that can't be reached, which must not keep the others from going on.
func (r *roll) budget(s *service) *budget {
	b := &budget{free: s.Update.Parallelism}
	for _, slot := range s.slots {
		if slot.old && slot.phase != away && (slot.busy || slot.phase == settling || slot.phase == mending || slot.phase == finishing) {
			b.free--
		}
	}
	return b
}

// take uses up one of the budget, if any is left.
func (b *budget) take() bool {
	if b.free <= 0 {
		return false
	}
	b.free--
	return true
}

// mend puts a container right where it is. In a rollout that has failed the
// containers which it did not make are still mended.
func (r *roll) mend(slot *slot) {
	if r.record.Phase == Failed && slot.current != nil && r.madeByThis(slot.current) && slot.old {
		r.hold(slot.change, "the rollout has failed")
		return
	}
	r.emit(slot.change, ops(slot.change.Steps, plan.Now), r.tries())
}

// renew makes a slot's new container. What replaces something that still
// serves needs room in the update policy.
func (r *roll) renew(slot *slot, b *budget) {
	if r.record.Phase == Failed && (slot.old || slot.change.Key.Service == r.record.Service) {
		r.hold(slot.change, "the rollout has failed")
		return
	}
	if slot.busy {
		return
	}
	if slot.old && !b.take() {
		r.hold(slot.change, "its turn comes after the replicas before it")
		return
	}
	if !r.emit(slot.change, ops(slot.change.Steps, plan.Now), r.tries()) && slot.old {
		b.free++
	}
}

// stopBroken stops a new container that failed while the old one serves; it
// stays on the host, for people to look at.
func (r *roll) stopBroken(slot *slot) {
	c := slot.current
	r.hold(slot.change, slot.reason)
	if c == nil || !c.Running() || !slot.old || r.record.Phase != Failed {
		return
	}
	target := model.Target{Host: c.Host, ID: c.ID, Name: c.Owner.Name, Owner: c.Owner.Owner, Fingerprint: c.Owner.Fingerprint}
	r.start(slot.change, []model.Op{model.StopContainer{Target: target}})
}

// ops are the ops of the steps up to the given gate: Now gives those that wait
// for nothing, Healthy and Idle all of them.
func ops(steps []plan.Step, gate plan.Gate) []model.Op {
	var out []model.Op
	for _, s := range steps {
		if gate == plan.Now && s.After != plan.Now {
			continue
		}
		out = append(out, s.Op)
	}
	return out
}
