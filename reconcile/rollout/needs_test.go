package rollout

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// obstacles are things that a commit needs and that nobody can get: the commit,
// of which the service "web" needs the thing, and how somebody brings it.
func obstacles() map[string]func(f *fleet) (web model.Service, bring func()) {
	return map[string]func(f *fleet) (model.Service, func()){
		"image": func(f *fleet) (model.Service, func()) {
			web := declared("web", "web:9", 1)
			web.Pull = "never"
			return web, func() { f.host("h1").Images["web:9"] = "loaded" }
		},
		"network": func(f *fleet) (model.Service, func()) {
			web := f.networked(declared("web", "web:2", 1))
			f.desired.Apps[0].Networks[0].External = true
			return web, func() { f.host("h1").Networks = []model.NetworkState{{ID: "n", Name: "shop-front"}} }
		},
		"volume": func(f *fleet) (model.Service, func()) {
			web := declared("web", "web:2", 1)
			web.Container.Mounts = []model.Mount{{Kind: model.MountVolume, Source: "data", Target: "/data"}}
			f.desired.Apps[0].Volumes = []model.Volume{{App: "shop", Name: "data", HostName: "data", External: true}}
			return web, func() { f.host("h1").Volumes = []model.VolumeState{{Name: "data"}} }
		},
	}
}

// TestNothingIsReplacedForACommitThatCannotBeHad: also not the other services of
// the app, of which nothing is missing.
func TestNothingIsReplacedForACommitThatCannotBeHad(t *testing.T) {
	for thing, begin := range obstacles() {
		t.Run(thing, func(t *testing.T) {
			f := newFleet("h1")
			f.up(t, declared("db", "web:1", 2), declared("web", "web:1", 1))
			web, _ := begin(f)
			f.commit(declared("db", "web:2", 2), web)
			r := f.run(t, Failed)
			if got := f.images(""); got != "web:1 web:1 web:1" || len(f.log) > 0 {
				t.Errorf("%q runs, and this was done for nothing: %s", got, f.log)
			}
			if !strings.Contains(r.Reason, "no progress within 1m0s") && !strings.Contains(r.Reason, thing) {
				t.Errorf("it failed because %q", r.Reason)
			}
			if took := r.EndedAt.Sub(r.StartedAt); took > web.Update.Deadline+web.Update.Monitor {
				t.Errorf("it took %s, the deadline is %s", took, web.Update.Deadline)
			}
		})
	}
}

// TestARolloutGoesOnWhenSomebodyBringsWhatItLacks, within the deadline.
func TestARolloutGoesOnWhenSomebodyBringsWhatItLacks(t *testing.T) {
	for thing, begin := range obstacles() {
		t.Run(thing, func(t *testing.T) {
			f := newFleet("h1")
			f.up(t, declared("db", "web:1", 2), declared("web", "web:1", 1))
			web, bring := begin(f)
			f.commit(declared("db", "web:2", 2), web)
			for range 30 {
				f.pass()
			}
			if got := f.held("shop/db-1"); !strings.HasPrefix(got, "waits for "+thing) {
				t.Errorf("db-1 says %q", got)
			}
			bring()
			f.run(t, Complete)
			if got := f.images("db"); got != "web:2 web:2" {
				t.Errorf("%q runs of db", got)
			}
		})
	}
}

// TestHealingDoesNotAskForWhatOthersLack: a replica that has gone is made again
// although another service's image can't be had.
func TestHealingDoesNotAskForWhatOthersLack(t *testing.T) {
	f := newFleet("h1")
	web := declared("web", "web:1", 1)
	web.Pull = "never"
	f.up(t, declared("db", "web:2", 1), web)
	h := f.host("h1")
	delete(h.Images, "web:1")
	h.Containers = nil
	for range 10 {
		f.pass()
	}
	if got := f.images("db"); got != "web:2" {
		t.Errorf("db waits: %s", f.held("shop/db-1"))
	}
}
