package rollout

import (
	"strconv"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// goneApp removes an app that no manifest names any more, as far as the plan's
// guards let it. It may have been renamed, so it goes when the others are where
// they should be.
func (d *decider) goneApp(changes []plan.Change) {
	r := &roll{decider: d, app: &model.App{Name: changes[0].Key.App}, changes: changes}
	if record, known := d.out.State.Records[r.app.Name]; known && !record.Sync.Auto && !d.in.Manual {
		r.holdAll(autoOff)
		return
	}
	if d.unsettled {
		r.holdRemovals()
		return
	}
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
	free    int // how many more slots may be taken in hand
}

// roll decides about one app from its changes.
func (d *decider) roll(app *model.App, changes []plan.Change) {
	d.seen[app.Name] = true
	r := &roll{decider: d, app: app, changes: changes}
	if !r.begin() {
		d.unsettled = true // what takes over from an app that has gone may be waiting here
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
	d.unsettled = d.unsettled || r.inFlux()
	d.out.State.Records[app.Name] = r.record
}

const autoOff = "sync.auto is off for this app; run `tallyman apply`"

// begin finds the app's rollout, or begins a new one when the rendered app is
// not the one of the last. It reports false when nothing may be done.
func (r *roll) begin() bool {
	record, known := r.out.State.Records[r.app.Name]
	if known && record.Sync != r.app.Sync {
		record.Sync = r.app.Sync
		r.out.State.Records[r.app.Name] = record
	}
	if known && record.Digest == r.app.Digest && !record.Gone {
		r.record = record
		return true
	}
	if !r.app.Sync.Auto && !r.in.Manual {
		r.holdAll(autoOff)
		return false
	}
	r.record = Record{App: r.app.Name, Revision: r.in.Desired.Revision, Digest: r.app.Digest, StartedAt: r.in.Now, Phase: Progressing, Sync: r.app.Sync}
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
	missing := r.prerequisites()
	for _, s := range r.services {
		r.service(s, missing)
	}
	if r.everySettled() || r.record.Phase == Complete {
		r.removals()
	} else {
		r.holdRemovals()
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
	return false
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

// finish ends the rollout when everything is as the revision asks, but for
// removals that a guard holds back, and for networks that nobody needs any more:
// whoever else may still be on them, the revision is reached. A rollout that
// failed and came right after all has succeeded.
func (r *roll) finish() {
	if r.record.Phase == Complete || !r.everySettled() {
		return
	}
	for i := range r.changes {
		c := &r.changes[i]
		network := c.Key.Kind == plan.KindNetwork
		if c.Wanted() && !(c.Removal && (network || c.Verdict == plan.Blocked)) {
			return
		}
	}
	r.record.end(Complete, r.in.Now, Record{})
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
