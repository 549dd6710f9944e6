package reconcile

import (
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/place"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// View is everything that a pass decides from.
type View struct {
	// Desired is what every app is held to, as Choose says.
	Desired *model.Desired
	Live    *model.Live
	Now     time.Time
	State   rollout.State
	Busy    map[plan.Key]string
	// Known says whether a container id was once seen under its own name.
	Known func(id string) bool
	// Guards are what the manifests said last of the end of services.
	Guards model.Guards
	// Leaving are hosts that no manifest names any more and that have something of
	// ours. Those that are given up are not among Live.
	Leaving []model.Host
	// Placed is where slots were put before, and Making what volumes hosts were asked
	// for, see place.Input.
	Placed Placements
	Making func(host, volume string) bool
	// Manual and AllowRemovals are what a person asked for besides.
	Manual        bool
	AllowRemovals bool
}

// Decision is what a pass found and what it lets begin.
type Decision struct {
	Placement place.Result
	Plan      plan.Plan
	Rollout   rollout.Result
}

// Decide is the pure middle of the arrow: jobs → place → plan → rollout. The
// controller, `tallyman plan` and the simulations all go through it.
func Decide(v View) Decision {
	runs, state, wake := v.runs()
	placement := placeRuns(v.place(runs), runs)
	p := plan.Build(plan.Input{
		Desired: v.Desired, Live: v.Live, Placement: placement, Runs: runs,
		Known: v.Known, Policies: v.policies(), Rolling: v.rolling(), Guards: v.Guards, AllowRemovals: v.AllowRemovals,
	})
	r := rollout.Decide(rollout.Input{
		Desired: v.Desired, Live: v.Live, Plan: &p, Now: v.Now,
		State: state, Busy: v.Busy, Manual: v.Manual, Runs: runs, Rooms: placement.Rooms,
	})
	r.Wake = sooner(r.Wake, wake)
	return Decision{placement, p, r}
}

// policies are those that the apps last had, for when their manifests have gone.
func (v *View) policies() map[string]model.Sync {
	policies := make(map[string]model.Sync, len(v.State.Records))
	for app := range v.State.Records {
		policies[app] = v.State.Records[app].Sync
	}
	return policies
}

// rolling are the apps that have not come to their present state yet, or all
// when a person asks: what a tag means is looked up once per change of an app.
func (v *View) rolling() func(app string) bool {
	there := make(map[string]bool, len(v.Desired.Apps))
	for i := range v.Desired.Apps {
		app := &v.Desired.Apps[i]
		r := v.State.Records[app.Name]
		there[app.Name] = r.Phase == rollout.Complete && r.Digest == app.Digest && !r.Gone
	}
	return func(app string) bool { return v.Manual || !there[app] }
}

// Place gives every replica of the view its host.
func Place(v View) place.Result { return v.place(nil) }

func (v *View) place(runs []plan.Runs) place.Result { return place.Place(v.placeInput(runs)) }

// Rebalance suggests at most so many moves, of replicas of apps that are where they
// should be, that nobody has paused, and that are put right by themselves.
func Rebalance(v View, most int) []place.Suggestion {
	may := map[string]bool{}
	for i := range v.Desired.Apps {
		app := &v.Desired.Apps[i]
		r := v.State.Records[app.Name]
		may[app.Name] = r.Phase == rollout.Complete && r.Digest == app.Digest && v.State.Standings[app.Name].Pause == nil && app.Sync.SelfHeal
	}
	return place.Rebalance(v.placeInput(nil), most, func(app string) bool { return may[app] })
}

// leaving are the hosts that are still there to leave.
func (v *View) leaving() []model.Host {
	there := make(map[string]bool, len(v.Live.Hosts))
	for i := range v.Live.Hosts {
		there[v.Live.Hosts[i].Name] = true
	}
	return slices.DeleteFunc(slices.Clone(v.Leaving), func(h model.Host) bool { return !there[h.Name] })
}

// placeInput is what a placement is made from. Containers that are let go of are in
// the way like anybody's.
func (v *View) placeInput(runs []plan.Runs) place.Input {
	var services []model.Service
	var jobs []model.Job
	for i := range runs {
		for j := range runs[i].Jobs {
			if d := &runs[i].Jobs[j]; d.Start != nil {
				services = append(services, plan.RunService(d))
			}
		}
	}
	for i := range v.Desired.Apps {
		services = append(services, v.Desired.Apps[i].Services...)
		jobs = append(jobs, v.Desired.Apps[i].Jobs...)
	}
	orphan := v.Guards.Orphans(v.Desired)
	return place.Input{
		Services: services, Hosts: v.Desired.Hosts, Leaving: v.leaving(), Live: *v.Live, Owner: v.Desired.Owner,
		Owned: func(c *model.Container) bool {
			return c.OwnedBy(v.Desired.Owner, v.Known) && !orphan(c.Owner) && !v.Desired.Unheard(c.Owner)
		},
		Stopped: func(app string) bool { return v.State.Records[app].Phase == rollout.Failed },
		Placed:  v.Placed.host, Kept: v.Placed.volume, Making: v.Making, Jobs: jobs, Failures: v.failures(), Moves: v.State.Moves(),
	}
}
