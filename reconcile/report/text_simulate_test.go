package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/whatif"
)

// What replicas need is not counted among the replicas, and one is told as one.
func TestASimulationIsCountedByWhatItIsOf(t *testing.T) {
	for want, r := range map[string]whatif.Simulation{
		"1 moves, 1 is created, 1 is replaced, 1 goes, 1 stays as it is": {Stay: 1, Moves: []whatif.Relocation{
			{Service: "a", From: "x", To: "y"}, {Service: "b", To: "y"}, {Service: "c", From: "x", To: "x"}, {Service: "d", From: "x"},
		}},
		"1 does not fit or waits, 2 images, networks or volumes wait, 1 rollout fails, 0 stay as they are": {Waits: []whatif.Wait{
			{Kind: plan.KindImage}, {Kind: plan.KindReplica}, {Kind: plan.KindNetwork}, {Kind: whatif.KindApp},
		}},
		"2 do not fit or wait, 3 stay as they are": {Stay: 3, Waits: []whatif.Wait{{Kind: plan.KindReplica}, {Kind: plan.KindRun}}},
	} {
		var b bytes.Buffer
		if err := SimulationText(&b, &r, Asked{}, Style{}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "\n"+want+"\n") {
			t.Errorf("%s\nwant %s", b.String(), want)
		}
	}
}
