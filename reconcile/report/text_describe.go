package report

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// DescribeText writes all that is known of what Find has found.
func DescribeText(w io.Writer, s *Status, found []any, style Style) error {
	t := &text{Style: style}
	for _, thing := range found {
		t.gap()
		switch x := thing.(type) {
		case *App:
			t.describeApp(s, x)
		case *Service:
			t.describeService(s, x)
		case *Job:
			t.describeJob(s, x)
		case *Replica:
			t.describeReplica(s, x)
		case *Host:
			t.describeHost(s, x)
		}
	}
	return t.to(w)
}

// facts is a list of names and values; what has no value is left out.
type facts struct{ rows [][]cell }

func (f *facts) add(name, value, color string) {
	if value != "" && value != "-" {
		f.rows = append(f.rows, []cell{word(name), colored(value, color)})
	}
}

// keptLines is how many log lines of a failed container are shown.
const keptLines = 10

func (t *text) describeApp(s *Status, a *App) {
	t.line("%s", t.paint(bold, "app "+a.Name))
	var f facts
	f.add("sync", string(a.Sync), syncColor(a.Sync))
	f.add("health", string(a.Health), healthColor(a.Health))
	f.add("rollout", string(a.Phase), plain)
	f.add("revision", a.Revision, plain)
	f.add("since", moment(s, a.Since), plain)
	f.add("why", clean(a.Reason), plain)
	t.addOrders(&f, s, a)
	t.table("  ", f.rows)
	if a.Failure != nil {
		t.listed("last log lines of the failed container", LogLines(a.Failure.Log, keptLines))
	}
	t.gap()
	one := &Status{Time: s.Time, Apps: []App{*a}}
	t.serviceTable(one)
	t.gap()
	t.replicaTable(s, Replicas(one))
	if len(a.Jobs) > 0 {
		t.gap()
		t.jobTable(s, a.Jobs)
	}
	t.describeChanges(s, func(c *Change) bool { return c.Key.App == a.Name })
}

// addOrders tells what the app is held to besides its rollout.
func (t *text) addOrders(f *facts, s *Status, a *App) {
	if a.Held != nil {
		f.add("branch has", a.Held.Revision, plain)
	}
	if a.Hold != nil {
		f.add("on hold", fmt.Sprintf("%s %q, since %s", short(a.Hold.Revision), clean(a.Hold.Subject), moment(s, a.Hold.Since)), alarm)
	}
	if a.Pin != nil {
		f.add("pinned", fmt.Sprintf("to %s by %s, %s", short(a.Pin.Revision), or(clean(a.Pin.By)), moment(s, a.Pin.Since)), alarm)
	}
	if a.Pause != nil {
		f.add("paused", fmt.Sprintf("by %s, %s", or(clean(a.Pause.By)), moment(s, a.Pause.Since)), alarm)
	}
}

func (t *text) describeService(s *Status, v *Service) {
	t.line("%s", t.paint(bold, "service "+v.App+"/"+v.Name))
	var f facts
	f.add("image", clean(v.Image), plain)
	f.add("mode", v.Mode, plain)
	f.add("sync", string(v.Sync), syncColor(v.Sync))
	f.add("health", string(v.Health), healthColor(v.Health))
	f.add("replicas", fmt.Sprintf("%d of %d healthy, %d new, %d old", v.Ready, v.Of, v.New, v.Old), plain)
	f.add("why", clean(v.Reason), plain)
	t.table("  ", f.rows)
	t.gap()
	t.replicaTable(s, v.Replicas)
	t.describeChanges(s, func(c *Change) bool { return c.Key.App == v.App && c.Key.Service == v.Name })
}

func (t *text) describeReplica(s *Status, r *Replica) {
	t.line("%s", t.paint(bold, "replica "+r.Key()))
	var f facts
	f.add("host", r.Host, plain)
	f.add("container", r.Container, plain)
	f.add("id", r.ID, plain)
	f.add("image", clean(r.Image), plain)
	f.add("made by", r.Revision, plain)
	f.add("state", r.State, plain)
	f.add("health", string(r.Health), healthColor(r.Health))
	f.add("since", moment(s, r.Since), plain)
	if r.Restarts > 0 {
		f.add("restarts", fmt.Sprint(r.Restarts), plain)
	}
	f.add("verdict", string(r.Verdict), plain)
	f.add("why", clean(r.Reason), plain)
	for _, c := range Differing(s) {
		if c.Key.String() != r.Key() {
			continue
		}
		for _, d := range c.Ignored {
			f.add("ignored", clean(d.String()), plain)
		}
	}
	t.table("  ", f.rows)
	t.describeMembers(s, r)
}

func (t *text) describeHost(s *Status, h *Host) {
	t.line("%s", t.paint(bold, "host "+h.Name))
	var f facts
	state, color := hostState(h)
	f.add("state", state, color)
	f.add("endpoint", h.Endpoint, plain)
	f.add("engine", h.Version, plain)
	f.add("arch", h.Arch, plain)
	f.add("cpus", h.cpuCell().text, h.cpuCell().color)
	f.add("memory", h.memoryCell().text, h.memoryCell().color)
	f.add("seen", moment(s, h.Seen), plain)
	f.add("why", clean(h.Error), plain)
	f.add("overcommitted", h.overcommitted(), alarm)
	f.addDrain(h)
	t.table("  ", f.rows)
	var here []Replica
	for _, r := range Replicas(s) {
		if r.Host == h.Name {
			here = append(here, r)
		}
	}
	t.gap()
	t.replicaTable(s, here)
	t.describeChanges(s, func(c *Change) bool { return c.Host == h.Name })
}

// describeChanges lists the open changes that concern a thing.
func (t *text) describeChanges(s *Status, concerns func(*Change) bool) {
	some := &Status{}
	for i := range s.Changes {
		if concerns(&s.Changes[i]) {
			some.Changes = append(some.Changes, s.Changes[i])
		}
	}
	t.openChanges(some)
	t.openIgnored(s, concerns)
}

// openIgnored lists in what a thing differs and may.
func (t *text) openIgnored(s *Status, concerns func(*Change) bool) {
	var rows [][]cell
	all := Differing(s)
	for i := range all {
		if !concerns(&all[i]) {
			continue
		}
		for _, d := range all[i].Ignored {
			rows = append(rows, []cell{word("    " + keyText(all[i].Key)), word(or(all[i].Host)), word(clean(d.String()))})
		}
	}
	if len(rows) == 0 {
		return
	}
	t.gap()
	t.line("differs, and is ignored")
	t.table("", rows)
}

func moment(s *Status, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return strings.Join([]string{timeText(at), "(" + since(ago(s.Time, at)) + ")"}, " ")
}
