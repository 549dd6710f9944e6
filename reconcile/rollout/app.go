package rollout

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// goneApp removes an app that no manifest names any more, as far as the plan's
// guards let it. It may have been renamed, so it goes when the others are where
// they should be.
func (d *decider) goneApp(changes []plan.Change) {
	r := &roll{decider: d, app: &model.App{Name: changes[0].Key.App}, changes: changes}
	if slices.ContainsFunc(changes, func(c plan.Change) bool { return c.Preview }) {
		r.removals() // nothing takes a preview's place
		return
	}
	if !d.goes(r.app.Name) {
		r.holdAll(autoOff)
		return
	}
	if d.unsettled != "" {
		r.holdRemovals(fmt.Sprintf("goes when app %q, which may take its place, is where it should be", d.unsettled))
		return
	}
	r.removals()
}

// goes says whether an app that no manifest names goes without being asked.
func (d *decider) goes(app string) bool {
	record, known := d.out.State.Records[app]
	return d.apps[app] == nil && (!known || record.Sync.Auto || d.in.Manual)
}

// roll is one app's decision.
type roll struct {
	*decider
	app      *model.App
	changes  []plan.Change
	record   Record
	standing Standing
	services []*service
	// lacks is what missing found, once it has counted; vain says that some of it
	// was tried in vain.
	lacks         missing
	counted, vain bool
}

// service is a service of the app with the state of its slots.
type service struct {
	*model.Service
	slots []*slot
	// settled says that every slot is done that can be: what is on a host that
	// can't be reached holds up nothing else.
	settled bool
	course  Course
	staged  bool // the canaries are not promoted
	free    int  // how many more slots may be taken in hand
	serving int  // how many slots are available
}

// roll decides about one app from its changes.
func (d *decider) roll(app *model.App, changes []plan.Change) {
	d.seen[app.Name] = true
	r := &roll{decider: d, app: app, changes: changes}
	if !r.begin() {
		d.unsettle(app) // what takes over from an app that has gone may be waiting here
		return
	}
	if r.record.Phase == Complete && r.standing.Good != nil && !d.depended[app.Name] && r.standing.Moves == nil && r.standing.Well == nil && r.nothingToDo() {
		return
	}
	r.readSlots()
	r.forgetMoves()
	defer d.noteWell(r)
	if r.record.Phase == Progressing {
		r.follow()
	}
	if r.record.Phase == Progressing && r.paused() == "" {
		r.judge()
	}
	r.beginRuns()
	if r.record.Phase == Complete && !app.Sync.SelfHeal && !d.in.Manual {
		r.onlyReport()
		return
	}
	r.act()
	r.finish()
	r.tellCanary()
	if r.inFlux() {
		d.unsettle(app)
	}
	d.out.State.Records[app.Name] = r.record
	d.out.State.stand(app.Name, r.standing)
}

// unsettle notes an app that is on its way. A preview takes nobody's place.
func (d *decider) unsettle(app *model.App) {
	if app.Preview == "" {
		d.unsettled = app.Name
	}
}

// onlyReport leaves drift alone. What a commit's own trailer lets go is none.
func (r *roll) onlyReport() {
	if r.in.Desired.AllowRemovals > 0 {
		r.removals()
	}
	for i := range r.changes {
		if c := &r.changes[i]; c.Wanted() && c.Verdict != plan.Blocked && !(c.Removal && r.in.Desired.AllowRemovals > 0) {
			r.hold(c, plan.OnlyReported)
		}
	}
}

const autoOff = "sync.auto is off for this app; run `tallyman apply`"

// begin finds the app's rollout, or begins a new one when the rendered app is
// not the one of the last. It reports false when nothing may be done.
func (r *roll) begin() bool {
	if r.app.Frozen != "" {
		r.holdAll(r.app.Frozen)
		return false
	}
	r.standing = r.out.State.Standings[r.app.Name]
	record, known := r.out.State.Records[r.app.Name]
	if known && !reflect.DeepEqual(record.Sync, r.app.Sync) {
		record.Sync = r.app.Sync
		r.out.State.Records[r.app.Name] = record
	}
	if known && record.Digest == r.app.Digest && !record.Gone && !r.begunAnew(&record) {
		r.record = record
		return true
	}
	if r.app.Waits != "" {
		r.holdAll(r.app.Waits)
		return false
	}
	r.record = r.newRecord()
	r.noteImages(false)
	r.out.State.Records[r.app.Name] = r.record
	r.out.State.stand(r.app.Name, r.standing)
	r.forgetTries(r.app.Name)
	return true
}

// begunAnew says whether the rollout, which is of what the app is held to, is
// begun anew now.
func (r *roll) begunAnew(record *Record) bool {
	free := r.app.Held == nil || r.app.Held.Kind == model.HeldPin
	return record.anew(r.app) && (free || pullsOtherwise(record.PulledWith, r.app))
}

// anew says whether a rollout that has failed is to be begun anew for the same
// rendering: a person says so, it was the way back and is now what the branch
// itself says, or there are other credentials for the image that failed it.
func (r *Record) anew(app *model.App) bool {
	return r.Phase == Failed && (r.Retry || r.RollbackOf != "" || pullsOtherwise(r.PulledWith, app))
}

// pulledWith stands for an app's pull secrets.
func pulledWith(app *model.App) string { return model.Hash(app.PullSecrets)[:8] }

// pullsOtherwise says whether an app that failed with some pull secrets has
// others now.
func pullsOtherwise(before string, app *model.App) bool {
	return before != "" && before != pulledWith(app)
}

func (r *roll) newRecord() Record {
	record := Record{
		App: r.app.Name, Revision: r.app.Revision, Author: r.app.Author, Subject: r.app.Subject,
		Digest: r.app.Digest, StartedAt: r.in.Now, Phase: Progressing, Sync: r.app.Sync, Changed: r.changed(), Images: r.app.Digests(), Undigested: r.app.Undigested(), Preview: r.app.Preview,
	}
	if again := r.standing.Again; again != nil && r.app.Held == nil {
		if again.Digest == record.Digest {
			record.Again, record.Revision, record.Author, record.Subject = true, again.Revision, again.Author, again.Subject
		}
		r.standing.Again = nil
	}
	if held := r.app.Held; held != nil {
		record.Because = held.Reason
		if held.Kind == model.HeldRollback && r.standing.Hold != nil {
			record.RollbackOf = r.standing.Hold.Revision
		}
	}
	return record
}

// paused says that the app is paused, and by whom and why.
func (r *roll) paused() string {
	if r.app.Held != nil && r.app.Held.Kind == model.HeldPin {
		return "" // a pin is for emergencies, and waits for nothing
	}
	if pause := r.standing.Pause; !pause.ended(r.in.Now) {
		r.wakeAt(pause.Until)
		return PausedBecause(pause)
	}
	return ""
}

// stopped says why nothing new of the rollout is begun, or "".
func (r *roll) stopped() string {
	switch r.record.Phase {
	case Failed:
		return "the rollout has failed"
	case Progressing:
		return r.paused()
	}
	return ""
}

func (r *roll) holdAll(reason string) {
	for i := range r.changes {
		c := &r.changes[i]
		run := reason == plan.OnlyReported && c.Key.Kind == plan.KindRun // to run a job is no healing
		if c.Wanted() && c.Verdict != plan.Blocked && !run {
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
	missing := r.prerequisites()
	for _, s := range r.services {
		r.service(s, missing)
	}
	if r.everySettled() && !r.jobsPending() || r.record.Phase == Complete {
		r.removals()
	} else {
		r.holdRemovals("goes when the other replicas are healthy")
	}
}

// inFlux says whether what an app that has gone leaves behind may still be
// serving in this one's place: this one came with the same commit, or later, and
// is not there yet.
func (r *roll) inFlux() bool {
	switch r.record.Phase {
	case Progressing:
		return !r.everySettled()
	case Failed:
		return r.record.Revision == r.in.Desired.Revision
	}
	return r.standing.Hold != nil && r.standing.Hold.Revision == r.in.Desired.Revision
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

// homeless are the replicas that are missing anyway.
func (r *roll) homeless() map[plan.Key]bool {
	keys := map[plan.Key]bool{}
	for _, s := range r.services {
		for _, slot := range s.slots {
			if slot.phase == homeless {
				keys[slot.change.Key] = true
			}
		}
	}
	return keys
}

// finish ends the rollout when everything is as the revision asks, but for what is
// missing anyway, for removals that a guard holds back, and for networks that nobody
// needs any more:
// whoever else may still be on them, the revision is reached. A rollout that
// failed and came right after all has succeeded.
func (r *roll) finish() {
	if r.record.Phase == Complete {
		r.good()
		return
	}
	if !r.everySettled() || r.watched() || r.jobsPending() {
		return
	}
	homeless := r.homeless()
	for i := range r.changes {
		c := &r.changes[i]
		if c.Key.Kind == plan.KindRun && !c.Removal || homeless[c.Key] {
			continue // other runs than the rollout's, and what it has no part in
		}
		network := c.Key.Kind == plan.KindNetwork
		if c.Wanted() && !(c.Removal && (network || c.Verdict == plan.Blocked)) {
			return
		}
	}
	r.record.end(Complete, r.in.Now, Record{})
	r.good()
}

// watched says whether a container that this rollout made has not run for the
// monitor time yet: it may still fail.
func (r *roll) watched() bool {
	watched := false
	for _, s := range r.services {
		for _, slot := range s.slots {
			if slot.phase != done || !r.madeByThis(slot.current) {
				continue
			}
			r.wakeAt(slot.current.StartedAt.Add(s.Update.Monitor))
			watched = watched || !slot.current.RunFor(s.Update.Monitor, r.in.Now)
		}
	}
	return watched && r.record.Phase == Progressing
}

// good notes where the app is healthy: what it goes back to when a later
// rollout fails. It stays that when it breaks afterwards.
func (r *roll) good() {
	if r.standing.Good == nil || r.standing.Good.Digest != r.record.Digest {
		services := make(map[string]string, len(r.services))
		for _, s := range r.services {
			services[s.Name] = sum(s.Service)
		}
		r.standing.Good = &Good{Revision: r.record.Revision, Digest: r.record.Digest, Subject: r.record.Subject, Images: r.record.Images, Services: services}
	}
	r.noteImages(true)
}
