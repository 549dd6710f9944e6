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
	placed := Placements{}
	maps.Copy(placed, v.Placed)
	v.Placed = placed
	r := whatif.Run(whatif.Input{
		Desired: desired, Live: live, State: v.State, Now: v.Now,
		Decide: func(m whatif.Moment) whatif.Decision {
			v.Live, v.State, v.Busy, v.Now = m.Live, m.State, m.Busy, m.Now
			liveness.Evict(v.Live, desired)
			Unalias(v.Live)
			FoldPods(v.Live, desired.Owner, v.Known)
			d := Decide(v)
			maps.Copy(placed, placed.with(d.Placement))
			return whatif.Decision{Plan: d.Plan, Rollout: d.Rollout}
		},
	})
	r.Noticed, r.Withheld = q.Notice(desired, v.Now)
	return r, nil
}
