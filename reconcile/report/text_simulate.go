package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/whatif"
)

// Asked is what a simulation is about.
type Asked struct {
	Target   Revision
	Question whatif.Question
}

// SimulationText writes for people what would become of the fleet.
func SimulationText(w io.Writer, r *whatif.Simulation, s Asked, style Style) error {
	t := &text{Style: style}
	t.line("%s", t.paint(bold, "Simulation of "+revisionText(s.Target)+questionText(s.Question)))
	t.moves(r)
	t.waits(r)
	t.changedHosts(r)
	t.gap()
	t.line("%s", simulationCounts(r))
	t.simulatedTime(r)
	return t.to(w)
}

func questionText(q whatif.Question) string {
	var parts []string
	if len(q.Without) > 0 {
		parts = append(parts, "without "+strings.Join(q.Without, ", "))
	}
	var added []string
	for _, a := range q.Add {
		added = append(added, a.Host.Name)
	}
	if len(added) > 4 {
		added = []string{model.Count(len(added), "more host", "more hosts")}
	}
	if len(added) > 0 {
		parts = append(parts, "with "+strings.Join(added, ", "))
	}
	if len(parts) == 0 {
		return ""
	}
	return ", " + strings.Join(parts, ", ")
}

func (t *text) moves(r *whatif.Simulation) {
	var rows [][]cell
	app := ""
	for _, m := range r.Moves {
		if m.App != app {
			app = m.App
			rows = append(rows, []cell{colored("app "+app, bold)})
		}
		sign, color := moveSign(m)
		rows = append(rows, []cell{colored("  "+sign+" "+m.Service+"-"+m.Slot, color), word(moveText(m)), word(clean(m.Why))})
	}
	if len(rows) > 0 {
		t.gap()
		t.table("", rows)
	}
}

// moveSign is as in a plan; → is for what goes to another host.
func moveSign(m whatif.Relocation) (sign, color string) {
	switch {
	case m.From == "":
		return "+", green
	case m.To == "":
		return "-", alarm
	case m.From == m.To:
		return "±", yellow
	}
	return "→", yellow
}

func moveText(m whatif.Relocation) string {
	switch {
	case m.From == "" || m.From == m.To:
		return m.To
	case m.To == "":
		return m.From
	}
	return m.From + " → " + m.To
}

func (t *text) waits(r *whatif.Simulation) {
	if len(r.Waits) == 0 {
		return
	}
	t.gap()
	t.line("%s", t.paint(alarm, "DOES NOT FIT, OR WAITS"))
	var rows [][]cell
	for _, w := range r.Waits {
		rows = append(rows, []cell{colored("  ! "+w.Thing, purple), word(clean(w.Why))})
	}
	t.table("", rows)
}

// changedHosts are those that would have more or fewer replicas.
func (t *text) changedHosts(r *whatif.Simulation) {
	rows := [][]cell{header("HOST", "REPLICAS", "THEN")}
	for _, h := range r.Hosts {
		if h.Before == h.After && !h.Lost {
			continue
		}
		then := fmt.Sprint(h.After)
		if h.Lost {
			then = "lost"
		}
		rows = append(rows, []cell{word(h.Name), word(fmt.Sprint(h.Before)), word(then)})
	}
	if len(rows) > 1 {
		t.gap()
		t.table("", rows)
	}
}

// simulationCounts is a simulation in one line.
func simulationCounts(r *whatif.Simulation) string {
	n := map[string]int{}
	for _, m := range r.Moves {
		sign, _ := moveSign(m)
		n[sign]++
	}
	var parts []string
	for _, of := range []struct{ sign, one, many string }{
		{"→", "moves", "move"}, {"+", "is created", "are created"}, {"±", "is replaced", "are replaced"}, {"-", "goes", "go"},
	} {
		if n[of.sign] > 0 {
			parts = append(parts, model.Count(n[of.sign], of.one, of.many))
		}
	}
	parts = append(append(parts, waitCounts(r)...), model.Count(r.Stay, "stays as it is", "stay as they are"))
	return strings.Join(parts, ", ")
}

// waitCounts tells replicas and runs of jobs, which all other counts are of, from
// what they need and from the apps that they are of.
func waitCounts(r *whatif.Simulation) []string {
	var replicas, things, apps int
	for i := range r.Waits {
		switch r.Waits[i].Kind {
		case plan.KindReplica, plan.KindRun:
			replicas++
		case whatif.KindApp:
			apps++
		default:
			things++
		}
	}
	var parts []string
	for _, of := range []struct {
		n         int
		one, many string
	}{
		{replicas, "does not fit or waits", "do not fit or wait"},
		{things, "image, network or volume waits", "images, networks or volumes wait"},
		{apps, "rollout fails", "rollouts fail"},
	} {
		if of.n > 0 {
			parts = append(parts, model.Count(of.n, of.one, of.many))
		}
	}
	return parts
}

// simulatedTime says how long it would take, and what that is made of.
func (t *text) simulatedTime(r *whatif.Simulation) {
	if r.Starts > 0 {
		t.line("It would take about %s for %s to start, at %.3g starts per second on each host and %s for an image that a host lacks.",
			roughly(r.Took), model.Count(r.Starts, "container", "containers"), r.StartsPerSecond, r.PullTime)
	}
	if r.Noticed > 0 {
		t.line("Before that a controller takes %s to give up what fell silent.", roughly(r.Noticed))
	}
	for _, host := range slices.Sorted(maps.Keys(r.Withheld)) {
		t.line("%s", t.paint(alarm, "A controller would not give up "+host+" by itself: "+clean(r.Withheld[host])))
	}
	t.line("Nothing was changed.")
}

// roughly rounds to what a simulation can know.
func roughly(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}
