package rollout

import (
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestWhatIsNoFaultOfTheContainers: what an engine would have started again by
// itself has not failed, also when the engine, on its way down, could not start it.
func TestWhatIsNoFaultOfTheContainers(t *testing.T) {
	began := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		state  model.State
		policy string
		error  string
		fault  bool
	}{
		"stopped from outside":         {model.StateExited, "unless-stopped", "", false},
		"and always restarted":         {model.StateExited, "always", "", false},
		"not started by its engine":    {model.StateExited, "unless-stopped", "failed to update store", false},
		"ended, and not restarted":     {model.StateExited, "no", "", true},
		"ended, and restarted a while": {model.StateExited, "on-failure", "", true},
		"in a loop":                    {model.StateRestarting, "unless-stopped", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			c := model.Container{State: tc.state, ExitCode: 137, Error: tc.error, FinishedAt: began.Add(time.Minute), Spec: &model.ContainerSpec{}}
			c.Spec.Adjustable.Restart.Name = tc.policy
			if why := brokenBecause(&c, began); (why != "") != tc.fault {
				t.Errorf("it is broken because %q, want a fault: %v", why, tc.fault)
			}
		})
	}
}
