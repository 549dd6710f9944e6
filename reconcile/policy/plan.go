package policy

import (
	"strings"

	"github.com/tallyman-io/tallyman/manifest/rule"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// CheckPlan judges a plan by the rules about plans.
func CheckPlan(rules []model.PlanRule, p *plan.Plan) []Violation {
	var broken []Violation
	if len(rules) == 0 {
		return nil
	}
	values := map[string]any{"plan": seen(p)}
	for _, r := range rules {
		message := ""
		compiled, err := rule.OfPlans().Compile(r.Assert)
		if err == nil {
			message, err = verdict(compiled, values, r.Message)
		}
		if err != nil {
			message = unjudged(r.Message, err)
		}
		if message != "" {
			broken = append(broken, Violation{Policy: r.Policy, Rule: r.Assert, Message: message, Where: "plan"})
		}
	}
	return broken
}

// seen is the plan as rules see it.
func seen(p *plan.Plan) rule.Plan {
	var out rule.Plan
	for i := range p.Changes {
		c := &p.Changes[i]
		if !c.Wanted() {
			continue
		}
		removal := c.Removal && !c.Kept
		out.Changes = append(out.Changes, rule.Change{
			Kind: string(c.Key.Kind), App: c.Key.App, Service: c.Key.Service, Name: nameOf(c.Key), Host: c.Host,
			Verdict: string(c.Verdict), Reason: strings.Join(c.Reasons, "; "), Removal: removal,
		})
		count(&out, c.Verdict)
		if removal {
			out.Remove++
		}
	}
	return out
}

// count leaves removals to those who know which of them are the end of something.
func count(out *rule.Plan, v plan.Verdict) {
	switch v {
	case plan.Create:
		out.Create++
	case plan.Update:
		out.Update++
	case plan.Replace:
		out.Replace++
	case plan.Run:
		out.Run++
	case plan.Blocked:
		out.Blocked++
	}
}

func nameOf(k plan.Key) string {
	if k.Kind == plan.KindReplica || k.Kind == plan.KindRun {
		return k.Service + "-" + k.Slot
	}
	return k.Name
}
