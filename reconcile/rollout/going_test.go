package rollout

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// A commit removes what has the room that another service needs: the new one is
// made, the old one goes, and only then the new one starts.
func TestANewServiceWaitsForTheRoomOfOneThatGoes(t *testing.T) {
	f := newFleet("h1")
	f.sizes(100)
	f.up(t, reserving(declared("aa", "web:1", 1), 70, 0))
	f.commit(reserving(behaving(declared("bb", "web:1", 1), "healthy"), 70, 0))
	f.runs(t, 60, nil)
	if f.where("aa") != "" || f.where("bb") != "h1" || f.record().Phase != Complete {
		t.Fatalf("aa is on %q, bb on %q\n%s", f.where("aa"), f.where("bb"), f.plan.String())
	}
	made, stopped, started := slices.Index(f.log, "create bb-1"), slices.Index(f.log, "stop aa-1"), slices.Index(f.log, "start bb-1")
	if made < 0 || made > stopped || stopped > started {
		t.Errorf("not made, stopped, started in this order:\n%s", strings.Join(f.log, "\n"))
	}
}

func TestNoMoreGoesAheadOfTimeThanMust(t *testing.T) {
	f := newFleet("h1")
	f.sizes(100)
	f.up(t, reserving(declared("aa", "web:1", 3), 30, 0))
	f.commit(reserving(behaving(declared("bb", "web:1", 1), "slow"), 35, 0))
	f.runs(t, 20, map[string]int{"aa": 2})
	f.runs(t, 60, nil)
	if f.where("aa") != "" || f.where("bb") != "h1" {
		t.Errorf("aa is on %q, bb on %q", f.where("aa"), f.where("bb"))
	}
}

// The replicas of an app that has gone keep their room until they are away, also
// while a guard holds them; and they are told.
func TestAnAppThatHasGoneKeepsItsRoomWhileItIsThere(t *testing.T) {
	for name, held := range map[string]bool{"it goes": false, "its removal is held": true} {
		t.Run(name, func(t *testing.T) {
			f := newFleet("h1")
			f.sizes(100)
			f.up(t)
			f.bank(reserving(declared("ledger", "web:1", 2), 50, 0))
			f.runs(t, 20, nil)
			f.desired.Apps = slices.DeleteFunc(f.desired.Apps, func(a model.App) bool { return a.Name == "bank" })
			if held {
				policy := model.DefaultSync()
				policy.MaxRemovals = 1
				f.policies = map[string]model.Sync{"bank": policy}
			}
			f.commit(reserving(declared("big", "web:1", 1), 70, 0))
			f.runs(t, 20, nil)
			if !held {
				if f.where("big") != "h1" || f.where("ledger") != "" {
					t.Errorf("big is on %q, ledger on %q", f.where("big"), f.where("ledger"))
				}
				return
			}
			if why := f.held("shop/big-1"); f.where("ledger") != "h1 h1" || why != "waits for bank/ledger-1 to make room" {
				t.Errorf("ledger is on %q, and big is held because %q", f.where("ledger"), why)
			}
		})
	}
}

// Who waits may be of an app that is decided about later.
func TestAnAppThatIsNotThereYetMakesRoomForALaterOne(t *testing.T) {
	f := newFleet("h1")
	f.sizes(100)
	f.up(t)
	f.bank(reserving(declared("ledger", "web:1", 1), 70, 0))
	f.runs(t, 20, nil)
	f.bank(behaving(declared("slow", "web:1", 1), "never"))
	f.commit(reserving(behaving(declared("big", "web:1", 1), "healthy"), 70, 0))
	f.runs(t, 15, nil)
	if f.where("ledger") != "" || f.where("big") != "h1" || f.state.Records["bank"].Phase != Progressing {
		t.Errorf("ledger is on %q, big on %q, and bank is %s", f.where("ledger"), f.where("big"), f.state.Records["bank"].Phase)
	}
}

// A replica that is replaced on its own host does not wait for itself, and where a
// second copy would be too much beside what the commit removes, that goes first.
func TestASecondCopyWaitsForTheSurplus(t *testing.T) {
	f := newFleet("h1")
	f.sizes(100)
	web := reserving(behaving(declared("web", "web:1", 1), "healthy"), 30, 0)
	f.up(t, web, reserving(declared("aa", "web:1", 1), 60, 0))
	web.Container.Image = "web:2"
	f.commit(web)
	f.runs(t, 60, map[string]int{"web": 1})
	if got := f.images("web"); got != "web:2" || f.where("aa") != "" {
		t.Errorf("web runs %s, and aa on %q\n%s", got, f.where("aa"), f.plan.String())
	}
}

// Something bad never happens, whatever one commit takes away and another brings
// back: nothing starts where there is no room for it, and all that fits comes up.
func TestComingAndGoingNeverOvercommitsAHost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFleet("h1", "h2", "h3")
		f.sizes(rapid.Int64Range(4, 9).Draw(t, "h1"), rapid.Int64Range(4, 9).Draw(t, "h2"), rapid.Int64Range(4, 9).Draw(t, "h3"))
		f.allow = true
		for range rapid.IntRange(2, 5).Draw(t, "commits") {
			f.commit(drawn(t, "a", "b", "c")...)
			f.bank(drawn(t, "d", "e")...)
			for range rapid.IntRange(1, 90).Draw(t, "passes") {
				f.pass()
				f.crowdless(t)
			}
		}
		f.bank()
		f.commit()
		for range 90 {
			f.pass()
			f.crowdless(t)
		}
		fits := reserving(behaving(declared("f", "web:1", 1), "healthy"), 4, 0)
		f.commit(fits)
		f.runs(t, 90, nil)
		f.log = nil
		f.runs(t, 30, nil)
		if f.where("f") == "" || len(f.log) > 0 {
			t.Fatalf("f is on %q, and still going on:\n%s\n%s", f.where("f"), strings.Join(f.log, "\n"), f.plan.String())
		}
	})
}

// crowdless checks that no host has more replicas than it has room for. Second copies
// of a replica do not count.
func (f *fleet) crowdless(t *rapid.T) {
	for _, h := range f.live.Hosts {
		replicas, used := map[[3]string]bool{}, int64(0)
		for i := range h.Containers {
			c := &h.Containers[i]
			key := [3]string{c.Owner.App, c.Owner.Service, c.Owner.Slot}
			if c.Running() && !replicas[key] {
				replicas[key], used = true, used+c.Reserve().Memory
			}
		}
		if used > h.Info.Memory {
			t.Fatalf("%s has %d, and %d of it are reserved by what runs\n%s\n%s", h.Name, h.Info.Memory, used, strings.Join(f.log, "\n"), f.plan.String())
		}
	}
}

// drawn are some of the named services, which reserve something.
func drawn(t *rapid.T, names ...string) (services []model.Service) {
	for _, name := range names {
		replicas := rapid.IntRange(0, 3).Draw(t, name)
		if replicas > 0 {
			s := behaving(declared(name, rapid.SampledFrom([]string{"web:1", "web:2"}).Draw(t, name+" image"), replicas), "healthy")
			services = append(services, reserving(s, map[string]int64{"a": 1, "b": 2, "c": 3, "d": 2, "e": 4}[name], 0))
		}
	}
	return services
}
