package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/place"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// TestAPlanSaysWhoGivesWay: what runs and ends for a higher priority is not merely
// blocked; what does not run yet is.
func TestAPlanSaysWhoGivesWay(t *testing.T) {
	by := &place.Displaced{Host: "edge-2", App: "bank", Service: "ledger", Slot: "1", Priority: 9}
	p := &plan.Plan{Changes: []plan.Change{
		{Key: replica("web", "1"), Verdict: plan.Blocked, Displaced: by, Reasons: []string{by.String(), "no host for web-1"}, Steps: []plan.Step{{Op: model.StopContainer{}}}},
		{Key: replica("web", "2"), Verdict: plan.Blocked, Displaced: by, Reasons: []string{"no host for web-2"}},
	}}
	var got bytes.Buffer
	if err := PlanText(&got, p, Revision{}, Style{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"    ↓ web-1  edge-2  makes room on edge-2 for bank/ledger-1 (priority 9 over 0); no host for web-1\n",
		"    ! web-2  -       no host for web-2\n", "\n1 to give way, 1 blocked; 0 unchanged\n",
	} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("got\n%s\nwithout %q", got.String(), want)
		}
	}
}
