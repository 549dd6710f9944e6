package reconcile

import (
	"context"
	"slices"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// BenchmarkGoBackOneOfThousand is all that is decided between the look that shows
// a failed container and the first op of the way back, where one service of a
// thousand was changed: that the rollout has failed, what the app is held to
// now, and what that takes.
func BenchmarkGoBackOneOfThousand(b *testing.B) {
	v, good := failedFleet(b)
	renderings := map[rollout.Rendering]rollout.Rendered{{App: good.Name, Revision: good.Revision}: {App: good}}
	b.ReportAllocs()
	for b.Loop() {
		failed := Decide(v)
		standing := failed.Rollout.State.Standings[good.Name]
		if standing.Hold == nil {
			b.Fatalf("the rollout has not failed: %+v", failed.Rollout.State.Records[good.Name])
		}
		read := *standing.Hold
		read.LogRead = true // in the background, meanwhile
		standing.Hold = &read
		failed.Rollout.State.Standings[good.Name] = standing
		choice := rollout.Choose(rollout.ChooseInput{Target: v.Desired, Renderings: renderings, State: failed.Rollout.State, Now: v.Now})
		back := v
		back.Desired, back.State = choice.Desired, choice.State
		if d := Decide(back); len(d.Rollout.Tasks) != 1 {
			b.Fatalf("%d tasks begin, want 1: the removal of what has failed", len(d.Rollout.Tasks))
		}
	}
}

// failedFleet is a fleet of 1,000 services in which the first replica of a new
// commit has ended, and the commit's app as it was before.
func failedFleet(b *testing.B) (View, *model.App) {
	v, hosts := simulated(b, 20_000)
	v.State.Standings = map[string]rollout.Standing{}
	good := &v.Desired.Apps[100]
	good.Revision, good.OnFailure = v.Desired.Revision, model.OnFailureRollback
	v.State.Standings[good.Name] = rollout.Standing{Good: &rollout.Good{Revision: good.Revision, Digest: good.Digest}}

	target := *v.Desired
	target.Revision, target.Apps = "bad", slices.Clone(target.Apps)
	app := &target.Apps[100]
	app.Revision, app.Digest, app.Services = "bad", "bad", slices.Clone(app.Services)
	s := &app.Services[2]
	s.Container.Image = "registry.example.com/web:1.4.3"
	s.Fingerprint = model.Fingerprint(s.Container)
	for i := range v.Live.Hosts {
		v.Live.Hosts[i].Images = map[string]string{s.Container.Image: "sha256:2"}
		hosts[v.Live.Hosts[i].Name].Load(sim.TestImage(s.Container.Image))
	}
	v.Desired = &target

	d := Decide(v)
	if len(d.Rollout.Tasks) != 1 {
		b.Fatalf("%d tasks begin, want 1", len(d.Rollout.Tasks))
	}
	v.State = d.Rollout.State
	var made model.CreateContainer
	for _, op := range d.Rollout.Tasks[0].Ops {
		if err := hosts[op.On()].Do(context.Background(), op, nil); err != nil {
			b.Fatal(err)
		}
		if create, ok := op.(model.CreateContainer); ok {
			made = create
		}
	}
	if err := hosts[made.Host].Crash(made.Owner.Name, 3); err != nil {
		b.Fatal(err)
	}
	observe(b, &v, hosts)
	return v, good
}
