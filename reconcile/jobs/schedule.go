package jobs

import (
	"fmt"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/schedule"
)

// schedule wants a run when one is due. Of all that were missed meanwhile, by a
// controller that was stopped or an app that was being rolled out, it is the
// last one; the others are counted.
func (d *decider) schedule() {
	if d.job.When != model.WhenSchedule {
		return
	}
	s, err := schedule.Parse(d.job.Schedule, d.job.TimeZone)
	if err != nil {
		d.out.Note = "schedule: " + err.Error() // a manifest with it is refused
		return
	}
	d.remember()
	due, missed := d.due(s)
	if d.out.Note == "" {
		d.note(s)
	}
	d.history.Missed += missed
	if !due.IsZero() {
		d.history.Runs = append(d.history.Runs, Run{ID: scheduleID(due), When: model.WhenSchedule, Due: due, State: Waiting})
	}
}

// remember sees to it that it is known since when the schedule counts: from the
// last run there was, or else from now.
func (d *decider) remember() {
	name := d.job.Schedule + " " + d.job.TimeZone
	if d.history.Schedule == name {
		return
	}
	if d.history.Schedule == "" && d.history.Last.IsZero() {
		for _, r := range d.history.Runs {
			if r.When == model.WhenSchedule && r.Due.After(d.history.Last) {
				d.history.Last = r.Due
			}
		}
	} else {
		d.history.Last = time.Time{} // times of another schedule were not missed
	}
	if d.history.Last.IsZero() {
		d.history.Last = d.in.Now
	}
	d.history.Schedule = name
}

// due is the time for which a run is to be made now, and how many nothing comes
// of.
func (d *decider) due(s schedule.Schedule) (due time.Time, missed int) {
	n, last := s.Missed(d.history.Last, d.in.Now)
	d.wakeAt(s.Next(d.in.Now))
	switch {
	case n == 0:
		return time.Time{}, 0
	case d.job.Suspend:
		d.history.Last = last
		return time.Time{}, 0
	case d.job.StartingDeadline > 0 && d.in.Now.Sub(last) > d.job.StartingDeadline:
		d.history.Last = last
		return time.Time{}, n
	case d.in.Rolling || d.in.Digest != d.in.App.Digest:
		d.out.Note = "waits for the rollout to end"
		return time.Time{}, 0
	}
	d.history.Last = last
	busy := d.unfinished()
	switch {
	case busy != nil && d.job.Concurrency == model.ConcurrencyForbid:
		return time.Time{}, n
	case busy != nil && d.job.Concurrency == model.ConcurrencyReplace:
		d.replace()
	}
	return last, n - 1
}

// unfinished is a run that has not ended.
func (d *decider) unfinished() *Run {
	for i := range d.history.Runs {
		if !d.history.Runs[i].Ended() {
			return &d.history.Runs[i]
		}
	}
	return nil
}

// replace gives up what has not ended, for the run that is due.
func (d *decider) replace() {
	for i := range d.history.Runs {
		r := &d.history.Runs[i]
		if r.Ended() {
			continue
		}
		if t := r.active(); t != nil {
			t.State, t.EndedAt, t.Reason = Lost, d.in.Now, "replaced by the next run"
		}
		d.fail(r, "replaced by the next run")
	}
}

func (d *decider) note(s schedule.Schedule) {
	next := s.Next(d.in.Now)
	switch {
	case d.job.Suspend:
		d.out.Note = "suspended"
	case next.IsZero():
		d.out.Note = "its schedule has no more times"
	default:
		d.out.Note = fmt.Sprintf("runs next at %s", next.UTC().Format("2006-01-02 15:04 MST"))
	}
}
