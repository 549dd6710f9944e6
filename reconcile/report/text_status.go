package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// StatusText answers for people: is it what Git says, is it healthy, since
// when, and if not, why.
func StatusText(w io.Writer, s *Status, style Style) error {
	t := &text{Style: style}
	t.statusHead(s)
	t.gap()
	t.appTable(s)
	t.gap()
	t.serviceTable(s)
	if list := Jobs(s); len(list) > 0 {
		t.gap()
		t.jobTable(s, list)
	}
	if len(s.Previews) > 0 {
		t.gap()
		t.previewTable(s)
	}
	t.statusHosts(s)
	t.openChanges(s)
	t.openOrphans(s)
	if s.Unattended != "" {
		t.gap()
		t.line("%s", t.paint(yellow, clean(s.Unattended)))
	}
	return t.to(w)
}

func (t *text) statusHead(s *Status) {
	if s.Simulated != "" {
		t.line("%s", t.paint(alarm, "SIMULATED: "+clean(s.Simulated)))
		t.gap()
	}
	rows := [][]cell{
		{word("owner"), word(s.Owner)},
		{word("sync"), colored(string(s.Sync), syncColor(s.Sync))},
		{word("health"), colored(string(s.Health), healthColor(s.Health))},
		{word("target"), word(revisionLine(s, s.Target))},
	}
	if s.Effective.ID != s.Target.ID {
		rows = append(rows, []cell{word("effective"), word(revisionLine(s, s.Effective))})
	}
	if s.Busy > 0 {
		rows = append(rows, []cell{word("at work"), word("on " + model.Count(s.Busy, "thing", "things"))})
	}
	for _, line := range pullTexts(s) {
		rows = append(rows, []cell{word(""), word(line)})
	}
	t.table("", rows)
	t.trouble("nothing is decided yet", s.Undecided)
	t.trouble("the target is not in force", s.SourceError)
	t.trouble("Git can't be read; what is held to may be out of date", s.FetchError)
	t.failingForge(s)
	t.failingNotifications(s)
	t.imagePolicies(s)
}

// trouble is a headline and what it is about, if there is any.
func (t *text) trouble(headline, about string) {
	if about == "" {
		return
	}
	t.gap()
	t.line("%s", t.paint(alarm, headline))
	for line := range strings.Lines(about) {
		t.line("  %s", clean(line))
	}
}

func revisionLine(s *Status, r Revision) string {
	if r.ID == "" {
		return "-"
	}
	line := short(r.ID)
	if r.Subject != "" {
		line += fmt.Sprintf(" %q", clean(r.Subject))
	}
	if r.Author != "" {
		line += " by " + clean(r.Author)
	}
	if !r.Time.IsZero() {
		line += ", " + since(ago(s.Time, r.Time))
	}
	return line
}

func since(age string) string {
	if age == "now" || age == "-" {
		return age
	}
	return age + " ago"
}

func (t *text) appTable(s *Status) {
	rows := [][]cell{header("APP", "SYNC", "HEALTH", "ROLLOUT", "REVISION", "SINCE", "WHY")}
	for i := range s.Apps {
		a := &s.Apps[i]
		rows = append(rows, []cell{
			word(a.Name), colored(string(a.Sync), syncColor(a.Sync)), colored(string(a.Health), healthColor(a.Health)),
			word(or(string(a.Phase))), word(or(short(a.Revision))), word(ago(s.Time, a.Since)), word(clean(a.Reason)),
		})
	}
	t.table("", rows)
}

func (t *text) serviceTable(s *Status) {
	rows := [][]cell{header("SERVICE", "HEALTHY", "NEW", "OLD", "IMAGE", "SYNC", "HEALTH", "WHY")}
	for i := range s.Apps {
		for j := range s.Apps[i].Services {
			rows = append(rows, serviceRow(&s.Apps[i].Services[j]))
		}
	}
	t.table("", rows)
}

func serviceRow(v *Service) []cell {
	return []cell{
		word(v.App + "/" + v.Name), word(fmt.Sprintf("%d of %d", v.Ready, v.Of)), word(fmt.Sprint(v.New)), word(fmt.Sprint(v.Old)),
		word(clean(v.Image)), colored(string(v.Sync), syncColor(v.Sync)), colored(string(v.Health), healthColor(v.Health)), word(clean(v.Reason)),
	}
}

// statusHosts lists only the hosts that something is wrong with: `get hosts`
// lists them all.
func (t *text) statusHosts(s *Status) {
	for i := range s.Hosts {
		h := &s.Hosts[i]
		t.drainLines(h)
		if over := h.overcommitted(); over != "" {
			t.gap()
			t.line("%s", t.paint(alarm, "host "+h.Name+" is overcommitted"))
			t.line("  %s", over)
		}
		if h.Reachable {
			continue
		}
		t.gap()
		t.line("%s", t.paint(alarm, "host "+h.Name+" "+absence(h)))
		t.line("  %s; last look: %s", clean(or(h.Error)), since(ago(s.Time, h.Seen)))
		if h.Withheld != "" {
			t.line("  not given up: %s", clean(h.Withheld))
		}
	}
}

// absence says what is made of a host that gives no answer.
func absence(h *Host) string {
	if h.SameAs != "" {
		return "is not used"
	}
	switch h.Condition {
	case model.Lost:
		return "is lost: what can run elsewhere is placed elsewhere"
	case model.Ready:
		return "gives no answer"
	}
	return "is unreachable"
}

// openChanges lists what is still to be done, with why it waits.
func (t *text) openChanges(s *Status) {
	var rows [][]cell
	for i := range s.Changes {
		change := &s.Changes[i]
		symbol, color := symbolOf(change.Verdict)
		why := strings.Join(change.Reasons, "; ")
		if change.Held != "" && !strings.Contains(why, change.Held) {
			why += "; " + waitText(change.Held)
		}
		rows = append(rows, []cell{
			colored("  "+symbol+" "+keyText(change.Key), color), word(or(change.Host)), word(clean(strings.TrimPrefix(why, "; "))),
		})
	}
	if len(rows) == 0 {
		return
	}
	t.gap()
	t.line("still to be done")
	t.table("", rows)
}

// waitText says that something waits, once.
func waitText(held string) string {
	if strings.HasPrefix(held, "waits ") {
		return held
	}
	return "waits: " + held
}

func keyText(k plan.Key) string {
	if k.Kind == plan.KindReplica || k.Kind == plan.KindRun {
		return k.String()
	}
	return string(k.Kind) + " " + k.Name
}
