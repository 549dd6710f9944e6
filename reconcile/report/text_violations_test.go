package report

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/policy"
)

func TestViolationsTextStandsBeforeThePlan(t *testing.T) {
	for want, broken := range map[string][]policy.Violation{
		"": nil,
		"breaks policy \"few\": at most 5 (plan: plan.remove <= 5 && plan.create < 9)\n`tallyman apply` refuses this.\n\n": {
			{Policy: "few", Rule: "plan.remove <= 5 &&\n  plan.create < 9\n", Message: "at most\x1b[2J 5", Where: "plan"},
		},
	} {
		var b strings.Builder
		if err := ViolationsText(&b, broken, Style{}); err != nil || strings.ReplaceAll(b.String(), "[2J", "") != want {
			t.Errorf("got %q, %v, want %q", b.String(), err, want)
		}
	}
}
