package rollout

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

func publishing(s model.Service) model.Service {
	s.Container.Ports = []model.Port{{Container: 8080, Published: 80, Protocol: "tcp"}}
	return s
}

func TestRemovalsComeAfterTheNewIsHealthy(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("old", "web:1", 1))
	f.commit(behaving(declared("new", "web:1", 1), "slow"))
	for range 20 {
		f.pass()
	}
	if got := f.images("old"); got != "web:1" {
		t.Errorf("the old service went first")
	}
	if got := f.held("shop/old-1"); got != "goes when the other replicas are healthy" {
		t.Errorf("says %q", got)
	}
	f.run(t, Complete)
	if got := f.images("old"); got != "" {
		t.Errorf("the old service still runs")
	}
}

func TestRemovalsDoNotComeWhenTheNewFails(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("old", "web:1", 1))
	f.commit(behaving(declared("new", "web:1", 1), "exit"))
	f.run(t, Failed)
	for range 60 {
		f.pass()
	}
	if got := f.images("old"); got != "web:1" {
		t.Errorf("the old service went although the new one failed")
	}
}

func TestARemovedServiceHandsItsPortToANewOne(t *testing.T) {
	f := newFleet("h1")
	f.up(t, publishing(declared("old", "web:1", 1)))
	f.refuse = func(op model.Op) (string, bool) {
		if reason := f.portTaken(op); reason != "" {
			t.Errorf("tried to start beside the old one")
		}
		return "", false
	}
	f.commit(publishing(declared("new", "web:2", 1)))
	f.run(t, Complete)
	want := "create new-1, stop old-1, gone old-1, remove it, start new-1"
	if got := strings.Join(f.log, ", "); got != want {
		t.Errorf("was done as %q, want %q", got, want)
	}
}

// portTaken says whether a start would find its port taken.
func (f *fleet) portTaken(op model.Op) string {
	start, ok := op.(model.StartContainer)
	if !ok {
		return ""
	}
	all := f.containers("")
	i := slices.IndexFunc(all, func(c *model.Container) bool { return c.ID == start.Ref() || c.Name == start.Ref() })
	for _, c := range all {
		if c != all[i] && c.Host == all[i].Host && c.Running() && model.PortsClash(c.Ports, all[i].Ports) {
			return "port is already allocated"
		}
	}
	return ""
}

func TestThePortIsNotTakenAwayBeforeTheImageIsThere(t *testing.T) {
	f := newFleet("h1")
	f.up(t, publishing(declared("old", "web:1", 1)))
	f.refuse = refusing("pull", "manifest unknown", true)
	f.commit(publishing(declared("new", "web:9", 1)))
	f.run(t, Failed)
	f.pass()
	if got := f.images("old"); got != "web:1" {
		t.Errorf("the old service went for an image that can't be had")
	}
}

func TestAGuardedRemovalKeepsItsPort(t *testing.T) {
	f := newFleet("h1")
	f.up(t, publishing(declared("old", "web:1", 1)))
	f.desired.Apps[0].Sync.Prune = false
	f.commit(publishing(declared("new", "web:2", 1)))
	f.run(t, Failed)
	if got := f.images("old"); got != "web:1" {
		t.Errorf("prune is off, and the old service went")
	}
}

// rename gives the app another name; its services become another app's.
func (f *fleet) rename(name string) {
	app := &f.desired.Apps[0]
	app.Name = name
	for i := range app.Services {
		app.Services[i].App = name
	}
	app.Digest = model.Hash(app)
}

func TestARenamedAppGoesWhenTheNewOneIsHealthy(t *testing.T) {
	f := newFleet("h1")
	f.up(t, behaving(declared("web", "web:1", 2), "healthy"))
	f.rename("store")
	for range 60 {
		f.pass()
		ready := 0
		for _, c := range f.containers("web") {
			if c.State == model.StateRunning && c.Health == model.HealthHealthy {
				ready++
			}
		}
		if ready < 2 {
			t.Fatalf("only %d replicas serve", ready)
		}
	}
	for _, c := range f.containers("web") {
		if c.Owner.App != "store" {
			t.Errorf("%s is still there", c.Name)
		}
	}
}

func TestARenamedAppHandsItsPortOver(t *testing.T) {
	f := newFleet("h1")
	f.up(t, publishing(declared("web", "web:1", 1)))
	f.rename("store")
	for range 60 {
		f.pass()
	}
	if all := f.containers("web"); len(all) != 1 || !all[0].Running() || all[0].Owner.App != "store" {
		t.Errorf("%d containers; %s", len(all), f.plan.String())
	}
}

func TestAnAppThatComesBackIsRolledOut(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 1))
	app := f.desired.Apps[0]
	f.desired.Apps = nil
	for range 10 {
		f.pass()
	}
	if len(f.containers("")) != 0 || len(f.state.Records) != 0 { // policies go with the last that is left
		t.Fatalf("%d containers, %d records are left", len(f.containers("")), len(f.state.Records))
	}
	f.desired.Apps = []model.App{app}
	f.decide()
	if r := f.record(); r.Phase != Progressing || !r.StartedAt.Equal(f.now) {
		t.Errorf("taken for %s since %s", r.Phase, r.StartedAt)
	}
}

// TestAGoneAppsPolicyIsKept: what an app last said of itself goes on guarding
// what is left of it, also after a restart, until it comes back.
func TestAGoneAppsPolicyIsKept(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 1))
	app := f.desired.Apps[0]
	app.Sync.Auto, app.Sync.MaxRemovals = false, 3 // the digest is the same: nothing to roll
	f.desired.Apps[0] = app
	f.pass()
	if got := f.record().Sync; !reflect.DeepEqual(got, app.Sync) {
		t.Errorf("remembers %+v, want %+v", got, app.Sync)
	}
	f.desired.Apps = nil
	for range 10 {
		f.pass()
		f.restart()
	}
	if got := f.images("web"); got != "web:1" || !f.record().Gone {
		t.Errorf("%q runs, and the record says gone: %v", got, f.record().Gone)
	}
	if got := f.held("shop/web-1"); !strings.Contains(got, "sync.auto is off") {
		t.Errorf("says %q", got)
	}
	f.manual = true
	for range 10 {
		f.pass()
	}
	if got := f.containers("web"); len(got) != 0 {
		t.Error("a person asked, and it is still there")
	}
}

func TestAnAppThatComesBackBeforeItIsGoneIsRolledOut(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("web", "web:1", 1))
	app := f.desired.Apps[0]
	f.desired.Apps = nil
	f.hang = func(model.Op) bool { return true }
	f.pass()
	f.desired.Apps = []model.App{app}
	f.decide()
	if r := f.record(); !r.StartedAt.Equal(f.now) || r.Gone {
		t.Errorf("taken for %s since %s, gone: %v", r.Phase, r.StartedAt, r.Gone)
	}
}

func TestAnUnreachableHostHoldsUpNobody(t *testing.T) {
	f := newFleet("h1", "h2", "h3")
	f.up(t, behaving(declared("web", "web:1", 3), "healthy"))
	f.host("h2").Reachable = false
	f.commit(behaving(declared("web", "web:2", 3), "healthy"))
	for range 60 {
		f.pass()
	}
	if got := f.images("web"); got != "web:1 web:2 web:2" {
		t.Errorf("%q runs", got)
	}
	if f.record().Phase != Progressing {
		t.Errorf("the rollout is %s with a replica that nobody can see", f.record().Phase)
	}
	f.advance(time.Hour)
	f.host("h2").Reachable, f.host("h2").Since = true, f.now
	f.run(t, Complete)
	if got := f.images("web"); got != "web:2 web:2 web:2" {
		t.Errorf("%q runs", got)
	}
}

func TestANewGlobalServiceOutlastsAHostThatIsAway(t *testing.T) {
	f := newFleet("h1", "h2")
	f.host("h2").Reachable = false
	agent := declared("agent", "web:1", 0)
	agent.Mode = model.ModeGlobal
	f.commit(agent)
	for range 600 {
		f.pass()
	}
	if r := f.record(); r.Phase != Progressing || f.images("agent") != "web:1" {
		t.Errorf("%s: %s; %q runs", r.Phase, r.Reason, f.images("agent"))
	}
	f.host("h2").Reachable, f.host("h2").Since = true, f.now
	f.run(t, Complete)
	if got := f.images("agent"); got != "web:1 web:1" {
		t.Errorf("%q runs", got)
	}
}

func TestAHostThatComesBackLateDoesNotFailTheRollout(t *testing.T) {
	f := newFleet("h1", "h2")
	f.up(t, declared("web", "web:1", 2))
	f.host("h2").Reachable = false
	f.commit(declared("web", "web:2", 2))
	for range 1000 {
		f.pass()
	}
	f.host("h2").Reachable, f.host("h2").Since = true, f.now
	f.restart()
	for f.record().Phase == Progressing {
		f.pass()
	}
	if r := f.record(); r.Phase != Complete {
		t.Errorf("%s: %s", r.Phase, r.Reason)
	}
}

func TestAnOldContainerOnALostHostDoesNotHoldUpTheRest(t *testing.T) {
	f := newFleet("h1", "h2")
	web := declared("web", "web:1", 1)
	web.Update.Order = model.OrderStopFirst
	f.up(t, web)
	from := f.containers("web")[0].Host
	to := "h1"
	if from == to {
		to = "h2"
	}
	web.Placement.Constraints = []model.Constraint{{Attribute: "host.name", Operator: "==", Value: to}}
	f.commit(web, declared("zeta", "web:1", 1))
	f.desired.Apps[0].Services[1].DependsOn = []string{"web"}
	f.pass()
	f.host(from).Reachable = false
	for range 30 {
		f.pass()
	}
	if got := f.images("zeta"); got != "web:1" {
		t.Errorf("zeta does not run: %s", f.held("shop/zeta-1"))
	}
}

func TestCancelNamesEachTaskOnce(t *testing.T) {
	f := newFleet("h1")
	f.up(t, declared("db", "web:1", 1), declared("web", "web:1", 1))
	f.hang = func(op model.Op) bool { return model.Verb(op) == "create" }
	f.commit(declared("db", "web:2", 1), declared("web", "web:2", 1))
	f.pass()
	f.commit(declared("db", "web:3", 1), declared("web", "web:3", 1))
	r := f.decide()
	if len(r.Cancel) != 2 || r.Cancel[0] == r.Cancel[1] || !slices.IsSortedFunc(r.Cancel, plan.CompareKeys) {
		t.Errorf("cancels %v", r.Cancel)
	}
}
