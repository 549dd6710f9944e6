package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// portsOf declares services a, b, c … of one replica each with these ports.
func (w *world) portsOf(ports ...int) {
	var all []model.Service
	for i, port := range ports {
		s := publishing(service(string(rune('a'+i)), "web:1", 1), uint16(port))
		s.Update.Order = model.OrderStartFirst
		all = append(all, s)
	}
	w.declare(all...)
}

// yielding are the replicas that stop although they can't start yet.
func yielding(p Plan) string {
	var out []string
	for _, c := range p.Changes {
		if c.Yields {
			out = append(out, c.Key.Service)
		}
	}
	return strings.Join(out, " ")
}

func TestReplicasInARingOfPortsYield(t *testing.T) {
	for name, tc := range map[string]struct {
		from, to []int
		yields   string
	}{
		"swap":                      {[]int{80, 81}, []int{81, 80}, "a b"},
		"rotation":                  {[]int{80, 81, 82}, []int{81, 82, 80}, "a b c"},
		"two swaps":                 {[]int{80, 81, 82, 83}, []int{81, 80, 83, 82}, "a b c d"},
		"a chain has an end":        {[]int{80, 81, 82}, []int{81, 82, 83}, ""},
		"one hands on what it had":  {[]int{80, 81}, []int{82, 80}, ""},
		"a swap, and one before it": {[]int{80, 81, 82}, []int{81, 80, 83}, "a b"},
		"nobody moves":              {[]int{80, 81}, []int{80, 81}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld("h1")
			w.portsOf(tc.from...)
			if err := w.settle(); err != nil {
				t.Fatal(err)
			}
			w.portsOf(tc.to...)
			p := w.plan()
			if got := yielding(p); got != tc.yields {
				t.Errorf("%q yield, want %q:\n%s", got, tc.yields, p.String())
			}
			if tc.yields == "" {
				return
			}
			if err := w.settle(); err != nil {
				t.Error(err)
			}
			for i, port := range tc.to {
				c := w.container(string(rune('a'+i)) + "-1")
				if !c.Running() || c.Ports[0].Published != uint16(port) {
					t.Errorf("%s is %s on %d, want running on %d", c.Name, c.State, c.Ports[0].Published, port)
				}
			}
		})
	}
}

// TestWhoHasStoppedYieldsNoMore: a ring ends when one has given up its port, and
// from then on the others can do without stopping first.
func TestWhoHasStoppedYieldsNoMore(t *testing.T) {
	w := newWorld("h1")
	w.portsOf(80, 81)
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	w.portsOf(81, 80)
	w.container("a-1").State = model.StateExited
	if got := yielding(w.plan()); got != "" {
		t.Errorf("a has stopped, and %q yield", got)
	}
}

// TestNobodyStopsForARingThatCannotTurn: one that waits for another to be healthy
// would wait for ever, and so would an app for another app's turn.
func TestNobodyStopsForARingThatCannotTurn(t *testing.T) {
	for name, tie := range map[string]func(w *world){
		"a depends on b": func(w *world) { w.app("shop").Services[0].DependsOn = []string{"b"} },
		"b depends on a": func(w *world) { w.app("shop").Services[1].DependsOn = []string{"a"} },
	} {
		w := newWorld("h1")
		w.portsOf(80, 81)
		if err := w.settle(); err != nil {
			t.Fatal(err)
		}
		w.portsOf(81, 80)
		tie(w)
		p := w.plan()
		if got := yielding(p); got != "" {
			t.Errorf("%s: %q yield", name, got)
		}
		for _, c := range p.Changes {
			if slices.ContainsFunc(c.Steps, func(s Step) bool { _, stops := s.Op.(model.StopContainer); return stops && s.After == Now }) {
				t.Errorf("%s: %s stops first", name, c.Key)
			}
		}
	}
}
