package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// twins is a host with a replica of web on a network whose name is there twice.
func twins(t *testing.T) (*world, *model.HostState, Key) {
	t.Helper()
	w := newWorld("h1")
	web := service("web", "web:1", 1)
	web.Container.Networks = []model.Attachment{{Network: "shop-front"}}
	w.declare(web)
	w.app("shop").Networks = []model.Network{{App: "shop", Name: "front", HostName: "shop-front", Driver: "bridge"}}
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	h := w.host("h1")
	twin := h.Networks[0]
	twin.ID, twin.CreatedAt = "a-twin", dawn.Add(time.Second)
	h.Networks = append(h.Networks, twin)
	return w, h, Key{Kind: KindNetwork, App: "shop", Host: "h1", Name: "shop-front"}
}

// removed are the ids of the networks that a change removes.
func removed(c Change) []string {
	var ids []string
	for _, s := range c.Steps {
		ids = append(ids, s.Op.(model.RemoveNetwork).ID)
	}
	slices.Sort(ids)
	return ids
}

// TestOfTwoNetworksOfOneNameOneGoes: the one in use stays, or else the oldest,
// whichever is reported first.
func TestOfTwoNetworksOfOneNameOneGoes(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(first, twin *model.NetworkState)
		goes   string
	}{
		"both idle":      {func(_, _ *model.NetworkState) {}, "a-twin"},
		"first in use":   {func(first, _ *model.NetworkState) { first.InUse = true }, "a-twin"},
		"second in use":  {func(_, twin *model.NetworkState) { twin.InUse = true }, "net-shop-front"},
		"made at a time": {func(first, twin *model.NetworkState) { first.CreatedAt = twin.CreatedAt }, "net-shop-front"},
	} {
		w, h, key := twins(t)
		tc.change(&h.Networks[0], &h.Networks[1])
		for range 2 {
			slices.Reverse(h.Networks)
			c := w.planned(t, key)
			if got := removed(c); c.Verdict != Update || !slices.Equal(got, []string{tc.goes}) {
				t.Errorf("%s: it is %s and %v goes, want %s", name, c.Verdict, got, tc.goes)
			}
		}
		h.Networks = slices.DeleteFunc(h.Networks, func(n model.NetworkState) bool { return n.ID == tc.goes })
		if p := w.plan(); !p.Empty() {
			t.Errorf("%s: with it gone there is still\n%s", name, p.String())
		}
	}
}

// TestTwoNetworksThatPeopleMustTellApart: what is in use, or not ours, is not
// removed to make a name mean one thing.
func TestTwoNetworksThatPeopleMustTellApart(t *testing.T) {
	for want, change := range map[string]func(w *world, h *model.HostState){
		"containers on both":                 func(_ *world, h *model.HostState) { h.Networks[0].InUse, h.Networks[1].InUse = true, true },
		"is on the host and is not ours":     func(_ *world, h *model.HostState) { h.Networks[1].Owner = model.Ownership{} },
		"can't tell which is meant; remove":  func(w *world, _ *model.HostState) { w.app("shop").Networks[0].External = true },
		"is on the host and is not ours; re": func(_ *world, h *model.HostState) { h.Networks[0].Owner.Owner = "another" },
	} {
		w, h, key := twins(t)
		change(w, h)
		c := w.planned(t, key)
		if c.Verdict != Blocked || len(c.Steps) > 0 || !strings.Contains(strings.Join(c.Reasons, ""), want) {
			t.Errorf("it is %s because %q, want blocked because %q", c.Verdict, c.Reasons, want)
		}
	}
}

func TestTwoNetworksOfOneNameThatNobodyNeedsBothGo(t *testing.T) {
	w, _, key := twins(t)
	w.declare()
	c := w.planned(t, key)
	if got := removed(c); c.Verdict != Remove || !slices.Equal(got, []string{"a-twin", "net-shop-front"}) {
		t.Errorf("it is %s and %v goes", c.Verdict, got)
	}
	p := w.plan()
	if n := len(slices.DeleteFunc(p.Changes, func(c Change) bool { return c.Key != key })); n != 1 {
		t.Errorf("the network is in the plan %d times", n)
	}
}
