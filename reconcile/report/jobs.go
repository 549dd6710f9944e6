package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/jobs"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/schedule"
)

// Job is a job's status.
type Job struct {
	App       string `json:"app"`
	Name      string `json:"name"`
	Image     string `json:"image"`
	When      string `json:"when"`
	Schedule  string `json:"schedule,omitempty"`
	TimeZone  string `json:"timeZone,omitempty"`
	Suspended bool   `json:"suspended,omitempty"`
	// Next is when its schedule comes next.
	Next time.Time `json:"next,omitzero"`
	// Missed counts the times of its schedule of which nothing came.
	Missed int `json:"missed,omitempty"`
	// Note says what it waits for, or why it does not run.
	Note string `json:"note,omitempty"`
	// Runs are the newest first.
	Runs []jobs.Run `json:"runs"`
}

// Key is the job's name for people: shop/migrate.
func (j *Job) Key() string { return j.App + "/" + j.Name }

// Jobs are the jobs of all apps.
func Jobs(s *Status) []Job {
	all := []Job{}
	for i := range s.Apps {
		all = append(all, s.Apps[i].Jobs...)
	}
	return all
}

// job folds what is remembered of a job, and what the plan says of it.
func (f *folder) job(j *model.Job) Job {
	out := Job{
		App: j.App, Name: j.Name, Image: j.Work.Container.Image, When: j.When, Schedule: j.Schedule, TimeZone: j.TimeZone,
		Suspended: j.Suspend, Runs: []jobs.Run{},
	}
	if s, err := schedule.Parse(j.Schedule, j.TimeZone); err == nil && j.When == model.WhenSchedule && !j.Suspend {
		out.Next = s.Next(f.in.Now)
	}
	if memory := f.in.Rollout.State.Standings[j.App].Jobs; memory != nil {
		history := (*memory)[j.Name]
		out.Missed = history.Missed
		out.Runs = append(out.Runs, history.Runs...)
		slices.Reverse(out.Runs)
	}
	for i := range f.in.Plan.Changes {
		c := &f.in.Plan.Changes[i]
		if c.Key.Kind == plan.KindRun && c.Key.App == j.App && c.Key.Service == j.Name && (c.Wanted() && !c.Removal && c.Verdict != plan.Remove || c.Verdict == plan.Waits) {
			out.Note = strings.Join(append(slices.Clone(c.Reasons), f.in.Rollout.Held[c.Key]), "; ")
			out.Note = strings.TrimSuffix(out.Note, "; ")
		}
	}
	return out
}

// runTook is how long the run took, or has been going on.
func runTook(r *jobs.Run, now time.Time) string {
	if len(r.Tries) == 0 {
		return "-"
	}
	begun, end := r.Tries[0].StartedAt, r.EndedAt
	if end.IsZero() {
		end = now
	}
	if begun.IsZero() || end.Before(begun) {
		return "-"
	}
	return end.Sub(begun).Round(time.Second).String()
}

// exitCode is that of the last try that has ended by itself.
func exitCode(r *jobs.Run) string {
	for _, t := range slices.Backward(r.Tries) {
		if t.State == jobs.Failed || t.State == jobs.Succeeded {
			return strconv.Itoa(t.ExitCode)
		}
	}
	return "-"
}

func (t *text) jobTable(s *Status, list []Job) {
	if len(list) == 0 {
		return
	}
	rows := [][]cell{header("JOB", "WHEN", "LAST RUN", "STATE", "EXIT", "TOOK", "NEXT", "WHY")}
	for i := range list {
		j := &list[i]
		when, next := j.When, "-"
		if j.Schedule != "" {
			when = strings.TrimSpace(j.Schedule + " " + j.TimeZone)
		}
		if !j.Next.IsZero() {
			next = j.Next.UTC().Format("2006-01-02 15:04Z")
		}
		last, state, code, long, why := "-", "-", "-", "-", j.Note
		if len(j.Runs) > 0 {
			r := &j.Runs[0]
			last, state, code, long = since(ago(s.Time, begunAt(r))), string(r.State), exitCode(r), runTook(r, s.Time)
			if r.Reason != "" {
				why = r.Reason
			}
		}
		rows = append(rows, []cell{
			word(j.Key()), word(when), word(last), colored(state, runColor(state)), word(code), word(long), word(next), word(clean(why)),
		})
	}
	t.table("", rows)
}

// begunAt is when the run's first container was started or, before that, when
// it was wanted.
func begunAt(r *jobs.Run) time.Time {
	if len(r.Tries) > 0 && !r.Tries[0].StartedAt.IsZero() {
		return r.Tries[0].StartedAt
	}
	return r.Due
}

func runColor(state string) string {
	switch jobs.State(state) {
	case jobs.Succeeded:
		return green
	case jobs.Failed:
		return red
	case jobs.Running, jobs.Waiting:
		return yellow
	}
	return plain
}

func (t *text) describeJob(s *Status, j *Job) {
	t.line("%s", t.paint(bold, "job "+j.Key()))
	var f facts
	f.add("image", clean(j.Image), plain)
	f.add("when", j.When, plain)
	f.add("schedule", strings.TrimSpace(j.Schedule+" "+j.TimeZone), plain)
	if !j.Next.IsZero() {
		f.add("next", j.Next.UTC().Format("2006-01-02 15:04:05Z"), plain)
	}
	if j.Missed > 0 {
		f.add("missed", strconv.Itoa(j.Missed), yellow)
	}
	f.add("note", clean(j.Note), plain)
	t.table("  ", f.rows)
	t.gap()
	rows := [][]cell{header("RUN", "WHY", "BEGUN", "STATE", "EXIT", "TOOK", "TRIES", "HOST", "REASON")}
	for i := range j.Runs {
		r := &j.Runs[i]
		host := "-"
		if last := r.LastTry(); last != nil {
			host = last.Host
		}
		rows = append(rows, []cell{
			word(r.ID), word(r.When), word(since(ago(s.Time, begunAt(r)))), colored(string(r.State), runColor(string(r.State))), word(exitCode(r)),
			word(runTook(r, s.Time)), word(fmt.Sprint(len(r.Tries))), word(host), word(clean(r.Reason)),
		})
	}
	t.table("", rows)
}

// triesOf are the containers of a job's runs, newest first, in the form in which
// logs are asked for: the job names the newest, and each has its own name.
func triesOf(j *Job) []Replica {
	var all []Replica
	for i := range j.Runs {
		for _, t := range slices.Backward(j.Runs[i].Tries) {
			all = append(all, Replica{
				App: j.App, Service: j.Name, Slot: j.Runs[i].ID + "-" + strconv.Itoa(t.Number), Host: t.Host, Container: t.Container, ID: t.ID,
				Image: j.Image, State: string(t.State), Since: t.StartedAt,
			})
		}
	}
	return all
}
