package jobs

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// tidy forgets the ended runs beyond the limit, and has their containers
// removed. The last that has failed stays: somebody may want to know why.
func (d *decider) tidy() {
	kept, ended, failed := []Run{}, 0, false
	for _, r := range slices.Backward(d.history.Runs) {
		if !r.Ended() {
			kept = append(kept, r)
			continue
		}
		ended++
		lastFailed := r.State == Failed && !failed
		failed = failed || r.State == Failed
		if ended <= d.job.HistoryLimit || lastFailed {
			kept = append(kept, r)
		}
	}
	slices.Reverse(kept)
	for _, c := range d.containers {
		needed := slices.ContainsFunc(kept, func(r Run) bool { return r.ID == c.Owner.Run })
		if !needed && !c.Running() {
			d.out.Remove = append(d.out.Remove, c)
		}
	}
	d.history.Runs = kept
	if len(kept) == 0 {
		d.history.Runs = nil
	}
}

// News are the lines that tell what has changed from one memory to another, with
// the run that each is about, and whether it is bad news.
func News(before, after Memory, jobs []string) []Line {
	var lines []Line
	for _, job := range jobs {
		old, h := before[job], after[job]
		if n := h.Missed - old.Missed; n > 0 {
			lines = append(lines, Line{Job: job, Text: fmt.Sprintf("missed %s of its schedule", model.Count(n, "time", "times")), Bad: true})
		}
		for i := range h.Runs {
			if line, ok := newsOf(old.run(h.Runs[i].ID), &h.Runs[i]); ok {
				line.Job = job
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// Line is news of a job.
type Line struct {
	Job, Host, Text string
	Bad             bool
}

func newsOf(old, r *Run) (Line, bool) {
	if old != nil && old.State == r.State || old == nil && r.State == Waiting && r.When != Manual {
		return Line{}, false
	}
	line := Line{Text: fmt.Sprintf("run %s %s", r.ID, r.State), Bad: r.State == Failed}
	if r.State == Waiting {
		line.Text = fmt.Sprintf("run %s waits", r.ID)
	}
	if t := r.LastTry(); t != nil {
		line.Host = t.Host
		if r.State == Waiting && t.Reason != "" {
			line.Text += " for its next try: " + t.Reason
		}
	}
	if r.Reason != "" {
		line.Text += ": " + r.Reason
	}
	return line, true
}
