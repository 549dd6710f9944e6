package rollout

import (
	"fmt"
	"strconv"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// app decides about one app from its changes.
func (d *decider) app(name string, changes []plan.Change) {
	d.seen[name] = true
	app := d.apps[name]
	if app == nil {
		d.goneApp(changes)
		return
	}
	d.roll(app, changes)
}

// goneApp removes an app that no manifest names any more, as far as the plan's
// guards let it.
func (d *decider) goneApp(changes []plan.Change) {
	r := &roll{decider: d, app: &model.App{Name: changes[0].Key.App}, changes: changes}
	r.removals()
}

// roll is one app's decision.
type roll struct {
	*decider
	app      *model.App
	changes  []plan.Change
	record   Record
	services []*service
}

// service is a service of the app with the state of its slots.
type service struct {
	*model.Service
	slots []*slot
	// settled says that every slot is done that can be: what is on a host that
	// can't be reached holds up nothing else.
	settled bool
}

func (d *decider) roll(app *model.App, changes []plan.Change) {
	r := &roll{decider: d, app: app, changes: changes}
	if !r.begin() {
		return
	}
	if r.record.Phase == Complete && r.nothingToDo() {
		return
	}
	r.readSlots()
	if r.record.Phase == Progressing {
		r.judge()
	}
	if r.record.Phase == Complete && !app.Sync.SelfHeal && !d.in.Manual {
		r.holdAll("drift is only reported: sync.selfHeal is off for this app")
		return
	}
	r.act()
	r.finish()
	d.out.State.Records[app.Name] = r.record
}

// begin finds the app's rollout, or begins a new one when the rendered app is
// not the one of the last. It reports false when nothing may be done.
func (r *roll) begin() bool {
	record, known := r.out.State.Records[r.app.Name]
	if known && record.Digest == r.app.Digest {
		r.record = record
		return true
	}
	if !r.app.Sync.Auto && !r.in.Manual {
		r.holdAll("sync.auto is off for this app; run `tallyman apply`")
		return false
	}
	r.record = Record{App: r.app.Name, Revision: r.in.Desired.Revision, Digest: r.app.Digest, StartedAt: r.in.Now, Phase: Progressing}
	r.record.Author, r.record.Subject = r.in.Desired.Author, r.in.Desired.Subject
	r.out.State.Records[r.app.Name] = r.record
	r.forgetApp(r.app.Name)
	return true
}

func (r *roll) holdAll(reason string) {
	for i := range r.changes {
		if c := &r.changes[i]; c.Wanted() && c.Verdict != plan.Blocked {
			r.hold(c, reason)
		}
	}
}

func (r *roll) nothingToDo() bool {
	for i := range r.changes {
		if r.changes[i].Wanted() {
			return false
		}
	}
	for key := range r.out.State.Attempts {
		if key.App == r.app.Name {
			r.forget(key)
		}
	}
	return true
}

// act begins what may begin.
func (r *roll) act() {
	ready := r.prerequisites()
	for _, s := range r.services {
		r.service(s, ready)
	}
	if r.everySettled() || r.record.Phase == Complete {
		r.removals()
	} else {
		r.holdRemovals()
	}
}

// prerequisites pulls images and makes networks and volumes. While a rollout
// lacks any of them, no replica of the app is touched anywhere: a commit whose
// image can't be had changes nothing. Healing waits only for what is missing on
// its own host. It returns that question, answered for a host.
func (r *roll) prerequisites() func(host string) bool {
	waiting := map[string]bool{}
	for i := range r.changes {
		c := &r.changes[i]
		if c.Key.Kind == plan.KindReplica || c.Verdict != plan.Create {
			continue
		}
		if r.record.Phase == Failed {
			r.hold(c, "the rollout has failed")
			continue
		}
		waiting[c.Host] = true
		r.emit(c, ops(c.Steps, plan.Now), r.tries())
	}
	return func(host string) bool {
		if r.record.Phase == Progressing {
			return len(waiting) == 0
		}
		return !waiting[host]
	}
}

func (r *roll) tries() int {
	if r.record.Phase == Progressing {
		return rolloutTries
	}
	return healTries
}

func (r *roll) everySettled() bool {
	for _, s := range r.services {
		if !s.settled {
			return false
		}
	}
	return true
}

// removals begins what waited for the app to be where it should be. Networks
// go after the replicas that were on them.
func (r *roll) removals() {
	replicas := 0
	for i := range r.changes {
		c := &r.changes[i]
		if c.Verdict == plan.Remove && c.Key.Kind == plan.KindReplica {
			replicas++
			r.start(c, ops(c.Steps, plan.Idle))
		}
	}
	for i := range r.changes {
		c := &r.changes[i]
		if c.Verdict != plan.Remove || c.Key.Kind == plan.KindReplica {
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
// replica that holds a port which a new one needs.
func (r *roll) holdRemovals() {
	for i := range r.changes {
		c := &r.changes[i]
		if c.Verdict != plan.Remove {
			continue
		}
		if r.record.Phase == Progressing && c.Key.Kind == plan.KindReplica && r.inTheWay(c) {
			r.start(c, ops(c.Steps, plan.Idle))
			continue
		}
		r.hold(c, "goes when the app's other replicas are healthy")
	}
}

// inTheWay says whether a replica that is to go holds a published port of its
// host that a replica waits for which has been made and can't start.
func (r *roll) inTheWay(c *plan.Change) bool {
	for _, id := range c.Old {
		old := r.container(id)
		if old == nil {
			continue
		}
		for _, s := range r.services {
			for _, slot := range s.slots {
				if slot.change.Host == old.Host && slot.waits() && clash(s.Container.Ports, old.Ports) {
					return true
				}
			}
		}
	}
	return false
}

func clash(a, b []model.Port) bool {
	for _, x := range a {
		for _, y := range b {
			if plan.Clash(x, y) {
				return true
			}
		}
	}
	return false
}

// finish ends the rollout when everything is as the revision asks, but for
// removals that a guard holds back. A rollout that failed and came right after
// all has succeeded.
func (r *roll) finish() {
	if r.record.Phase == Complete || !r.everySettled() {
		return
	}
	for i := range r.changes {
		if c := &r.changes[i]; c.Wanted() && !(c.Verdict == plan.Blocked && c.Removal) {
			return
		}
	}
	r.record.Phase, r.record.EndedAt = Complete, r.in.Now
	r.record.Reason, r.record.Service, r.record.Container, r.record.Host = "", "", "", ""
}

// judge looks for what makes the rollout fail.
func (r *roll) judge() {
	for i := range r.changes {
		c := &r.changes[i]
		if c.Key.Kind != plan.KindReplica && c.Verdict == plan.Create && r.exhausted(c.Key) {
			r.fail(Record{Host: c.Host, Reason: r.out.State.Attempts[c.Key].Reason})
			return
		}
	}
	for _, s := range r.services {
		if failure, failed := r.judgeService(s); failed {
			r.fail(failure)
			return
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
	if failures > s.Update.MaxFailures {
		return failureOf(s, first, first.reason), true
	}
	late := r.late(s)
	if late == nil {
		return Record{}, false
	}
	reason := late.reason
	if reason == "" {
		reason = "not healthy"
	}
	return failureOf(s, late, fmt.Sprintf("%s; no progress within %s", reason, s.Update.Deadline)), true
}

func failureOf(s *service, slot *slot, reason string) Record {
	failure := Record{Service: s.Name, Host: slot.change.Host}
	if slot.current != nil {
		failure.Container = slot.current.ID
	}
	where := ""
	if slot.change.Host != "" {
		where = " on " + slot.change.Host
	}
	failure.Reason = slot.change.Key.String() + where + ": " + reason
	return failure
}

// late finds a slot of the service that has made no progress for longer than
// the deadline. Each container that was started counts as progress (as in
// Nomad's progress deadline, which restarts at each newly healthy one).
func (r *roll) late(s *service) *slot {
	if r.waitsFor(s) != "" {
		return nil
	}
	var late *slot
	for _, slot := range s.slots {
		if slot.phase != done && slot.phase != away && slot.phase != finishing && late == nil {
			late = slot
		}
	}
	if late == nil {
		return nil
	}
	deadline := r.lastProgress().Add(s.Update.Deadline)
	if r.in.Now.Before(deadline) {
		r.wakeAt(deadline)
		return nil
	}
	return late
}

func (r *roll) lastProgress() time.Time {
	last := r.record.StartedAt
	for _, s := range r.services {
		for _, slot := range s.slots {
			if c := slot.current; c != nil && c.RestartCount == 0 && c.StartedAt.After(last) {
				last = c.StartedAt
			}
		}
	}
	return last
}

func (r *roll) fail(failure Record) {
	r.record.Phase, r.record.EndedAt = Failed, r.in.Now
	r.record.Reason, r.record.Service, r.record.Container, r.record.Host = failure.Reason, failure.Service, failure.Container, failure.Host
	for key := range r.in.Busy {
		if key.App == r.app.Name {
			r.out.Cancel = append(r.out.Cancel, key)
		}
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
