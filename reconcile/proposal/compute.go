package proposal

import (
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/policy"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
	"github.com/tallyman-io/tallyman/reconcile/whatif"
)

// Of says what a proposal would do.
func Of(in Input) Proposal {
	p := Proposal{Base: in.Base.Commit, Head: in.Merged.Commit, Unknown: in.unknown()}
	p.Drift = in.drift(p.Unknown)
	settled := in.settle()
	changes := in.changes(settled)
	p.Violations, p.Unverified = in.violations(changes), in.unverified()
	p.Apps, p.Counts = gather(changes)
	for i := range p.Apps {
		p.Apps[i].Effects = slices.DeleteFunc(p.Apps[i].Effects, obtained)
	}
	p.Apps = slices.DeleteFunc(p.Apps, func(a AppEffects) bool { return len(a.Effects) == 0 })
	p.Warnings = in.warnings(changes)
	return p
}

// violations are the rules that the proposal breaks: those of the base, since it can't
// change by what it is judged, and its own ones about manifests, since the commit that
// it becomes is refused for these. Of what it leads to, only its own changes count.
func (in *Input) violations(changes []Effect) []policy.Violation {
	var p plan.Plan
	for _, c := range changes {
		p.Changes = append(p.Changes, plan.Change{Key: c.Key, Host: c.Host, Verdict: c.Verdict, Reasons: c.Reasons, Removal: c.Removal, HeldBy: c.HeldBy, Kept: c.kept})
	}
	broken := policy.Check(in.Base.Set.Policies, in.Merged.Set)
	for _, v := range policy.Check(in.Merged.Set.Policies, in.Merged.Set) {
		if !slices.ContainsFunc(broken, v.Same) { // most of its policies are the base's
			broken = append(broken, v)
		}
	}
	return append(broken, policy.CheckPlan(in.Base.Desired.PlanRules, &p)...)
}

// obtained says of an image that it is only fetched, for what is told of besides.
func obtained(c Effect) bool { return c.Key.Kind == plan.KindImage && c.Verdict != plan.Blocked }

// drift is the plan of the base against what the hosts report.
func (in *Input) drift(unknown []string) Drift {
	d := Drift{Known: len(unknown) < len(in.Base.Desired.Hosts)}
	if !d.Known {
		return d
	}
	decision := in.Decide(Ask{Desired: in.Base.Desired, Leaving: in.Leaving, Guards: in.Guards}, whatif.Moment{Live: clone(in.Live), State: in.State, Now: in.Now})
	var changes []Effect
	for _, c := range wanted(&decision.Plan) {
		fleeting := c.Key.Kind == plan.KindRun || c.Key.Kind == plan.KindImage
		if fleeting || slices.Contains(unknown, c.Host) {
			continue
		}
		c.Reasons = nil
		changes = append(changes, c)
	}
	if len(changes) > 0 && !in.present() {
		d.Absent = in.Base.Desired.Owner // all that the base asks for would be drift
		return d
	}
	d.Apps, d.Counts = gather(changes)
	return d
}

// present says whether anything of the installation's is on any host that was looked at.
func (in *Input) present() bool {
	owner := in.Base.Desired.Owner
	return slices.ContainsFunc(in.Live.Hosts, func(h model.HostState) bool {
		return h.Reachable && (slices.ContainsFunc(h.Containers, func(c model.Container) bool { return c.Owner.Owner == owner }) ||
			slices.ContainsFunc(h.Networks, func(n model.NetworkState) bool { return n.Owner.Owner == owner }) ||
			slices.ContainsFunc(h.Volumes, func(v model.VolumeState) bool { return v.Owner.Owner == owner }))
	})
}

// settle carries the base out. What was rolled back, paused or pinned does not
// count: the base says what is to be.
func (in *Input) settle() whatif.Settled {
	ask := Ask{Desired: in.Base.Desired, Leaving: in.Leaving, Guards: in.Guards, Manual: true, AllowRemovals: true}
	return whatif.Settle(whatif.Input{
		Desired: in.Base.Desired, Live: in.assumed(), State: rollout.State{}, Now: in.Now,
		Decide: func(m whatif.Moment) whatif.Decision { return in.Decide(ask, m) },
	})
}

// changes are what the merge asks for on top of the base. What the base could not
// have either is not the proposal's.
func (in *Input) changes(settled whatif.Settled) []Effect {
	ask := Ask{Desired: in.Merged.Desired, Leaving: in.gone(), Guards: in.said()}
	live := in.withNew(settled.Live)
	decision := in.Decide(ask, whatif.Moment{Live: &live, State: settled.State, Now: settled.Now})
	left := map[plan.Key]Effect{}
	for _, c := range wanted(&settled.Plan) {
		left[c.Key] = c
	}
	return slices.DeleteFunc(wanted(&decision.Plan), func(c Effect) bool {
		l, known := left[c.Key]
		return known && l.Host == c.Host && l.Verdict == c.Verdict && (slices.Equal(l.Reasons, c.Reasons) || in.asBefore(c.Key))
	})
}

// asBefore says whether the proposal leaves alone the service that a change is of.
func (in *Input) asBefore(k plan.Key) bool {
	was, is := find(in.Base.Desired, k.App, k.Service), find(in.Merged.Desired, k.App, k.Service)
	return was != nil && is != nil && model.Hash(was) == model.Hash(is)
}

// said are the guards of what the proposal takes away, as the base says them.
func (in *Input) said() model.Guards {
	said := model.Guards{}
	for app, guards := range in.Guards {
		said[app] = guards
	}
	for i := range in.Base.Desired.Apps {
		app := &in.Base.Desired.Apps[i]
		said[app.Name] = in.Guards.Said(app)
	}
	return said
}

func wanted(p *plan.Plan) []Effect {
	var out []Effect
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Wanted() {
			out = append(out, Effect{Key: c.Key, Host: c.Host, Verdict: c.Verdict, Reasons: c.Reasons, Removal: c.Removal, HeldBy: c.HeldBy, Displaced: c.Displaced != nil, kept: c.Kept})
		}
	}
	return out
}

// gather puts changes, which come app by app, together.
func gather(changes []Effect) (apps []AppEffects, all Counts) {
	for _, c := range changes {
		if len(apps) == 0 || apps[len(apps)-1].Name != c.Key.App {
			apps = append(apps, AppEffects{Name: c.Key.App})
		}
		app := &apps[len(apps)-1]
		app.Effects = append(app.Effects, c)
		app.Counts.Add(&c)
		all.Add(&c)
	}
	return apps, all
}
