package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// Left is something that is still on a host that is to be empty.
type Left struct {
	Name string `json:"name"` // of a replica shop/web-2, or of a job's run
	Why  string `json:"why"`
}

// emptying fills in what is left on a host that is to be empty, and what stays
// there: replicas of global services, each of which belongs to its host.
func (f *folder) emptying(h *Host) {
	if !h.Drain && !h.Leaving {
		return
	}
	for i := range f.in.Plan.Changes {
		c := &f.in.Plan.Changes[i]
		switch {
		case c.Key.Kind != plan.KindReplica || c.Orphaned || c.Verdict == plan.Unowned || !f.isOn(c, h.Name):
		case c.Host == h.Name && !c.Removal && f.global(c.Key):
			h.Staying = append(h.Staying, c.Key.String())
		default:
			h.Left = append(h.Left, Left{c.Key.String(), f.leftBecause(c, h.Name)})
		}
	}
	for _, key := range f.in.Working[h.Name] { // it may be about to get a container
		named := func(l Left) bool { return l.Name == key.String() }
		if !f.global(key) && !slices.ContainsFunc(h.Left, named) {
			h.Left = append(h.Left, Left{key.String(), "is being worked on"})
		}
	}
	h.Left = append(h.Left, f.runsOn(h.Name)...)
}

// global says whether a replica is one of a service that every host gets.
func (f *folder) global(k plan.Key) bool {
	s := f.services[[2]string{k.App, k.Service}]
	return s != nil && s.Mode == model.ModeGlobal
}

// isOn says whether a host has a container of the replica.
func (f *folder) isOn(c *plan.Change, host string) bool {
	return slices.ContainsFunc(append([]string{c.Current}, c.Old...), func(id string) bool {
		container := f.containers[id]
		return container != nil && container.Host == host
	})
}

// leftBecause says why a replica has not left the host.
func (f *folder) leftBecause(c *plan.Change, host string) string {
	waits := f.in.Rollout.Held[c.Key]
	switch {
	case c.Stays != "":
		return c.Stays
	case c.Removal:
		return withCause("is to be removed", waits)
	case c.Verdict == plan.Blocked:
		return strings.Join(c.Reasons, "; ")
	case c.Host == host:
		return withCause("is being worked on", waits)
	}
	return withCause("moves to "+c.Host, waits)
}

func withCause(what, cause string) string { return strings.TrimSuffix(what+": "+cause, ": ") }

// runsOn are the runs of jobs that are at work on a host. They end by themselves.
func (f *folder) runsOn(host string) []Left {
	var left []Left
	h := f.hosts[host]
	if h == nil {
		return nil
	}
	for i := range h.Containers {
		if c := &h.Containers[i]; c.Owner.Owner == f.in.Desired.Owner && c.Owner.Job != "" && c.Running() {
			left = append(left, Left{c.Owner.App + "/" + c.Owner.Job, "a run of the job, which goes on to its end"})
		}
	}
	return left
}

// leaving are hosts that no manifest names any more and that still have something
// of ours.
func (f *folder) leaving() []Host {
	var out []Host
	for i := range f.in.Live.Hosts {
		name := f.in.Live.Hosts[i].Name
		if !f.declared[name] {
			h := f.host(&model.Host{Name: name})
			h.Leaving = true
			f.emptying(&h)
			out = append(out, h)
		}
	}
	return out
}

// Empty says whether nothing is left on a host that is to be empty, as far as
// one can see.
func (h *Host) Empty() bool { return h.Reachable && (h.Drain || h.Leaving) && len(h.Left) == 0 }

// LeftText says what is left on a host in one line, or "": `2 left: shop/db-1: its
// volume "data" is on edge-1, which is being drained; shop/web-3: moves to edge-2`.
func (h *Host) LeftText() string {
	if len(h.Left) == 0 {
		return ""
	}
	const named = 3
	var parts []string
	for _, l := range h.Left[:min(named, len(h.Left))] {
		parts = append(parts, l.Name+": "+l.Why)
	}
	if more := len(h.Left) - named; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("%d left: %s", len(h.Left), strings.Join(parts, "; "))
}

// why is all that is to be said of a host's state.
func (h *Host) why() string {
	parts := []string{h.Error, h.LeftText(), h.overcommitted()}
	if h.Withheld != "" {
		parts = append(parts, "not given up: "+h.Withheld)
	}
	if h.Pin != nil {
		parts = append(parts, rollout.HostPinnedBecause(h.Pin))
	}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return strings.Join(parts, "; ")
}

// addDrain adds what is left on a host, and who wants that it is empty.
func (f *facts) addDrain(h *Host) {
	if h.Pin != nil {
		f.add("pinned", clean(rollout.HostPinnedBecause(h.Pin)), alarm)
	}
	for _, l := range h.Left {
		f.add("left", clean(l.Name+": "+l.Why), plain)
	}
	f.add("stays", strings.Join(h.Staying, ", "), plain)
}

// drainLines tells of a host that is to be empty, or that somebody has pinned.
func (t *text) drainLines(h *Host) {
	if h.Pin == nil && !h.Drain && !h.Leaving {
		return
	}
	t.gap()
	state, color := hostState(h)
	if h.Pin != nil {
		t.line("%s", t.paint(alarm, fmt.Sprintf("host %s is %s", h.Name, clean(rollout.HostPinnedBecause(h.Pin)))))
		t.line("  to let go: `tallyman uncordon %s --pin`", h.Name)
	}
	if !h.Drain && !h.Leaving {
		return
	}
	left := "nothing left"
	if len(h.Left) > 0 {
		left = fmt.Sprintf("%d left", len(h.Left))
	}
	t.line("%s", t.paint(color, fmt.Sprintf("host %s is %s, %s", h.Name, state, left)))
	for _, l := range h.Left {
		t.line("  %s: %s", l.Name, clean(l.Why))
	}
	if len(h.Staying) > 0 {
		t.line("  %s: mode is global, so it belongs to the host and stays", strings.Join(h.Staying, ", "))
	}
}

// planPins tells which hosts are not as the manifests say.
func (t *text) planPins(p *plan.Plan) {
	for i := range p.Pinned {
		h := &p.Pinned[i]
		t.gap()
		t.line("%s", t.paint(alarm, fmt.Sprintf("host %s is %s", h.Host, clean(rollout.HostPinnedBecause(&h.Pin)))))
		t.line("  to let go: `tallyman uncordon %s --pin`", h.Host)
	}
}

// planStuck lists the replicas that stay on hosts that they are to leave.
func (t *text) planStuck(p *plan.Plan) {
	var rows [][]cell
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Stays != "" {
			rows = append(rows, []cell{colored("  ! "+c.Key.String(), purple), word(c.Host), word(clean(c.Stays))})
		}
	}
	if len(rows) == 0 {
		return
	}
	t.gap()
	t.line("can't leave their hosts")
	t.table("", rows)
}
