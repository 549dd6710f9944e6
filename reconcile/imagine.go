package reconcile

import (
	"maps"

	"github.com/tallyman-io/tallyman/reconcile/liveness"
	"github.com/tallyman-io/tallyman/reconcile/whatif"
)

// Imagine says what would become of a view if its hosts were others: the
// controller's own decisions, carried out on a copy.
func Imagine(v View, q whatif.Question) (whatif.Simulation, error) {
	desired, live, err := q.Of(v.Desired, *v.Live)
	if err != nil {
		return whatif.Simulation{}, err
	}
	v.Desired = desired
	v.Placed = v.Placed.copied()
	r := whatif.Run(whatif.Input{Desired: desired, Live: live, State: v.State, Now: v.Now, Decide: v.at})
	r.Noticed, r.Withheld = q.Notice(desired, v.Now)
	return r, nil
}

// copied is for who adds to them.
func (p Placements) copied() Placements {
	placed := Placements{}
	maps.Copy(placed, p)
	return placed
}

// at is one pass over an imagined moment of the view. What it places somewhere is
// added to the view's placements.
func (v View) at(m whatif.Moment) whatif.Decision {
	v.Live, v.State, v.Busy, v.Now = m.Live, m.State, m.Busy, m.Now
	liveness.Evict(v.Live, v.Desired)
	Unalias(v.Live, v.Placed)
	FoldPods(v.Live, v.Desired.Owner, v.Known)
	d := Decide(v)
	maps.Copy(v.Placed, v.Placed.with(d.Placement))
	return whatif.Decision{Plan: d.Plan, Rollout: d.Rollout}
}
