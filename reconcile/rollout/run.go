package rollout

import (
	"reflect"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/jobs"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// KeepJobs remembers how far the runs of an app's jobs are.
func (s State) KeepJobs(app string, m jobs.Memory) {
	standing := s.Standings[app]
	switch {
	case standing.Jobs != nil && reflect.DeepEqual(*standing.Jobs, m):
		return
	case len(m) == 0:
		standing.Jobs = nil
	default:
		standing.Jobs = &m
	}
	s.stand(app, standing)
}

// runPatience is how long a rollout waits for a job that can't begin, such as
// one that no host fits: as long as a replica may be without progress.
const runPatience = 5 * time.Minute

// jobsDue are the app's jobs of a kind that have not succeeded for its rollout.
func (r *roll) jobsDue(when string) []*jobs.Decision {
	var due []*jobs.Decision
	for i := range r.in.Runs {
		if r.in.Runs[i].App != r.app.Name {
			continue
		}
		for j := range r.in.Runs[i].Jobs {
			if d := &r.in.Runs[i].Jobs[j]; d.Due && d.Job.When == when {
				due = append(due, d)
			}
		}
	}
	return due
}

// waitsForJobs says which job new replicas wait for, or "". Only a rollout
// waits: healing does not change what a migration is about.
func (r *roll) waitsForJobs() string {
	if r.record.Phase != Progressing {
		return ""
	}
	if due := r.jobsDue(model.WhenPreDeploy); len(due) > 0 {
		return "waits for job " + due[0].Job.Name
	}
	return ""
}

// jobsPending says whether a job of the rollout has not succeeded.
func (r *roll) jobsPending() bool {
	return r.record.Phase != Complete && len(r.jobsDue(model.WhenPreDeploy))+len(r.jobsDue(model.WhenPostDeploy)) > 0
}

// jobProgress is when something last happened to a run of the rollout.
func (r *roll) jobProgress() time.Time {
	var last time.Time
	for i := range r.in.Runs {
		for _, d := range r.in.Runs[i].Jobs {
			for _, run := range d.History.Runs {
				if r.in.Runs[i].App == r.app.Name && run.ID == jobs.DeployID(r.app.Digest) && run.EndedAt.After(last) {
					last = run.EndedAt
				}
			}
		}
	}
	return last
}

// judgeJobs looks for a job that makes the rollout fail.
func (r *roll) judgeJobs() {
	for _, d := range append(r.jobsDue(model.WhenPreDeploy), r.jobsDue(model.WhenPostDeploy)...) {
		if failure, failed := r.judgeJob(d); failed {
			r.fail(failure)
			return
		}
	}
}

func (r *roll) judgeJob(d *jobs.Decision) (Record, bool) {
	failure := Record{Service: d.Job.Name, Reason: "job " + d.Job.Name}
	if d.Failed != nil {
		if t := d.Failed.LastTry(); t != nil {
			failure.Container, failure.Host = t.ID, t.Host
			failure.Reason += " on " + t.Host
		}
		failure.Reason += ": " + d.Failed.Reason
		return failure, true
	}
	i := slices.IndexFunc(r.changes, func(c plan.Change) bool {
		return c.Key.Kind == plan.KindRun && c.Key.Service == d.Job.Name && d.Start != nil && d.Start.Deploys && (c.Verdict == plan.Run || c.Verdict == plan.Blocked)
	})
	if i < 0 {
		return failure, false
	}
	c := &r.changes[i]
	failure.Host = c.Host
	if r.exhausted(c.Key) {
		failure.Reason += ": " + r.out.State.Attempts[c.Key].Reason
		return failure, true
	}
	if c.Verdict != plan.Blocked || !r.turnOf(d.Job) {
		return failure, false
	}
	deadline := r.lastProgress().Add(runPatience)
	r.wakeAt(deadline)
	failure.Reason += ": " + first(c.Reasons)
	return failure, !r.in.Now.Before(deadline)
}

// turnOf says whether it is the job's turn in the rollout: a migration comes when
// all images are there and before anything is touched, and what comes after a
// deployment when all services are healthy.
func (r *roll) turnOf(job *model.Job) bool {
	if job.When == model.WhenPreDeploy {
		return len(r.missing()) == 0
	}
	return r.everySettled() && r.waitsForJobs() == ""
}

// beginRuns begins, stops and removes runs. Those of a rollout wait for their
// turn; the others go their own way, whatever becomes of the rollout. What is of
// a job that has gone goes when the rest of the app is healthy, as replicas do.
func (r *roll) beginRuns() {
	for i := range r.changes {
		c := &r.changes[i]
		switch {
		case c.Key.Kind != plan.KindRun || c.Removal:
		case c.Verdict == plan.Run:
			if why := r.runWaits(c); why != "" {
				r.hold(c, why)
				continue
			}
			r.emit(c, ops(c.Steps, plan.Now), r.tries())
		case c.Verdict == plan.Update || c.Verdict == plan.Remove:
			r.retire(c, ops(c.Steps, plan.Idle))
		}
	}
}

// runWaits says what a run waits for, or "".
func (r *roll) runWaits(c *plan.Change) string {
	i := slices.IndexFunc(r.app.Jobs, func(j model.Job) bool { return j.Name == c.Key.Service })
	if i < 0 {
		return "waits for the manifests to name the job"
	}
	job := &r.app.Jobs[i]
	for _, key := range r.missing() {
		if needs(&job.Work, c, key) {
			return "waits for " + key.String()
		}
	}
	switch why := r.stopped(); {
	case !jobs.Deploys(c.Key.Slot):
		return ""
	case why != "":
		return why
	case r.turnOf(job):
		return ""
	case job.When == model.WhenPreDeploy:
		return "waits for what the app lacks"
	}
	return "waits for the services to be healthy"
}
