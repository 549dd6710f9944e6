package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// PlanText writes a plan for people: by app and service, one line per change
// with its symbol, its host and its cause, what is removed last and loud, and a
// line that counts.
func PlanText(w io.Writer, p *plan.Plan, target Revision, style Style) error {
	t := &text{Style: style}
	t.line("%s", t.paint(bold, "Plan for "+revisionText(target)))
	for i := range p.Held {
		t.planHeld(&p.Held[i])
	}
	for i := range p.Later {
		t.gap()
		t.line("%s", t.paint(alarm, fmt.Sprintf("app %s: serve waits: %s", p.Later[i].App, clean(p.Later[i].Reason))))
	}
	t.planPins(p)
	for _, app := range appsOf(p) {
		t.planApp(p, app)
	}
	t.planStuck(p)
	t.planRemovals(p)
	t.planStaying(p)
	t.gap()
	t.line("%s", PlanCounts(p))
	return t.to(w)
}

// planHeld says of an app that it does not go to the plan's revision, and how to
// change that.
func (t *text) planHeld(h *plan.HeldApp) {
	t.gap()
	t.line("%s", t.paint(alarm, fmt.Sprintf("app %s is held at %s: %s", h.App, short(h.At), clean(h.Reason))))
	switch h.Kind {
	case model.HeldRollback:
		t.line("  commit something better, or try it again with `tallyman retry %s`", h.App)
	case model.HeldPin, model.HeldPause:
		t.line("  to let go: `tallyman resume %s`", h.App)
	}
}

func revisionText(r Revision) string {
	s := "revision " + short(r.ID)
	if r.Subject != "" {
		s += fmt.Sprintf(" %q", clean(r.Subject))
	}
	if r.Author != "" {
		s += " by " + clean(r.Author)
	}
	return s
}

// appsOf are the plan's apps that have something to show, in its order.
func appsOf(p *plan.Plan) []string {
	var apps []string
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Wanted() && !c.Removal && (len(apps) == 0 || apps[len(apps)-1] != c.Key.App) {
			apps = append(apps, c.Key.App)
		}
	}
	return apps
}

func (t *text) planApp(p *plan.Plan, app string) {
	t.gap()
	t.line("%s", t.paint(bold, "app "+app))
	// One table for the app keeps hosts and causes in line from service to
	// service; the headings between are rows of one cell.
	var rows [][]cell
	group := ""
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Key.App != app || !c.Wanted() && c.Verdict != plan.Waits || c.Removal {
			continue
		}
		if g := groupOf(c.Key); g != group {
			group = g
			rows = append(rows, []cell{{text: "  " + g}})
		}
		rows = append(rows, changeRow("    ", c, changeName(c.Key)))
	}
	t.table("", rows)
}

func groupOf(k plan.Key) string {
	switch k.Kind {
	case plan.KindReplica:
		return "service " + k.Service
	case plan.KindRun:
		return "job " + k.Service
	}
	return string(k.Kind) + "s"
}

func changeName(k plan.Key) string {
	if k.Kind == plan.KindReplica || k.Kind == plan.KindRun {
		return k.Service + "-" + k.Slot
	}
	return k.Name
}

func changeRow(indent string, change *plan.Change, name string) []cell {
	symbol, color := symbolOf(change.Verdict)
	host := change.Host
	if change.GivesWay() {
		symbol, color, host = givesWay, yellow, change.Displaced.Host
	}
	return []cell{
		colored(indent+symbol+" "+name, color), word(or(host)), word(clean(strings.Join(change.Reasons, "; "))),
	}
}

// givesWay is the sign of a replica that ends for one of higher priority.
const givesWay = "↓"

// symbolOf is a verdict's sign: + ~ ± - as in other planners, ! for what can't
// be done.
func symbolOf(v plan.Verdict) (symbol, color string) {
	switch v {
	case plan.Create:
		return "+", green
	case plan.Update:
		return "~", yellow
	case plan.Replace:
		return "±", yellow
	case plan.Remove:
		return "-", alarm
	case plan.Blocked:
		return "!", purple
	case plan.Run:
		return ">", green
	case plan.Waits:
		return ".", dim
	case plan.Unowned:
		return "?", dim
	}
	return " ", plain
}

// PlanCounts is a plan in one line: `2 to create, 1 to replace, 1 blocked; 14 unchanged`.
func PlanCounts(p *plan.Plan) string {
	n, left, giving := map[plan.Verdict]int{}, 0, 0
	for i := range p.Changes {
		switch c := &p.Changes[i]; {
		case c.LeftAlone:
			left++
		case c.GivesWay():
			giving++
		default:
			n[c.Verdict]++
		}
	}
	var parts []string
	for _, v := range []plan.Verdict{plan.Run, plan.Create, plan.Update, plan.Replace, plan.Remove} {
		if n[v] > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n[v], v))
		}
	}
	if giving > 0 {
		parts = append(parts, fmt.Sprintf("%d to give way", giving))
	}
	if n[plan.Blocked] > 0 {
		parts = append(parts, fmt.Sprintf("%d blocked", n[plan.Blocked]))
	}
	if left > 0 {
		parts = append(parts, fmt.Sprintf("%d left alone until `tallyman apply`", left))
	}
	if len(parts) == 0 {
		return fmt.Sprintf("nothing to do; %d unchanged", n[plan.Unchanged])
	}
	return strings.Join(parts, ", ") + fmt.Sprintf("; %d unchanged", n[plan.Unchanged])
}
