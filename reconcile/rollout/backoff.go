package rollout

import (
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

const (
	// firstBackoff doubles with each try up to maxBackoff.
	firstBackoff = 2 * time.Second
	maxBackoff   = 5 * time.Minute
	// rolloutTries is how often a rollout tries what fails in a way that may
	// pass; with the backoff this is half a minute.
	rolloutTries = 5
	// healTries is how often healing tries before it reports and leaves alone.
	healTries = 10
	// calm is how long a thing that may break by itself must at least have been
	// right for its tries to be forgotten.
	calm = 10 * time.Second
)

// backoff is the pause after the given number of tries.
func backoff(tries int) time.Duration {
	if tries <= 0 {
		return 0
	}
	if tries > 8 {
		return maxBackoff
	}
	return min(firstBackoff<<(tries-1), maxBackoff)
}

// emit lets a task begin, unless one is at work on the thing already or its
// tries say to wait. It reports whether the thing is in hand.
func (d *decider) emit(c *plan.Change, ops []model.Op, limit int) bool {
	if _, busy := d.in.Busy[c.Key]; busy {
		return true
	}
	a := d.out.State.Attempts[c.Key]
	recurs := recurs(c)
	if a.Recurs && !recurs && a.Reason == "" {
		a = Attempt{} // something else, that somebody did, came on top
	}
	next := a.Last.Add(backoff(a.Count))
	switch {
	case a.Count >= limit && a.Reason == "" && c.Verdict == plan.Replace:
		// The calls work and the thing is wrong again each time: repeating
		// them would go on for ever. What fails outside is tried on, slowly.
		d.hold(c, gaveUp(a))
		return false
	case a.Count > 0 && next.After(d.in.Now):
		d.hold(c, waiting(a, next.Sub(d.in.Now)))
		d.wakeAt(next)
		return false
	}
	d.out.State.Attempts[c.Key] = Attempt{Count: a.Count + 1, Last: d.in.Now, Recurs: recurs}
	d.start(c, ops)
	return true
}

// recurs says whether what is being put right may come back by itself: a
// container that ends or turns unhealthy again, a difference that is there again
// in the next one. What people do to a container does not.
func recurs(c *plan.Change) bool {
	made := slices.ContainsFunc(c.Steps, func(s plan.Step) bool { _, ok := s.Op.(model.CreateContainer); return ok })
	starts := slices.ContainsFunc(c.Steps, func(s plan.Step) bool { _, ok := s.Op.(model.StartContainer); return ok })
	return c.Verdict == plan.Replace || starts && !made
}

// retire begins the end of something old. It is not counted as a try: it is no
// fault of the new that the old was there. Only what fails is put off.
func (d *decider) retire(c *plan.Change, ops []model.Op) {
	if d.out.State.Attempts[c.Key].Reason != "" {
		d.emit(c, ops, healTries)
		return
	}
	d.start(c, ops)
}

// onward carries on with a pod that is being brought up. What comes next has
// tries of its own: it is no fault of its that what came before took many.
func (d *decider) onward(c *plan.Change, ops []model.Op) {
	if d.out.State.Attempts[c.Key].Reason != "" {
		d.emit(c, ops, healTries)
		return
	}
	if _, busy := d.in.Busy[c.Key]; !busy && len(ops) > 0 {
		d.out.State.Attempts[c.Key] = Attempt{Count: 1, Last: d.in.Now}
	}
	d.start(c, ops)
}

// start begins a task without counting it as a try.
func (d *decider) start(c *plan.Change, ops []model.Op) {
	if _, busy := d.in.Busy[c.Key]; busy || len(ops) == 0 {
		return
	}
	task := Task{Key: c.Key, Ops: ops}
	if app := d.apps[c.Key.App]; app != nil {
		task.Digest = app.Digest
	}
	if len(c.Reasons) > 0 {
		task.Reason = c.Reasons[0]
	}
	d.out.Tasks = append(d.out.Tasks, task)
}

func (d *decider) hold(c *plan.Change, reason string) { d.out.Held[c.Key] = reason }

func gaveUp(a Attempt) string {
	return "given up: put right " + model.Count(a.Count, "time", "times") + " and wrong again each time; " +
		"it is tried again when its manifest changes or by `tallyman apply`"
}

func waiting(a Attempt, d time.Duration) string {
	s := "next try in " + d.Round(time.Second).String() + " after " + model.Count(a.Count, "try", "tries")
	if a.Reason != "" {
		s += ": " + a.Reason
	}
	return s
}

// forget clears the tries of a thing that is right, and has been for a while if
// what was wrong may come back by itself.
func (d *decider) forget(key plan.Key) {
	a, tried := d.out.State.Attempts[key]
	if !tried {
		return
	}
	quiet := a.Last.Add(max(backoff(a.Count), calm))
	if a.Recurs && quiet.After(d.in.Now) {
		return
	}
	delete(d.out.State.Attempts, key)
}

// forgetTries clears all tries of an app, if there were any when the pass began:
// looking through those of all apps for each of a thousand that begin takes long.
func (d *decider) forgetTries(app string) {
	if d.tried == nil {
		d.tried = map[string]bool{}
		for key := range d.in.State.Attempts {
			d.tried[key.App] = true
		}
	}
	if d.tried[app] {
		d.out.State.forgetApp(app)
	}
}

// forgetApp clears all tries of an app: its manifests have changed.
func (s State) forgetApp(app string) {
	for key := range s.Attempts {
		if key.App == app {
			delete(s.Attempts, key)
		}
	}
}
