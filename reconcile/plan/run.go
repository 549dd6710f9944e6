package plan

import (
	"fmt"
	"strconv"

	"github.com/tallyman-io/tallyman/reconcile/jobs"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/place"
)

// Runs is what package jobs wants of an app, and the hosts that its tries got.
type Runs struct {
	App string
	jobs.Result
	// Placement is of the tries that begin, by job.
	Placement map[string]RunPlace
}

// RunPlace is the host of a try, or why there is none.
type RunPlace struct{ Host, Refusal string }

// RunService is the try that begins as a service of one replica, for place.
func RunService(d *jobs.Decision) model.Service {
	s := d.Job.Work
	s.Name = runName(s.Name, d.Start.Run)
	return s
}

func runName(job, run string) string { return job + "@" + run } // no service has such a name

// PlacedRuns takes the tries out of a placement.
func PlacedRuns(r place.Result, app string, decisions []jobs.Decision) (place.Result, map[string]RunPlace) {
	rest, placed := place.Result{Rooms: r.Rooms}, map[string]RunPlace{}
	job := map[string]string{}
	for i := range decisions {
		if d := &decisions[i]; d.Start != nil {
			job[runName(d.Job.Name, d.Start.Run)] = d.Job.Name
		}
	}
	for _, a := range r.Assignments {
		if name, ok := job[a.Service]; ok && a.App == app {
			placed[name] = RunPlace{Host: a.Host}
			continue
		}
		rest.Assignments = append(rest.Assignments, a)
	}
	for _, f := range r.Refusals {
		if name, ok := job[f.Service]; ok && f.App == app {
			placed[name] = RunPlace{Refusal: f.Reason}
			continue
		}
		rest.Refusals = append(rest.Refusals, f)
	}
	return rest, placed
}

func runKey(app, job, run string, try int) Key {
	return Key{Kind: KindRun, App: app, Service: job, Slot: run + "-" + strconv.Itoa(try)}
}

func keyOfRun(c *model.Container) Key {
	return Key{Kind: KindRun, App: c.Owner.App, Service: c.Owner.Job, Slot: c.Owner.Run + "-" + c.Owner.Slot}
}

// noteRunUsers finds out which hosts need which networks and volumes for tries
// that begin. Networks stay where containers of runs are: the next one would only
// make them again.
func (p *planner) noteRunUsers() {
	for _, runs := range p.in.Runs {
		for i := range runs.Jobs {
			d := &runs.Jobs[i]
			if at := runs.Placement[d.Job.Name]; d.Start != nil && at.Host != "" {
				p.uses(runs.App, &d.Job.Work.Container, at.Host)
			}
			for _, c := range p.runs[slot{app: runs.App, service: d.Job.Name}] {
				p.attach(c, &d.Job.Work.Container, "containers of job "+d.Job.Name+" are kept here")
			}
		}
	}
}

// runChanges gives every try that begins, and every container of one, its change.
func (p *planner) runChanges() {
	for _, runs := range p.in.Runs {
		for i := range runs.Jobs {
			p.job(&runs, &runs.Jobs[i])
		}
		for _, c := range runs.Gone {
			p.endRun(c, p.goneRun(c), true)
		}
	}
	for _, containers := range p.runs {
		for _, c := range containers {
			if !p.told[c.ID] {
				p.changes = append(p.changes, Change{Key: keyOfRun(c), Host: c.Host, Verdict: Unchanged, Current: c.ID, Reasons: []string{toldOf(c)}})
			}
		}
	}
}

func toldOf(c *model.Container) string {
	if c.Running() {
		return "runs"
	}
	return "has ended; kept for its log"
}

func (p *planner) goneRun(c *model.Container) string {
	if _, declared := p.revisions[c.Owner.App]; declared {
		return fmt.Sprintf("job %q is no longer in the manifests", c.Owner.Job)
	}
	return fmt.Sprintf("app %q is no longer in the manifests", c.Owner.App)
}

// job makes the changes of one job.
func (p *planner) job(runs *Runs, d *jobs.Decision) {
	for _, s := range d.Stop {
		p.told[s.Container.ID] = true
		c := Change{Key: keyOfRun(s.Container), Host: s.Container.Host, Verdict: Update, Current: s.Container.ID, Reasons: []string{"is stopped: " + s.Why}}
		for _, o := range p.withinReach(&c, []*model.Container{s.Container}) {
			c.Steps = append(c.Steps, Step{Op: stop(o)})
		}
		stall(&c)
		p.changes = append(p.changes, c)
	}
	for _, c := range d.Remove {
		p.endRun(c, fmt.Sprintf("has ended; only the last %d and the last that failed are kept", d.Job.HistoryLimit), false)
	}
	if d.Start != nil {
		p.changes = append(p.changes, p.startRun(runs, d))
		return
	}
	if d.Note != "" {
		p.changes = append(p.changes, Change{Key: Key{Kind: KindRun, App: runs.App, Service: d.Job.Name, Slot: "next"}, Verdict: Waits, Reasons: []string{d.Note}})
	}
}

// endRun removes a container of a run. One of a job that has gone is stopped
// first.
func (p *planner) endRun(container *model.Container, reason string, gone bool) {
	p.told[container.ID] = true
	if p.in.Desired.Unheard(container.Owner) {
		p.changes = append(p.changes, Change{Key: keyOfRun(container), Host: container.Host, Verdict: Unchanged, Current: container.ID, Reasons: []string{model.UnheardBecause}})
		return
	}
	c := Change{Key: keyOfRun(container), Host: container.Host, Verdict: Remove, Removal: gone, Preview: container.Owner.Preview != "", Old: []string{container.ID}, Reasons: []string{reason}}
	if policy, known := p.syncOf(container.Owner.App); gone && known && !policy.Prune {
		c.Verdict, c.Removal = Unchanged, false
		c.Reasons = append(c.Reasons, "kept: sync.prune is off for this app")
		p.changes = append(p.changes, c)
		return
	}
	p.retire(&c, []*model.Container{container})
	p.changes = append(p.changes, c)
}

func (p *planner) syncOf(app string) (model.Sync, bool) {
	for i := range p.in.Desired.Apps {
		if p.in.Desired.Apps[i].Name == app {
			return p.in.Desired.Apps[i].Sync, true
		}
	}
	policy, known := p.in.Policies[app]
	return policy, known
}

// startRun makes the container of a try. One that was made before and never
// started is made anew: nobody knows how far its making came.
func (p *planner) startRun(runs *Runs, d *jobs.Decision) Change {
	s, at := &d.Job.Work, runs.Placement[d.Job.Name]
	c := Change{Key: runKey(runs.App, d.Job.Name, d.Start.Run, d.Start.Number), Host: at.Host, Verdict: Run, Reasons: []string{d.Start.Why}}
	if redo := d.Start.Redo; redo != nil {
		p.told[redo.ID] = true
		c.Old = []string{redo.ID}
		c.Steps = append(c.Steps, Step{Op: model.RemoveContainer{Target: targetOf(redo)}})
	}
	reason := at.Refusal
	if reason == "" {
		reason = p.lacking(s, at.Host)
	}
	if reason == "" {
		reason = p.image(s, at.Host)
	}
	if reason != "" {
		c.Verdict, c.Steps, c.Reasons = Blocked, nil, append([]string{reason}, c.Reasons...)
		return c
	}
	owner := model.Ownership{
		Owner: p.in.Desired.Owner, App: runs.App, Job: d.Job.Name, Run: d.Start.Run, Slot: strconv.Itoa(d.Start.Number),
		Fingerprint: s.Fingerprint, Revision: p.revisions[runs.App], Preview: p.previews[runs.App], Reserve: s.Reserve,
	}
	owner.Name = p.newName(owner)
	target := model.Target{Host: at.Host, Name: owner.Name, Owner: owner.Owner, Fingerprint: owner.Fingerprint}
	p.pullAnew(&c, s)
	c.Steps = append(c.Steps, Step{Op: model.CreateContainer{Host: at.Host, Owner: owner, Spec: s.Container}})
	if len(s.Container.Files) > 0 {
		c.Steps = append(c.Steps, Step{Op: model.CopyFiles{Target: target, Files: s.Container.Files}})
	}
	c.Steps = append(c.Steps, Step{Op: model.StartContainer{Target: target}})
	return c
}
