// Package jobs says which runs of an app's jobs there are to be: which try of
// which run is to begin now, which is to be stopped, and which old container is
// to go.
//
// It is pure and level-triggered like its neighbours: how far a run has come is
// read off its containers in every pass, and what must outlive these is in the
// Memory that the journal keeps. A run is noted there before its first container
// is made, and its success before its last container may be removed, so a
// controller that is killed in between neither runs it twice nor forgets it.
//
// The package knows neither hosts' capacities nor ops: place gives a try its
// host, plan makes its steps, and rollout lets those of a deployment wait for
// their turn.
package jobs

import (
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Memory is what is remembered of an app's jobs, by name.
type Memory map[string]History

// History is what is remembered of a job.
type History struct {
	// Runs are those that are wanted or going on, and the last that have ended,
	// in the order in which they were wanted.
	Runs []Run `json:"runs,omitempty"`
	// Done are the deployments' runs that have succeeded: none of them is run
	// again.
	Done []string `json:"done,omitempty"`
	// Last is the last time of the schedule that was dealt with, and Schedule
	// what that was a time of.
	Last     time.Time `json:"last,omitzero"`
	Schedule string    `json:"schedule,omitempty"`
	// Missed counts the times of which nothing came.
	Missed int `json:"missed,omitempty"`
}

// State is how far a run has come.
type State string

// The states of runs and tries.
const (
	Waiting   State = "waiting" // for its next try
	Running   State = "running"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Lost      State = "lost" // of a try: its host is away, or its container is
)

// Run is one run of a job.
type Run struct {
	ID string `json:"id"`
	// When is why it runs: one of model.WhenPreDeploy and its like, or Manual.
	When string `json:"when"`
	// Due is when it was wanted; of a schedule's the time in the schedule.
	Due     time.Time `json:"due"`
	State   State     `json:"state"`
	Reason  string    `json:"reason,omitempty"` // why it has failed
	EndedAt time.Time `json:"endedAt,omitzero"`
	Tries   []Try     `json:"tries,omitempty"`
}

// Try is one container of a run.
type Try struct {
	Number    int       `json:"number"`
	State     State     `json:"state"`
	Host      string    `json:"host"`
	ID        string    `json:"id"`   // of the container
	Container string    `json:"name"` // its name
	CreatedAt time.Time `json:"createdAt,omitzero"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	EndedAt   time.Time `json:"endedAt,omitzero"`
	ExitCode  int       `json:"exitCode"`
	Reason    string    `json:"reason,omitempty"`
	// Away is since when its host has not been seen.
	Away time.Time `json:"away,omitzero"`
}

// Manual is the When of a run that a person asked for.
const Manual = "manual"

// The kinds of run ids. They say what a run is for, so that it can be told from
// its containers alone.
const (
	deployPrefix   = "d" // and a hash of the rendered app
	schedulePrefix = "s" // and the time that it was due
	manualPrefix   = "m" // and the time that it was asked for

	scheduleLayout = "200601021504"
	manualLayout   = "20060102150405"
)

// DeployID is the run of a deployment of a rendered app: the same rendering gives
// the same run, whatever commit it came with.
func DeployID(digest string) string { return deployPrefix + model.Hash(digest)[:10] }

func scheduleID(due time.Time) string { return schedulePrefix + due.UTC().Format(scheduleLayout) }

// Adopted is the run that a container is of, when nothing is remembered of it.
func adopted(job *model.Job, c *model.Container) Run {
	r := Run{ID: c.Owner.Run, When: job.When, Due: c.CreatedAt, State: Waiting}
	kind, rest := "", ""
	if r.ID != "" {
		kind, rest = r.ID[:1], r.ID[1:]
	}
	if due, err := time.Parse(scheduleLayout, rest); kind == schedulePrefix && err == nil {
		r.When, r.Due = model.WhenSchedule, due
	}
	if kind == manualPrefix {
		r.When = Manual
	}
	return r
}

// Ask notes that a person wants a run. It says which.
func (m Memory) Ask(job string, now time.Time) (Memory, string) {
	h := m[job].clone()
	id := manualPrefix + now.UTC().Format(manualLayout)
	for h.run(id) != nil { // a second one in the same second
		now = now.Add(time.Second)
		id = manualPrefix + now.UTC().Format(manualLayout)
	}
	h.Runs = append(h.Runs, Run{ID: id, When: Manual, Due: now, State: Waiting})
	out := m.clone()
	out[job] = h
	return out, id
}

func (m Memory) clone() Memory {
	out := Memory{}
	for name, h := range m {
		out[name] = h
	}
	return out
}

// successes are what outlives a job that the app has not at present: an app that
// has gone back to before the job may come again to where it has succeeded.
func (m Memory) successes() Memory {
	out := Memory{}
	for name, h := range m {
		if len(h.Done) > 0 {
			out[name] = History{Done: h.Done}
		}
	}
	return out
}

func (h History) clone() History {
	h.Runs, h.Done = slices.Clone(h.Runs), slices.Clone(h.Done)
	for i := range h.Runs {
		h.Runs[i].Tries = slices.Clone(h.Runs[i].Tries)
	}
	return h
}

func (h *History) run(id string) *Run {
	for i := range h.Runs {
		if h.Runs[i].ID == id {
			return &h.Runs[i]
		}
	}
	return nil
}

// Ended says whether nothing more comes of the run.
func (r *Run) Ended() bool { return r.State == Succeeded || r.State == Failed }

// active is the try that is at work, or nil.
func (r *Run) active() *Try {
	for i := range r.Tries {
		if r.Tries[i].State == Running || r.Tries[i].State == Waiting {
			return &r.Tries[i]
		}
	}
	return nil
}

// LastTry is the newest try, or nil.
func (r *Run) LastTry() *Try {
	if len(r.Tries) == 0 {
		return nil
	}
	return &r.Tries[len(r.Tries)-1]
}

// deploys says whether the run belongs to a rollout.
func (r *Run) deploys() bool { return strings.HasPrefix(r.ID, deployPrefix) }

// Deploys says whether the run of that id belongs to a rollout.
func Deploys(id string) bool { return strings.HasPrefix(id, deployPrefix) }
