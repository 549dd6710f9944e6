package plan

import (
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestWhatCanNotCoexistStopsFirst: the old container stops before the new one
// starts where both would hold a volume, and where both share the host's network,
// and the start says what has to be free.
func TestWhatCanNotCoexistStopsFirst(t *testing.T) {
	for name, tc := range map[string]struct {
		change  func(*model.Service)
		first   string
		holding int
	}{
		"nothing in common": {func(*model.Service) {}, "start", 0},
		"an exclusive volume": {func(s *model.Service) {
			s.Container.Mounts = []model.Mount{{Kind: model.MountVolume, Source: "shop-data", Target: "/data", ReadOnly: true}}
			s.Holds = []model.Hold{{Volume: "data", HostName: "shop-data"}}
			s.Update.Order = model.OrderStartFirst // which validate refuses
		}, "stop", 1},
		"the host's network": {func(s *model.Service) {
			s.Container.Networks = []model.Attachment{{Network: model.HostNetwork}}
		}, "stop", 0},
		"the host's network, start-first in so many words": {func(s *model.Service) {
			s.Container.Networks = []model.Attachment{{Network: model.HostNetwork}}
			s.Update.Order = model.OrderStartFirst
		}, "start", 0},
	} {
		w := newWorld("h1")
		web := service("web", "web:1", 1)
		tc.change(&web)
		w.declare(web)
		if len(web.Container.Mounts) > 0 {
			w.app("shop").Volumes = []model.Volume{{App: "shop", Name: "data", HostName: "shop-data", Driver: "local", Exclusive: true}}
		}
		if err := w.settle(); err != nil {
			t.Fatal(err)
		}
		web.Container.Image = "web:2"
		w.declare(web)
		p := w.plan()
		first := ""
		for _, op := range p.Ops() {
			if start, ok := op.(model.StartContainer); ok && len(start.Holds) != tc.holding {
				t.Errorf("%s: the start holds %v", name, start.Holds)
			}
			if verb := model.Verb(op); first == "" && (verb == "stop" || verb == "start") {
				first = verb
			}
		}
		if first != tc.first {
			t.Errorf("%s: the first is to %s, want %s:\n%s", name, first, tc.first, p.String())
		}
	}
}
