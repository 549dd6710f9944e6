package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"pgregory.net/rapid"
)

// bank makes these the services of another app.
func (f *fleet) bank(services ...model.Service) {
	for i := range services {
		services[i].App, services[i].Fingerprint = "bank", model.Fingerprint(services[i].Container)
	}
	app := model.App{Name: "bank", Sync: model.DefaultSync(), Services: services}
	app.Digest = model.Hash(app)
	app.Revision = f.desired.Revision
	f.desired.Apps = append(slices.DeleteFunc(f.desired.Apps, func(a model.App) bool { return a.Name == "bank" }), app)
	slices.SortFunc(f.desired.Apps, func(a, b model.App) int { return -strings.Compare(a.Name, b.Name) }) // shop stays the first
	kept := app
	f.commits[Rendering{app.Name, app.Revision}] = Rendered{App: &kept}
}

func reserving(s model.Service, memory int64, priority int) model.Service {
	s.Reserve.Memory, s.Priority = memory, priority
	return s
}

// used is how much of a host the containers reserve that run there now.
func (f *fleet) used(host string) (used int64) {
	for _, c := range f.host(host).Containers {
		if c.Running() {
			used += c.Reserve().Memory
		}
	}
	return used
}

// runs passes for a while, and checks at each step that nothing runs where there
// is no room for it, and that a service has at least so many ready.
func (f *fleet) runs(t tester, passes int, least map[string]int) {
	t.Helper()
	for range passes {
		f.pass()
		for _, h := range f.live.Hosts {
			if used := f.used(h.Name); used > h.Info.Memory {
				t.Fatalf("%s has %d, and %d of it are reserved by what runs\n%s\n%s", h.Name, h.Info.Memory, used, strings.Join(f.log, "\n"), f.plan.String())
			}
		}
		for service, n := range least {
			if ready := f.ready(service); ready < n {
				t.Fatalf("%d of %s are ready, want %d\n%s", ready, service, n, strings.Join(f.log, "\n"))
			}
		}
	}
}

func (f *fleet) ready(service string) (n int) {
	slots := map[string]bool{}
	for _, c := range f.containers(service) {
		if Ready(c, 5*time.Second, f.now) {
			slots[c.Owner.Slot] = true
		}
	}
	return len(slots)
}

func (f *fleet) sizes(memory ...int64) {
	for i := range memory {
		f.live.Hosts[i].Info.Memory = memory[i]
	}
}

func (f *fleet) where(service string) (hosts string) {
	for _, c := range f.containers(service) {
		if c.Running() {
			hosts += c.Host + " "
		}
	}
	return strings.TrimSpace(hosts)
}

func TestADisplacedReplicaMovesBeforeTheOtherStarts(t *testing.T) {
	f := newFleet("h1", "h2")
	f.sizes(100, 50)
	low := reserving(behaving(declared("low", "web:1", 1), "healthy"), 40, 0)
	f.up(t, low)
	f.bank(reserving(declared("high", "web:1", 1), 90, 9))
	f.runs(t, 60, map[string]int{"low": 1})
	if f.where("low") != "h2" || f.where("high") != "h1" {
		t.Fatalf("low is on %q, high on %q\n%s", f.where("low"), f.where("high"), f.plan.String())
	}
	made, moved := slices.Index(f.log, "create high-1"), slices.Index(f.log, "create low-1")
	stopped, started := slices.Index(f.log, "stop low-1"), slices.Index(f.log, "start high-1")
	if made < 0 || made > moved || moved > stopped || stopped > started {
		t.Errorf("not made, moved, stopped, started in this order:\n%s", strings.Join(f.log, "\n"))
	}
	f.log = nil
	f.runs(t, 60, map[string]int{"low": 1, "high": 1})
	if len(f.log) > 0 {
		t.Errorf("and then still\n%s", strings.Join(f.log, "\n"))
	}
}

func TestADisplacedReplicaWithoutAnotherHostEnds(t *testing.T) {
	f := newFleet("h1")
	f.sizes(100)
	f.up(t, reserving(declared("low", "web:1", 2), 40, 0))
	f.bank(reserving(declared("high", "web:1", 1), 60, 9))
	f.runs(t, 60, map[string]int{"low": 1})
	if f.where("low") != "h1" || f.where("high") != "h1" || len(f.containers("low")) != 1 {
		t.Fatalf("low is on %q, high on %q\n%s", f.where("low"), f.where("high"), f.plan.String())
	}
	if slices.Index(f.log, "create high-1") > slices.Index(f.log, "stop low-2") {
		t.Errorf("stopped before it was needed:\n%s", strings.Join(f.log, "\n"))
	}

	f.bank() // and it is back when there is room again
	f.runs(t, 60, nil)
	if len(f.containers("low")) != 2 {
		t.Errorf("low is on %q\n%s", f.where("low"), f.plan.String())
	}
}

// What makes room waits for the one that needs it: an image that can't be had
// costs nobody a replica.
func TestNobodyMakesRoomForWhatCanNotBeMade(t *testing.T) {
	f := newFleet("h1")
	f.sizes(100)
	f.up(t, reserving(declared("low", "web:1", 1), 40, 0))
	f.refuse = func(op model.Op) (string, bool) {
		_, pulls := op.(model.PullImage)
		return "no such image", pulls
	}
	f.bank(reserving(declared("high", "gone:1", 1), 90, 9))
	f.runs(t, 10, map[string]int{"low": 1})
	if len(f.log) > 0 {
		t.Errorf("begun: %v", f.log)
	}
}

func TestMinHealthyHoldsForTheDisplacedToo(t *testing.T) {
	f := newFleet("h1")
	f.sizes(100)
	low := reserving(declared("low", "web:1", 2), 40, 0)
	low.Update.MinHealthy = model.Portion{N: 2}
	f.up(t, low)
	f.bank(reserving(declared("high", "web:1", 1), 60, 9))
	f.runs(t, 60, map[string]int{"low": 2})
	if why := f.held("shop/low-2"); !strings.Contains(why, "minHealthy") {
		t.Errorf("low-2 is held because %q", why)
	}
	if why := f.held("bank/high-1"); why != "waits for shop/low-2 to make room" {
		t.Errorf("high-1 is held because %q", why)
	}
}

// As many as are replaced at once have room for only one second copy: they take
// turns.
func TestSecondCopiesTakeTurnsWhereRoomIsShort(t *testing.T) {
	f := newFleet("h1")
	f.sizes(50)
	web := reserving(behaving(declared("web", "web:1", 4), "healthy"), 10, 0)
	web.Update.Parallelism = model.Portion{N: 4}
	f.up(t, web)
	web.Container.Image = "web:2"
	f.commit(web)
	f.runs(t, 60, map[string]int{"web": 4})
	if got := f.images("web"); got != "web:2 web:2 web:2 web:2" {
		t.Errorf("%s runs\n%s", got, f.plan.String())
	}
}

// What can't be begun, and waits for its next try, takes no room from those that
// can.
func TestASecondCopyThatWaitsForItsNextTryHoldsUpNoOther(t *testing.T) {
	f := newFleet("h1")
	f.sizes(50)
	web := reserving(behaving(declared("web", "web:1", 4), "healthy"), 10, 0)
	web.Update.Parallelism = model.Portion{N: 4}
	f.up(t, web)
	f.refuse = func(op model.Op) (string, bool) {
		if create, is := op.(model.CreateContainer); is && create.Owner.Slot == "1" {
			return "no space left on device", false
		}
		return "", false
	}
	web.Container.Image = "web:2"
	f.commit(web)
	f.runs(t, 30, map[string]int{"web": 4})
	if got := f.images("web"); got != "web:1 web:2 web:2 web:2" {
		t.Errorf("%s runs, and web-2 is held because %q\n%s", got, f.held("shop/web-2"), f.plan.String())
	}
}

// Something bad never happens: nothing starts where there is no room, and once
// all is done nothing goes on, whoever displaces whom.
func TestDisplacementsEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFleet("h1", "h2", "h3")
		f.sizes(rapid.Int64Range(4, 9).Draw(t, "h1"), rapid.Int64Range(4, 9).Draw(t, "h2"), rapid.Int64Range(4, 9).Draw(t, "h3"))
		service := func(name string, priority int) model.Service {
			s := declared(name, "web:1", rapid.IntRange(1, 3).Draw(t, name+" replicas"))
			return reserving(behaving(s, "healthy"), rapid.Int64Range(1, 4).Draw(t, name+" reserves"), priority)
		}
		f.commit(service("a", 0), service("b", 5))
		f.runs(t, 20, nil)
		f.bank(service("c", rapid.IntRange(0, 9).Draw(t, "priority")), service("d", 9))
		f.runs(t, 90, nil)
		f.log = nil
		f.runs(t, 30, nil)
		if len(f.log) > 0 {
			t.Fatalf("still going on:\n%s\n%s", strings.Join(f.log, "\n"), f.plan.String())
		}
	})
}
