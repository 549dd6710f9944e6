package reconcile

import (
	"fmt"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/policy"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// permit says whether anything may begin of the one revision that `apply` brings:
// its plan is held to the rules about plans once, before all else.
func (c *Controller) permit(now time.Time) bool {
	if !c.cfg.Manual || c.permitted {
		return true
	}
	known, broken := c.keepsRules(now, c.cfg.AllowRemovals)
	if broken != nil {
		c.source.refused = broken
	}
	c.permitted = known && broken == nil
	return c.permitted
}

// grantRequests holds what people asked a running controller for to the same
// rules, and says whether a request is in force that was not before.
func (c *Controller) grantRequests(now time.Time) (granted bool) {
	var early []waiter
	for _, w := range c.unjudged {
		switch known, broken := c.keepsRules(now, w.allowRemovals); {
		case !known:
			early = append(early, w)
		case broken != nil:
			w.answer <- broken
		default:
			c.grant(w)
			granted = true
		}
	}
	c.unjudged = early
	return granted
}

// keepsRules judges the plan of all that the branch asks for, also of apps that
// have to wait for others, as `tallyman plan` prints it. It is not known yet while
// a host has not been looked at, or a revision not been read.
func (c *Controller) keepsRules(now time.Time, allowRemovals bool) (known bool, broken error) {
	rules := c.source.desired.PlanRules
	if len(rules) == 0 {
		return true, nil
	}
	for _, h := range c.hosts {
		if !h.looked {
			return false, nil
		}
	}
	state := c.memory.Clone()
	for app := range state.Records {
		state.GoOn(app)
	}
	choice := rollout.Choose(rollout.ChooseInput{Target: c.source.desired, Renderings: c.rendered, State: state, Now: now, Manual: true, Unordered: true})
	if missing := c.rendered.missing(choice.Renderings); len(missing) > 0 {
		c.needed = append(c.needed, missing...)
		poke(c.render)
		return false, nil
	}
	v := c.view(now, choice.State)
	v.Desired, v.Manual, v.AllowRemovals = choice.Desired, true, allowRemovals
	p := Decide(v).Plan
	violations := policy.CheckPlan(rules, &p)
	if len(violations) == 0 {
		return true, nil
	}
	return true, fmt.Errorf("the plan of revision %s breaks a policy, and nothing of it was begun; `tallyman plan` shows it:\n%s", short(p.Revision), violationLines(violations))
}

func violationLines(violations []policy.Violation) string {
	var out []string
	for _, v := range violations {
		out = append(out, v.String())
	}
	return strings.Join(out, "\n")
}
