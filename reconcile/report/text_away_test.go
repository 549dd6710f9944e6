package report

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestHostsThatGiveNoAnswerAreNamed below a plan, and those that were given up
// below what was done without them.
func TestHostsThatGiveNoAnswerAreNamed(t *testing.T) {
	var b strings.Builder
	live := model.Live{Hosts: []model.HostState{
		{Name: "edge-1", Reachable: true}, {Name: "edge-2", Error: "no answer in time"}, {Name: "edge-3", Error: "no route to host", Condition: model.Lost},
		{Name: "edge-4", Error: "is the same engine as host edge-1; register it once", SameAs: "edge-1"},
	}}
	if err := AwayText(&b, Away(&live), Style{}); err != nil {
		t.Fatal(err)
	}
	want := `
host edge-2 can't be reached: what is to be done there is not known
  no answer in time
host edge-3 is lost: what can run elsewhere is placed elsewhere
  no route to host
host edge-4 is not used
  is the same engine as host edge-1; register it once
`
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
	b.Reset()
	s := Status{Hosts: []Host{
		{Name: "edge-2", Condition: model.Unreachable}, {Name: "edge-3", Error: "no route to host", Condition: model.Lost},
		{Name: "edge-4", Condition: model.Lost, Leaving: true}, {Name: "edge-5", Reachable: true},
	}}
	if err := LostText(&b, &s); err != nil {
		t.Fatal(err)
	}
	if want := "host edge-3 is lost: what can run elsewhere is placed elsewhere\n  no route to host\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
