package rollout

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestWhatHasNoHostAnywayIsNoFaultOfTheCommit: the host of one replica is gone. A
// commit that changes another service ends well without it, and is no reason to go
// back; a commit that asks for more of the same is judged by it.
func TestWhatHasNoHostAnywayIsNoFaultOfTheCommit(t *testing.T) {
	big := func(replicas int) model.Service {
		s := declared("big", "web:1", replicas)
		s.Placement.Constraints = []model.Constraint{{Attribute: "host.name", Operator: "==", Value: "h2"}}
		return s
	}
	f := newFleet("h1", "h2")
	f.up(t, declared("web", "web:1", 2), big(1))
	f.desired.Hosts, f.live.Hosts = f.desired.Hosts[:1], f.live.Hosts[:1]
	f.commit(declared("web", "web:2", 2), big(1))
	f.run(t, Complete)
	if got := f.images("web"); !strings.Contains(got, "web:2") || strings.Contains(got, "web:1") {
		t.Errorf("%q runs of the service that was changed", got)
	}
	if f.state.Standings["shop"].Hold != nil {
		t.Error("the commit is held back")
	}
	f.commit(declared("web", "web:2", 2), big(2))
	if r := f.run(t, Failed); !strings.Contains(r.Reason, "no host for big-1") {
		t.Errorf("a commit that asks for more where there is nothing fails because %q", r.Reason)
	}
}
