package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
)

// ProposalMarkdown is a proposal as a comment on a pull request: the counts, what
// a person should look at, then app by app what would change, and apart from that
// what is not as it should be anyway. It is no longer than limit bytes, where that
// is 8,000 at least; 0 is no limit.
func ProposalMarkdown(p *proposal.Proposal, limit int) string {
	m := &markdown{limit: limit}
	end, cut := proposalEnd(p), shortened(p, 1<<30)
	m.end = len(end) + len(cut)
	m.WriteString("### Tallyman: " + proposalHeadline(p) + "\n\n" + proposalCommits(p) + "\n\n")
	m.lines("> [!IMPORTANT]\n", "\n", invalidLines(p))
	m.lines("> [!CAUTION]\n> This is in its way:\n", "\n", failureLines(p))
	m.lines("> [!CAUTION]\n> This would be refused:\n", "\n", unverifiedLines(p))
	m.lines("> [!CAUTION]\n> This breaks policies:\n", "\n", violationLines(p))
	m.lines("> [!WARNING]\n> To be looked at twice:\n", "\n", warningLines(p))
	for i := range p.Apps {
		m.app(&p.Apps[i])
	}
	m.drift(p)
	if m.left > 0 {
		m.WriteString(shortened(p, m.left))
	}
	m.WriteString(end)
	return m.String()
}

// ProposalHeadline is a proposal in a line of plain text.
func ProposalHeadline(p *proposal.Proposal) string {
	return strings.ReplaceAll(proposalHeadline(p), "`", "")
}

func proposalHeadline(p *proposal.Proposal) string {
	switch {
	case len(p.Errors) > 0:
		return model.Count(len(p.Errors), "mistake", "mistakes")
	case p.Failure != "":
		return "can't be merged as it is"
	case p.Empty():
		return "nothing to do"
	case len(p.Apps) == 0:
		return "nothing would change on the hosts"
	}
	return countsText(p.Counts)
}

// countsText is as `+3 ~2 ±1 −1, 1 blocked`.
func countsText(c proposal.Counts) string {
	var signs, words []string
	for _, n := range []struct {
		sign string
		n    int
	}{{"+", c.Create}, {"~", c.Update}, {"±", c.Replace}, {"−", c.Remove}} {
		if n.n > 0 {
			signs = append(signs, fmt.Sprintf("%s%d", n.sign, n.n))
		}
	}
	if len(signs) > 0 {
		words = append(words, "`"+strings.Join(signs, " ")+"`")
	}
	if c.Run > 0 {
		words = append(words, model.Count(c.Run, "job runs", "jobs run"))
	}
	if c.Held > 0 {
		words = append(words, model.Count(c.Held, "removal waits for a person", "removals wait for a person"))
	}
	if c.Blocked > 0 {
		words = append(words, fmt.Sprintf("%d blocked", c.Blocked))
	}
	return strings.Join(words, ", ")
}

func proposalCommits(p *proposal.Proposal) string {
	if p.Failure != "" {
		return "What merging " + sideText(p.Head) + " into " + sideText(p.Base) + " would do to the hosts can't be told."
	}
	if p.Empty() {
		return "Merging " + sideText(p.Head) + " into " + sideText(p.Base) + " changes nothing that concerns the hosts."
	}
	return "What merging " + sideText(p.Head) + " into " + sideText(p.Base) + " would do to the hosts."
}

// The ends of texts in a head that has to fit whatever they are.
const (
	longestName    = 80
	longestSubject = 100
)

func sideText(c proposal.Commit) string {
	text := code(short(c.ID))
	if c.Name != "" && !strings.HasPrefix(c.ID, c.Name) {
		text = code(upTo(longestName, c.Name)) + " at " + text
	}
	if c.Subject != "" {
		text += " (" + escaped(upTo(longestSubject, c.Subject))
		if c.Author != "" {
			text += ", by " + escaped(upTo(longestName, c.Author))
		}
		text += ")"
	}
	return text
}

// invalidLines say of a base that is refused what is in its place.
func invalidLines(p *proposal.Proposal) []string {
	if p.Invalid == nil {
		return nil
	}
	what := "which is in force"
	if !p.Invalid.InForce {
		what = "the newest commit before it that is valid"
	}
	return []string{"> " + code(upTo(longestName, baseName(p))) + " is not valid since " + sideText(p.Invalid.Since) + ": " + escaped(p.Invalid.Error) +
		"\n>\n> This is compared with " + sideText(p.Invalid.Against) + ", " + what + ".\n"}
}

func baseName(p *proposal.Proposal) string { return cmp.Or(p.Base.Name, short(p.Base.ID)) }

// ProposalInvalid says in a line of plain text what a proposal does about a base that is
// refused, and nothing where it is not.
func ProposalInvalid(p *proposal.Proposal) string {
	switch {
	case p.Invalid == nil:
		return ""
	case p.Refused():
		return baseName(p) + " is not valid since " + short(p.Invalid.Since.ID) + ", and not with this: "
	}
	return "mends " + baseName(p) + ": "
}

// failureLines are the mistakes with their places, or why there is no answer.
func failureLines(p *proposal.Proposal) []string {
	if len(p.Errors) == 0 && p.Failure != "" {
		return []string{"> - " + escaped(p.Failure) + "\n"}
	}
	var lines []string
	for _, e := range p.Errors {
		place, message := *e, *e
		place.Message, place.Path, place.Hint = "", "", ""
		message.File, message.Line = "", 0
		lines = append(lines, "> - "+code(strings.TrimSuffix(place.Error(), ": "))+" "+escaped(strings.TrimPrefix(message.Error(), ": "))+"\n")
	}
	return lines
}

func unverifiedLines(p *proposal.Proposal) []string {
	if p.Unverified == "" {
		return nil
	}
	return []string{"> - " + escaped(p.Unverified) + "\n"}
}

func violationLines(p *proposal.Proposal) []string {
	var lines []string
	for _, v := range p.Violations {
		line := "> - **policy** " + code(v.Policy)
		if v.Rule != "" {
			line += ", rule " + verbatim(v.Rule)
		}
		line += ": " + escaped(v.Message)
		if v.Where != "" {
			line += " (" + code(v.Where) + ")"
		}
		lines = append(lines, line+"\n")
	}
	return lines
}

func warningLines(p *proposal.Proposal) []string {
	var lines []string
	for _, w := range p.Warnings {
		thing := w.Thing
		if w.App != "" && thing != "app "+w.App {
			thing = w.App + "/" + thing
		}
		line := "> - **" + warningTitle(w.Kind) + "** " + code(thing) + " " + escaped(w.Text) + fieldsText(w.Fields)
		if w.Where != "" {
			line += " (" + code(w.Where) + ")"
		}
		lines = append(lines, line+"\n")
	}
	return lines
}

// warningTitle is what people call a kind of warning.
func warningTitle(kind string) string {
	switch kind {
	case proposal.WarnPlacement:
		return "does not fit"
	case proposal.WarnBlocked:
		return "can't be done"
	case proposal.WarnHeld:
		return "removal, waits for a person"
	case proposal.WarnAllowed:
		return "removals allowed"
	case proposal.WarnDisplaced:
		return "gives way"
	case proposal.WarnHostMount:
		return "host mount"
	case proposal.WarnHostNetwork:
		return "host network"
	case proposal.WarnHostAdded:
		return "new host"
	case proposal.WarnHostRemoved:
		return "host goes"
	case proposal.WarnHostChanged:
		return "host"
	}
	return kind
}

// shownFields is how many fields of a document a warning shows.
const shownFields = 8

func fieldsText(fields []proposal.Field) string {
	var parts []string
	for _, f := range fields[:min(len(fields), shownFields)] {
		d := plan.Difference{Field: f.Path, From: f.From, To: f.To}
		if f.From == "" {
			parts = append(parts, escaped(f.Path+": "+f.To))
			continue
		}
		parts = append(parts, escaped(d.String()))
	}
	if more := len(fields) - shownFields; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, "; ")
}

const tableHead = "| | what | host | why |\n|:-:|---|---|---|\n"

func (m *markdown) app(a *proposal.AppEffects) {
	head := "<details><summary><b>" + escaped(a.Name) + "</b>: " + hostCounts(a) + "</summary>\n\n" + tableHead
	m.lines(head, "\n</details>\n\n", changeLines(a))
}

// hostCounts counts what changes host by host, where these are few.
func hostCounts(a *proposal.AppEffects) string {
	const few = 5
	counts := map[string]*proposal.Counts{}
	for i := range a.Effects {
		c := &a.Effects[i]
		if c.Host == "" {
			continue
		}
		if counts[c.Host] == nil {
			counts[c.Host] = &proposal.Counts{}
		}
		counts[c.Host].Add(c)
	}
	plain := func(c proposal.Counts) string { return strings.ReplaceAll(countsText(c), "`", "") }
	hosts := slices.Sorted(maps.Keys(counts))
	switch {
	case len(hosts) == 0:
		return plain(a.Counts)
	case len(hosts) == 1 || len(hosts) > few:
		return plain(a.Counts) + " on " + model.Count(len(hosts), "host", "hosts")
	}
	for i, host := range hosts {
		hosts[i] = escaped(host) + " " + plain(*counts[host])
	}
	return plain(a.Counts) + " (" + strings.Join(hosts, "; ") + ")"
}

// row are the changes of an app that differ in nothing but what they are of.
type row struct {
	*proposal.Effect
	things []string
}

// rows puts together what is the same on one host.
func rows(changes []proposal.Effect) []row {
	type alike struct{ host, verdict, kind, held, why string }
	at := map[alike]int{}
	var out []row
	for i := range changes {
		c := &changes[i]
		key := alike{c.Host, string(c.Verdict), string(c.Key.Kind), c.HeldBy, strings.Join(c.Reasons, "\n")}
		j, known := at[key]
		if !known {
			j = len(out)
			at[key], out = j, append(out, row{Effect: c})
		}
		out[j].things = append(out[j].things, proposedThing(c.Key))
	}
	return out
}

func proposedThing(k plan.Key) string {
	if k.Kind == plan.KindReplica {
		return changeName(k)
	}
	return string(k.Kind) + " " + changeName(k)
}

func changeLines(a *proposal.AppEffects) []string {
	var lines []string
	for _, r := range rows(a.Effects) {
		why := strings.Join(r.Reasons, "; ")
		if r.HeldBy != "" {
			why = "waits for a person (" + r.HeldBy + ")"
		}
		lines = append(lines, fmt.Sprintf("| %s | %s | %s | %s |\n", sign(r.Effect), strings.Join(named(r.things), ", "), hostCell(r.Host), escaped(why)))
	}
	return lines
}

func hostCell(host string) string {
	if host == "" {
		return ""
	}
	return code(host)
}

// sign is as in a plan, with signs that are none to Markdown.
func sign(c *proposal.Effect) string {
	verdict := c.Verdict
	if c.HeldBy != "" {
		verdict = plan.Remove
	}
	switch symbol, _ := symbolOf(verdict); symbol {
	case "-":
		return "−"
	case ">":
		return "▷"
	default:
		return symbol
	}
}

func (m *markdown) drift(p *proposal.Proposal) {
	if len(p.Unknown) > 0 {
		m.lines("", "", []string{"Live state of " + strings.Join(named(p.Unknown), ", ") + " unknown: taken to be what the manifests of the base say.\n\n"})
	}
	switch {
	case p.Drift.Absent != "":
		m.lines("", "", []string{"No live drift is told of: nothing of owner " + code(p.Drift.Absent) + " runs on these hosts. `--owner` names another one.\n\n"})
	case p.Drift.Known && len(p.Drift.Apps) == 0:
		m.lines("", "", []string{"No live drift: the hosts are what the base says.\n\n"})
	}
	var lines []string
	for i := range p.Drift.Apps {
		a := &p.Drift.Apps[i]
		for _, r := range rows(a.Effects) {
			lines = append(lines, fmt.Sprintf("| %s | %s | %s | %s |\n", code(a.Name), sign(r.Effect), strings.Join(named(r.things), ", "), hostCell(r.Host)))
		}
	}
	head := "<details><summary>Live drift, apart from this: " + strings.ReplaceAll(countsText(p.Drift.Counts), "`", "") +
		"</summary>\n\nThe hosts are not what the base says. `tallyman diff` tells more.\n\n| app | | what | host |\n|---|:-:|---|---|\n"
	m.lines(head, "\n</details>\n\n", lines)
}

// named are names as code, of many only some.
func named(names []string) []string {
	const most = 8
	var out []string
	for _, name := range names[:min(len(names), most)] {
		out = append(out, code(name))
	}
	if more := len(names) - most; more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return out
}

func proposalEnd(p *proposal.Proposal) string {
	return fmt.Sprintf("Computed for %s, merged into %s.\n", code(p.Head.ID), code(p.Base.ID))
}

// shortened says what was left out, and how to see it.
func shortened(p *proposal.Proposal, left int) string {
	return fmt.Sprintf("**Shortened**: %s left out; all of it shows `tallyman plan --base %s --head %s`\n\n", model.Count(left, "line is", "lines are"), short(p.Base.ID), short(p.Head.ID))
}
