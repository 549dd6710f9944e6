package rollout

import (
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
	homeless  slotPhase = "homeless"  // no host has room for it, as before the rollout
)

// slot is one replica's state in this decision.
type slot struct {
	change  *plan.Change
	current *model.Container
	phase   slotPhase
	reason  string
	busy    bool
	ready   []*model.Container // of its containers, those that serve, as far as one can see
	serving bool               // there is one
	old     bool               // there are containers to take over from
	crowded bool               // more than one container of the slot is running
	canary  bool               // gets its new container before the others may
	kept    bool               // a canary that is ready, beside what it is to take over from
}

func (r *roll) readSlots() {
	byName := map[string]*service{}
	for i := range r.app.Services {
		s := &service{Service: &r.app.Services[i], settled: true, course: r.record.Courses[r.app.Services[i].Name]}
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
		s.settled = s.settled && (slot.phase == done || slot.beyond())
		if slot.available() {
			s.serving++
		}
	}
	for _, s := range r.services {
		r.stage(s)
	}
}

func (r *roll) readSlot(s *model.Service, c *plan.Change) *slot {
	_, busy := r.in.Busy[c.Key]
	slot := &slot{change: c, busy: busy, old: len(c.Old) > 0}
	if c.Current != "" {
		slot.current = r.container(c.Current)
	}
	running := 0
	for _, id := range append([]string{c.Current}, c.Old...) {
		container := r.container(id)
		if container == nil {
			continue
		}
		if r.reachable(container.Host) && Ready(container, s.Update.Monitor, r.in.Now) {
			slot.ready = append(slot.ready, container)
		}
		if container.Running() {
			running++
		}
	}
	slot.serving, slot.crowded = len(slot.ready) > 0, running > 1
	slot.old = slot.old || inPlace(c) || r.swapped(slot.current)
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
	failure := r.failure(s, slot)
	switch {
	case c.Host != "" && (host == nil || !host.Reachable):
		return away, first(c.Reasons)
	case failure != "":
		return broken, failure
	case c.Verdict == plan.Blocked && slot.current != nil && Ready(slot.current, s.Update.Monitor, r.in.Now):
		return away, first(c.Reasons) // what is left to do is on a host that can't be reached
	case c.Verdict == plan.Blocked && r.missingAnyway(s, slot):
		return homeless, first(c.Reasons)
	case c.Verdict == plan.Blocked:
		return stuck, first(c.Reasons)
	case slot.current == nil:
		return pending, r.out.State.Attempts[c.Key].Reason
	case len(ops(c.Steps, plan.Now)) > 0:
		return mending, first(c.Reasons)
	case !Ready(slot.current, s.Update.Monitor, r.in.Now):
		r.wakeAt(slot.current.StartedAt.Add(s.Update.Monitor))
		return settling, slot.unready()
	case c.Verdict != plan.Unchanged:
		return finishing, ""
	}
	return done, ""
}

// missingAnyway says whether a replica that no host has room for is none of the
// rollout's business: its service is what it was when the app was healthy last, so
// going back there is no remedy, and there is nothing of it to look after.
func (r *roll) missingAnyway(s *model.Service, slot *slot) bool {
	good := r.standing.Good
	return slot.change.Host == "" && len(slot.change.Old) == 0 && slot.current == nil &&
		r.record.Phase == Progressing && good != nil && good.Services[s.Name] == sum(s)
}

// sum stands for what a service asks for, but for how it is replaced and what
// happens in its end.
func sum(s *model.Service) string {
	asked := *s
	asked.Update, asked.Guard, asked.Ignore = model.Update{}, model.Guard{}, nil
	return model.Hash(&asked)[:16]
}

// beyond says that nothing which this rollout does could put the replica right.
func (s *slot) beyond() bool { return s.phase == away || s.phase == homeless }

func first(reasons []string) string {
	if len(reasons) == 0 {
		return ""
	}
	return reasons[0]
}

// Ready says whether a container counts as good: healthy by its health check
// or, without one, running for the monitor time. Of one whose start nobody knows,
// because it has not been inspected, that can't be said.
func Ready(c *model.Container, monitor time.Duration, now time.Time) bool {
	if c.State != model.StateRunning || c.StartedAt.IsZero() {
		return false
	}
	if c.Health != model.HealthNone {
		return c.Health == model.HealthHealthy
	}
	return c.RunFor(monitor, now)
}

// unready says what a slot's container is not ready for. Of a pod that is brought
// up, the plan knows what it waits for.
func (s *slot) unready() string {
	if len(s.current.Pod) > 0 && s.change.Verdict == plan.Update && len(s.change.Reasons) > 0 {
		return s.change.Reasons[0]
	}
	return notReady(s.current)
}

func notReady(c *model.Container) string {
	if c.Health == model.HealthNone {
		return "running, watched for a while before it counts as good"
	}
	return "health check says " + string(c.Health)
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
