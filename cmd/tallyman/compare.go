package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/tallyman-io/tallyman/internal/server"
	"github.com/tallyman-io/tallyman/internal/simulated"
	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// decide is one pass over the world, of which nothing is carried out.
func (w *world) decide(now time.Time, allowRemovals bool) reconcile.Decision {
	return reconcile.Decide(w.folded(now, allowRemovals))
}

// folded is the world as a pass looks at it: each engine once, and each pod as one.
func (w *world) folded(now time.Time, allowRemovals bool) reconcile.View {
	v := w.view(now, allowRemovals)
	reconcile.Unalias(&w.live, w.memory.Placed)
	reconcile.FoldPods(&w.live, w.desired.Owner, v.Known)
	return v
}

// view is what a pass over the world decides from.
func (w *world) view(now time.Time, allowRemovals bool) reconcile.View {
	known := map[string]bool{}
	for _, seen := range w.memory.Hosts {
		for i := range seen.Containers {
			known[seen.Containers[i].ID] = true
		}
	}
	return reconcile.View{
		Desired: w.desired, Live: &w.live, Now: now,
		State: w.state,
		Known: func(id string) bool { return known[id] }, Placed: w.memory.Placed, Guards: w.memory.Guards, Leaving: reconcile.Leaving(w.desired, w.memory.Hosts), AllowRemovals: allowRemovals,
	}
}

// status folds the world. Nobody is at work, so what a pass would begin is not
// told: a rollout's state is the journal's, or the decision's where that finds
// all as it should be.
func (w *world) status(now time.Time) report.Status {
	d := w.decide(now, false)
	in := report.Input{
		Now: now, Desired: w.desired, Live: &w.live, Plan: d.Plan, Rooms: d.Placement.Rooms, Fetched: now,
		Rollout: rollout.Result{State: rollout.State{Records: w.records(d), Standings: w.standings(d), Pins: w.state.Pins}, Canaries: d.Rollout.Canaries},
		Target:  reconcile.RevisionOf(w.target), Effective: reconcile.RevisionOf(w.effective),
	}
	if w.sourceErr != nil {
		in.SourceError = w.sourceErr.Error()
	}
	s := report.Fold(in)
	s.Owner = w.desired.Owner
	return s
}

// standings are what is remembered, with the runs of jobs as they are seen now.
func (w *world) standings(d reconcile.Decision) map[string]rollout.Standing {
	standings := maps.Clone(w.state.Standings)
	for app, seen := range d.Rollout.State.Standings {
		if known, ok := standings[app]; ok {
			known.Jobs = seen.Jobs
			standings[app] = known
		}
	}
	return standings
}

func (w *world) records(d reconcile.Decision) map[string]rollout.Record {
	records := map[string]rollout.Record{}
	for app, r := range d.Rollout.State.Records {
		known, ok := w.memory.Records[app]
		switch {
		case ok && (r.Digest == known.Digest || r.Phase != rollout.Complete):
			records[app] = known
		case r.Phase == rollout.Complete:
			r.StartedAt, r.EndedAt = time.Time{}, time.Time{} // it is so, and nobody knows since when
			records[app] = r
		}
	}
	return records
}

// controller is the running controller of the state directory, or nil.
func (a *app) controller(ctx context.Context) (*server.Client, error) {
	c, err := a.dial(ctx)
	if errors.Is(err, server.ErrNoController) {
		return nil, a.mayDoWithout()
	}
	return c, err
}

// mayDoWithout is an error where nobody else can know what a controller would.
func (a *app) mayDoWithout() error {
	if simulated.Is(a.global.stateDir) {
		return errSimulation(a.global.stateDir)
	}
	return nil
}

// dial reaches the controller, and makes sure that it is the one that is meant.
func (a *app) dial(ctx context.Context) (*server.Client, error) {
	c, err := server.Dial(ctx, a.global.stateDir)
	if err != nil {
		return nil, err
	}
	source, err := c.Source(ctx)
	if err == nil {
		err = a.global.follows(source)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// decided is a status in which everything is that there is, or an error.
func (a *app) decided(ctx context.Context) (report.Status, error) {
	s, err := a.status(ctx)
	if err != nil {
		return s, err
	}
	return s, undecided(&s)
}

// undecided is an error while nobody knows what there is: a list would have
// nothing in it, and there would be no differences.
func undecided(s *report.Status) error {
	if s.Undecided == "" {
		return nil
	}
	return fmt.Errorf("ask the controller: nothing is decided yet: %s; ask again in a moment, `tallyman status` tells more", s.Undecided)
}

// status asks the running controller, or looks around.
func (a *app) status(ctx context.Context) (report.Status, error) {
	c, err := a.controller(ctx)
	if err != nil {
		return report.Status{}, err
	}
	if c != nil {
		defer c.Close()
		s, err := c.Status(ctx)
		if !errors.Is(err, server.ErrNoController) {
			return s, err
		}
		if err := a.mayDoWithout(); err != nil {
			return s, err
		}
	}
	w, err := a.lookAround(ctx, look{fallBack: true})
	if err != nil {
		return report.Status{}, err
	}
	defer w.close()
	now := time.Now()
	s := w.status(now)
	s.Unattended = a.unattended(now)
	return s, nil
}

// unattended says what there is in the place of a controller.
func (a *app) unattended(now time.Time) string {
	if pid, since := state.Holder(a.global.stateDir); pid != 0 {
		return fmt.Sprintf("an apply is at work, or a controller just begins or ends: pid %d, for %s; what it knows is missing here", pid, now.Sub(since).Round(time.Second))
	}
	return "no controller is running: nothing is rolled out or put right until you start `tallyman serve`, or run `tallyman apply` once"
}
