package jobs

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Input is all that is decided from, of one app.
type Input struct {
	App    *model.App
	Memory Memory
	// Containers are those of the app's runs, on whatever hosts.
	Containers []*model.Container
	Hosts      map[string]*model.HostState
	// Digest, Began, Rolling and Complete are of the app's newest rollout.
	Digest            string
	Began             time.Time
	Rolling, Complete bool
	Now               time.Time
}

// Result is what is to be done of one app's jobs.
type Result struct {
	Memory Memory
	Jobs   []Decision
	// Gone are containers of jobs that no manifest names any more.
	Gone []*model.Container
	Wake time.Time
}

// Decision is what is to be done of one job.
type Decision struct {
	Job     *model.Job
	History History
	// Start is the try that is to begin, if one is.
	Start *Start
	Stop  []Stop
	// Remove are containers that nobody needs for their logs any more.
	Remove []*model.Container
	// Due is whether the run that belongs to the app's rollout has not succeeded.
	Due bool
	// Failed is that run, when it has failed.
	Failed *Run
	// Note says what it waits for, or why it does not run.
	Note string
}

// Start is a try that is to begin.
type Start struct {
	Run, Why string
	Number   int
	Deploys  bool
	// Redo is a container of this try that was made and never started.
	Redo *model.Container
}

// Stop is a container that is to be stopped, and why.
type Stop struct {
	Container *model.Container
	Why       string
}

const (
	// firstPause doubles with each try that fails, up to longestPause, as
	// Kubernetes has it.
	firstPause   = 10 * time.Second
	longestPause = 6 * time.Minute
	// Grace is how long a run's host may be away before the try counts as lost:
	// longer than an engine takes to restart, short enough for a job in the
	// night to be made up for.
	Grace = time.Minute
	// keptDone bounds how many successes are remembered, which is as far back as
	// a revert does not run a job again.
	keptDone = 500
)

// Decide says what is to be done. It changes nothing of its input.
func Decide(in Input) Result {
	if in.App.Frozen != "" {
		return Result{Memory: in.Memory} // which jobs it has is not known
	}
	out := Result{Memory: in.Memory.successes()}
	byJob := map[string][]*model.Container{}
	for _, c := range in.Containers {
		byJob[c.Owner.Job] = append(byJob[c.Owner.Job], c)
	}
	for i := range in.App.Jobs {
		job := &in.App.Jobs[i]
		d := &decider{in: &in, job: job, history: in.Memory[job.Name].clone(), containers: byJob[job.Name], out: Decision{Job: job}}
		delete(byJob, job.Name)
		d.decide()
		d.out.History = d.history
		out.Jobs = append(out.Jobs, d.out)
		delete(out.Memory, job.Name)
		if !reflect.DeepEqual(d.history, History{}) {
			out.Memory[job.Name] = d.history
		}
		out.Wake = earlier(out.Wake, d.wake)
	}
	for _, c := range in.Containers {
		if byJob[c.Owner.Job] != nil {
			out.Gone = append(out.Gone, c)
		}
	}
	return out
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// decider carries the decision about one job.
type decider struct {
	in         *Input
	job        *model.Job
	history    History
	containers []*model.Container
	out        Decision
	wake       time.Time
}

func (d *decider) wakeAt(t time.Time) {
	if t.After(d.in.Now) {
		d.wake = earlier(d.wake, t)
	}
}

func (d *decider) decide() {
	d.observe()
	for i := range d.history.Runs {
		d.settle(&d.history.Runs[i])
	}
	if d.in.App.Waits == "" {
		d.deployment()
		d.schedule()
		d.start()
	}
	d.stopLost()
	d.tidy()
}

// deployment wants the run of the app's rollout, unless it has succeeded
// before. An app that goes back by itself runs none: what a migration has done
// is not undone by the migration of before.
func (d *decider) deployment() {
	app := d.in.App
	id := DeployID(app.Digest)
	goesBack := app.Held != nil && app.Held.Kind == model.HeldRollback
	d.overtaken(id)
	switch {
	case !d.job.Deploys():
		return
	case d.job.Suspend:
		d.out.Note = "suspended"
		return
	case slices.Contains(d.history.Done, id):
		d.out.Note = "has succeeded for this state of the app"
		return
	case goesBack:
		d.out.Note = "does not run when the app goes back by itself"
		return
	case d.in.Complete && d.in.Digest == app.Digest:
		d.out.Note = "runs with the next change of the app"
		return
	}
	d.out.Due = true
	r := d.history.run(id)
	if r == nil {
		d.history.Runs = append(d.history.Runs, Run{ID: id, When: d.job.When, Due: d.in.Now, State: Waiting})
		return
	}
	if r.State == Failed && !d.counts(r, r.EndedAt) {
		r.State, r.Reason, r.EndedAt = Waiting, "", time.Time{} // its rollout has been begun anew
	}
	if r.State == Failed {
		failed := *r
		d.out.Failed = &failed
	}
}

// overtaken gives up the runs of earlier states of the app that are not at work.
func (d *decider) overtaken(current string) {
	d.history.Runs = slices.DeleteFunc(d.history.Runs, func(r Run) bool {
		return r.deploys() && r.ID != current && r.State == Waiting && len(r.Tries) == 0
	})
	for i := range d.history.Runs {
		if r := &d.history.Runs[i]; r.deploys() && r.ID != current && !r.Ended() && r.active() == nil {
			d.fail(r, "not tried again: the app has changed since")
		}
	}
}

// counts says whether something that happened to the run at t is of this rollout
// of the app. What failed before somebody had it tried again does not count; what
// nobody knows the time of does, so that tries come to an end.
func (d *decider) counts(r *Run, t time.Time) bool {
	if r.ID != DeployID(d.in.App.Digest) {
		return true
	}
	return d.in.Digest == d.in.App.Digest && (t.IsZero() || t.After(d.in.Began.Add(-model.ClockSlack)))
}

// start finds the try that is to begin, of the oldest run that waits for one.
func (d *decider) start() {
	for i := range d.history.Runs {
		r := &d.history.Runs[i]
		if r.State != Waiting || d.out.Start != nil {
			continue
		}
		if c := d.inTheWay(r); c != nil {
			d.out.Note = fmt.Sprintf("waits for %s on %s to end", c.Name, c.Host)
			continue
		}
		d.nextTry(r)
	}
}

// inTheWay is a container that has to end before a try of the run may begin: one
// of another run, where runs are not allowed side by side, and of this run a
// try that was given up. What is out of sight for longer than Grace is not
// waited for.
func (d *decider) inTheWay(r *Run) *model.Container {
	for _, c := range d.containers {
		sameRun := c.Owner.Run == r.ID
		if !c.Running() || !sameRun && d.job.Concurrency == model.ConcurrencyAllow {
			continue
		}
		if h := d.in.Hosts[c.Host]; h != nil && h.Reachable || !d.lost(c) {
			return c
		}
	}
	return nil
}

// lost says whether the container's try was given up.
func (d *decider) lost(c *model.Container) bool {
	for _, r := range d.history.Runs {
		for _, t := range r.Tries {
			if t.ID == c.ID {
				return t.State == Lost
			}
		}
	}
	return false
}

func (d *decider) nextTry(r *Run) {
	if try := r.active(); try != nil { // made and not started
		if h := d.in.Hosts[try.Host]; h == nil || !h.Reachable {
			d.out.Note = fmt.Sprintf("waits for host %q", try.Host)
			return
		}
		d.out.Start = &Start{Run: r.ID, Number: try.Number, Deploys: r.deploys(), Why: "made and not started", Redo: d.container(try.ID)}
		return
	}
	failures, _ := d.failures(r)
	number, why := 1, whyOf(r)
	if last := r.LastTry(); last != nil {
		number = last.Number + 1
		if failures > 0 {
			at := last.EndedAt.Add(pause(failures))
			why = fmt.Sprintf("try %d of %d: %s", failures+1, d.job.BackoffLimit+1, last.Reason)
			if d.in.Now.Before(at) {
				d.wakeAt(at)
				d.out.Note = fmt.Sprintf("%s; at %s", why, at.UTC().Format("15:04:05 MST"))
				return
			}
		}
	}
	d.out.Start = &Start{Run: r.ID, Number: number, Deploys: r.deploys(), Why: why}
}

func whyOf(r *Run) string {
	switch r.When {
	case model.WhenPreDeploy:
		return "runs before the replicas are touched"
	case model.WhenPostDeploy:
		return "runs when the services are healthy"
	case Manual:
		return "was asked for"
	}
	return "was due at " + r.Due.UTC().Format("2006-01-02 15:04 MST")
}

// pause is how long the next try waits after so many have failed.
func pause(failures int) time.Duration {
	if failures > 6 {
		return longestPause
	}
	return min(firstPause<<(failures-1), longestPause)
}
