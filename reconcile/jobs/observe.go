package jobs

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// observe takes over what the containers show. Runs of which nothing is
// remembered are those of before the journal was lost.
func (d *decider) observe() {
	for _, c := range d.containers {
		number, err := strconv.Atoi(c.Owner.Slot)
		if err != nil || c.Owner.Run == "" {
			continue
		}
		r := d.history.run(c.Owner.Run)
		if r == nil {
			d.adopt(adopted(d.job, c))
			r = d.history.run(c.Owner.Run)
		}
		d.see(r.try(number), c)
	}
	for i := range d.history.Runs {
		for j := range d.history.Runs[i].Tries {
			d.miss(&d.history.Runs[i].Tries[j])
		}
	}
}

// adopt puts a run where it belongs in time.
func (d *decider) adopt(r Run) {
	i := slices.IndexFunc(d.history.Runs, func(o Run) bool { return o.Due.After(r.Due) })
	if i < 0 {
		i = len(d.history.Runs)
	}
	d.history.Runs = slices.Insert(d.history.Runs, i, r)
}

// try is the run's try of that number.
func (r *Run) try(number int) *Try {
	i := slices.IndexFunc(r.Tries, func(t Try) bool { return t.Number >= number })
	switch {
	case i < 0:
		i = len(r.Tries)
		r.Tries = append(r.Tries, Try{Number: number, State: Waiting})
	case r.Tries[i].Number != number:
		r.Tries = slices.Insert(r.Tries, i, Try{Number: number, State: Waiting})
	}
	return &r.Tries[i]
}

// see reads a try off its container. One that ends well has succeeded, also when
// it had been given up.
func (d *decider) see(t *Try, c *model.Container) {
	if t.ID != c.ID {
		t.Host, t.ID, t.Container, t.CreatedAt, t.StartedAt = c.Host, c.ID, c.Name, time.Time{}, time.Time{}
	}
	// A host's clock is corrected at each look, so times are taken once: when the
	// container has been inspected, which may be later than it is first seen.
	if t.CreatedAt.IsZero() {
		t.CreatedAt = c.CreatedAt
	}
	if t.StartedAt.IsZero() {
		t.StartedAt = c.StartedAt
	}
	if h := d.in.Hosts[c.Host]; h == nil || !h.Reachable || t.State == Succeeded || t.State == Failed {
		return
	}
	t.Away = time.Time{}
	switch {
	case c.Running() && t.State != Lost:
		t.State = Running
	case c.Spec == nil: // how it ended is not known yet
	case c.State == model.StateCreated && c.Error != "":
		d.ended(t, c)
	case c.State == model.StateExited || c.State == model.StateDead:
		d.ended(t, c)
	}
}

func (d *decider) ended(t *Try, c *model.Container) {
	if t.State == Lost && c.ExitCode != 0 {
		return
	}
	t.State, t.ExitCode, t.EndedAt, t.Reason = Failed, c.ExitCode, c.FinishedAt, ""
	if t.EndedAt.IsZero() {
		t.EndedAt = d.in.Now
	}
	switch {
	case c.State == model.StateCreated:
		t.Reason = "could not be started: " + c.Error
	case c.OOMKilled:
		t.Reason = fmt.Sprintf("exited with code %d (out of memory)", c.ExitCode)
	case c.ExitCode != 0:
		t.Reason = fmt.Sprintf("exited with code %d", c.ExitCode)
	default:
		t.State = Succeeded
	}
}

// miss looks for what has become of a try that is at work and can't be seen.
func (d *decider) miss(t *Try) {
	if t.State != Running && t.State != Waiting {
		return
	}
	h := d.in.Hosts[t.Host]
	switch {
	case h != nil && h.Reachable && d.container(t.ID) == nil:
		t.State, t.EndedAt, t.Reason = Lost, d.in.Now, "its container has been removed"
	case h != nil && h.Reachable:
	case t.Away.IsZero():
		t.Away = d.in.Now
		d.wakeAt(t.Away.Add(Grace))
	case d.in.Now.Before(t.Away.Add(Grace)):
		d.wakeAt(t.Away.Add(Grace))
	default:
		t.State, t.EndedAt = Lost, d.in.Now
		t.Reason = fmt.Sprintf("host %q has been away for %s", t.Host, Grace)
	}
}

func (d *decider) container(id string) *model.Container {
	for _, c := range d.containers {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// settle says how far the run has come, by its tries.
func (d *decider) settle(r *Run) {
	if r.Ended() {
		return
	}
	for _, t := range r.Tries {
		if t.State == Succeeded {
			d.succeed(r, t.EndedAt)
			return
		}
	}
	failures, begun := d.failures(r)
	try := r.active()
	r.State = Waiting
	if try != nil && try.State == Running {
		r.State = Running
	}
	end := begun.Add(d.job.Timeout)
	switch {
	case !begun.IsZero() && !d.in.Now.Before(end):
		if try != nil {
			try.State, try.EndedAt, try.Reason = Lost, d.in.Now, "stopped: out of time"
		}
		d.fail(r, fmt.Sprintf("did not end within %s", d.job.Timeout))
		return
	case !begun.IsZero():
		d.wakeAt(end)
	}
	if try == nil && failures > d.job.BackoffLimit {
		d.fail(r, afterTries(r.LastTry().Reason, failures))
	}
}

func afterTries(reason string, n int) string {
	if n == 1 {
		return reason
	}
	return fmt.Sprintf("%s, after %d tries", reason, n)
}

func (d *decider) succeed(r *Run, at time.Time) {
	r.State, r.EndedAt, r.Reason = Succeeded, at, ""
	if !r.deploys() || slices.Contains(d.history.Done, r.ID) {
		return
	}
	d.history.Done = append(d.history.Done, r.ID)
	d.history.Done = d.history.Done[max(0, len(d.history.Done)-keptDone):]
}

func (d *decider) fail(r *Run, reason string) {
	r.State, r.EndedAt, r.Reason = Failed, d.in.Now, reason
}

// failures counts the tries that came to nothing, and says when the first of
// those that count was begun.
func (d *decider) failures(r *Run) (n int, begun time.Time) {
	for _, t := range r.Tries {
		if !d.counts(r, t.CreatedAt) {
			continue
		}
		if begun.IsZero() {
			begun = t.CreatedAt
		}
		if t.State == Failed || t.State == Lost {
			n++
		}
	}
	return n, begun
}

// stopLost ends containers of tries that were given up and still run.
func (d *decider) stopLost() {
	for i := range d.history.Runs {
		r := &d.history.Runs[i]
		for _, t := range r.Tries {
			c := d.container(t.ID)
			if c == nil || t.State != Lost || !c.Running() {
				continue
			}
			why := t.Reason
			if r.State == Failed {
				why = r.Reason
			}
			d.out.Stop = append(d.out.Stop, Stop{c, why})
		}
	}
}
