package report

import (
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

func (t *text) planRemovals(p *plan.Plan) {
	var rows [][]cell
	for i := range p.Changes {
		c := &p.Changes[i]
		if !c.Wanted() || !c.Removal {
			continue
		}
		name := c.Key.String()
		if c.Key.Kind != plan.KindReplica {
			name = string(c.Key.Kind) + " " + c.Key.Name
		}
		rows = append(rows, changeRow("  ", c, name))
	}
	if len(rows) == 0 {
		return
	}
	t.gap()
	t.line("%s", t.paint(alarm, "REMOVALS"))
	t.table("", rows)
	t.waysThrough(p)
}

// waysThrough says what a person can do about removals that a guard holds.
func (t *text) waysThrough(p *plan.Plan) {
	held := func(by string) bool {
		return slices.ContainsFunc(p.Changes, func(c plan.Change) bool { return c.HeldBy == by })
	}
	if held(plan.HeldByCount) {
		n := countedRemovals(p)
		t.gap()
		t.line("to let go what maxRemovals holds, one of:")
		t.line("  tallyman apply --allow-removals")
		t.line("  a commit whose message ends with the line %s: %d", model.TrailerAllowRemovals, n)
		t.line("  a larger spec.sync.maxRemovals in the app's manifest")
	}
	if held(plan.HeldByProtect) {
		t.gap()
		t.line("to let go what is protected, one of:")
		t.line("  a commit that has the service back, without protect: true, and another one that removes it")
		t.line("  tallyman apply --allow-removals")
	}
}

// countedRemovals is how many removals the trailer has to allow.
func countedRemovals(p *plan.Plan) int {
	n := 0
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Removal && c.Key.Kind == plan.KindReplica && !c.Kept && c.HeldBy != plan.HeldByProtect {
			n++
		}
	}
	return n
}

// planStaying lists what is on the hosts and is left alone.
func (t *text) planStaying(p *plan.Plan) {
	t.staying(p, "not ours, left alone", func(c *plan.Change) bool { return c.Verdict == plan.Unowned })
	t.staying(p, "orphaned, left running", func(c *plan.Change) bool { return c.Orphaned })
}

func (t *text) staying(p *plan.Plan, headline string, is func(*plan.Change) bool) {
	var rows [][]cell
	for i := range p.Changes {
		c := &p.Changes[i]
		if !is(c) {
			continue
		}
		name := c.Key.Name
		if name == "" {
			name = c.Key.String()
		}
		rows = append(rows, changeRow("  ", c, name))
	}
	if len(rows) == 0 {
		return
	}
	t.gap()
	t.line("%s", headline)
	t.table("", rows)
}

// openOrphans lists what was let go of.
func (t *text) openOrphans(s *Status) {
	var rows [][]cell
	for i := range s.Orphaned {
		c := &s.Orphaned[i]
		rows = append(rows, []cell{word("    " + c.Key.String()), word(or(c.Host)), word(clean(strings.Join(c.Reasons, "; ")))})
	}
	if len(rows) == 0 {
		return
	}
	t.gap()
	t.line("orphaned, left running")
	t.table("", rows)
}
