package reconcile

import (
	"maps"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/jobs"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/place"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// runs decides about the jobs of every app that has some, or containers of some.
// The state is the view's with what is to be remembered of them, and wake is when
// to decide again.
func (v *View) runs() (runs []plan.Runs, state rollout.State, wake time.Time) {
	containers, hosts := v.runContainers()
	state = v.State.Clone()
	for i := range v.Desired.Apps {
		app := &v.Desired.Apps[i]
		known := v.State.Standings[app.Name].Jobs
		if len(app.Jobs) == 0 && len(containers[app.Name]) == 0 && known == nil {
			continue
		}
		r := v.State.Records[app.Name]
		in := jobs.Input{
			App: app, Containers: containers[app.Name], Hosts: hosts, Now: v.Now, Digest: r.Digest, Began: r.StartedAt,
			Rolling: r.Phase == rollout.Progressing, Complete: r.Phase == rollout.Complete && !r.Gone,
		}
		if known != nil {
			in.Memory = *known
		}
		result := jobs.Decide(in)
		state.KeepJobs(app.Name, result.Memory)
		runs = append(runs, plan.Runs{App: app.Name, Result: result})
		wake = sooner(wake, result.Wake)
		delete(containers, app.Name)
	}
	for _, app := range slices.Sorted(maps.Keys(containers)) {
		runs = append(runs, plan.Runs{App: app, Result: jobs.Result{Gone: containers[app]}})
	}
	return runs, state, wake
}

// sooner is the earlier of two times, of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// runContainers are our containers of runs, by app, and the hosts by name.
func (v *View) runContainers() (map[string][]*model.Container, map[string]*model.HostState) {
	containers, hosts := map[string][]*model.Container{}, map[string]*model.HostState{}
	for i := range v.Live.Hosts {
		h := &v.Live.Hosts[i]
		hosts[h.Name] = h
		for j := range h.Containers {
			if c := &h.Containers[j]; c.Owner.Job != "" && c.OwnedBy(v.Desired.Owner, v.Known) {
				containers[c.Owner.App] = append(containers[c.Owner.App], c)
			}
		}
	}
	return containers, hosts
}

// placeRuns takes the tries that begin out of a placement.
func placeRuns(placement place.Result, runs []plan.Runs) place.Result {
	for i := range runs {
		placement, runs[i].Placement = plan.PlacedRuns(placement, runs[i].App, runs[i].Jobs)
	}
	return placement
}
