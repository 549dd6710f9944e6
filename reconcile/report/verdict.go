package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// Verdict is how a commit fares with an app, or with all of them when App is "".
type Verdict struct {
	Commit string `json:"commit"`
	App    string `json:"app,omitempty"`
	Is     Fate   `json:"is"`
	Text   string `json:"text"`
}

// Fate is what has become of a commit.
type Fate string

// The fates. All but FateOpen are final.
const (
	FateOpen    Fate = "pending"
	FateGood    Fate = "success" // it runs and was healthy
	FateBad     Fate = "failure" // it is at fault
	FateDropped Fate = "dropped" // a newer one came before it was known
)

// Verdicts are those on the commit that the branch points to, and the final ones on
// earlier commits of which only open ones were told. The records are the apps' last
// rollouts, newest first.
//
// An app has one of its own when the commit changes it, or is kept from it. That a
// replica fails later, after the commit was complete, is not the commit's doing.
func Verdicts(s *Status, told []Verdict, records []rollout.Record) []Verdict {
	var out []Verdict
	switch {
	case s.Target.ID == "":
	case s.SourceError != "":
		out = append(out, Verdict{Commit: s.Target.ID, Is: FateBad, Text: "refused, what runs keeps running: " + firstLine(s.SourceError)})
	case s.Undecided == "" && s.Effective.ID == s.Target.ID:
		out = onTarget(s)
	}
	for _, v := range told {
		if v.Commit != s.Target.ID && v.Is == FateOpen {
			out = append(out, afterwards(v, s.Target, told, records))
		}
	}
	slices.SortFunc(out, func(a, b Verdict) int { return cmp.Or(cmp.Compare(a.Commit, b.Commit), cmp.Compare(a.App, b.App)) })
	return out
}

// onTarget are the verdicts on the commit that is in force, the one on all apps first.
func onTarget(s *Status) []Verdict {
	whole, running := Verdict{Commit: s.Target.ID, Is: FateGood}, 0
	apps := make([]Verdict, 0, len(s.Apps))
	for i := range s.Apps {
		a := &s.Apps[i]
		if a.Preview != "" {
			continue // that is about another commit
		}
		running++
		v := onApp(s.Target.ID, a)
		if v.Is != FateGood && (whole.Is == FateGood || whole.Is == FateOpen && v.Is == FateBad) {
			whole.Is, whole.Text = v.Is, a.Name+": "+v.Text
		}
		if v.Is != FateGood || a.Revision == s.Target.ID {
			apps = append(apps, v)
		}
	}
	if whole.Is == FateGood {
		whole.Text = model.Count(running, "app runs", "apps run") + " as this commit says"
	}
	return append([]Verdict{whole}, apps...)
}

func onApp(commit string, a *App) Verdict {
	v := Verdict{Commit: commit, App: a.Name, Is: FateOpen}
	switch held := a.Held; {
	case held != nil && held.Kind == model.HeldRollback && a.Hold != nil:
		v.Text = fmt.Sprintf("rolled back to %s: %s", short(a.Hold.To), a.Hold.Reason)
		if held.Waits == "" {
			v.Is = FateBad
		}
	case held != nil:
		v.Text = "held: " + held.Reason
		if held.Kind == model.HeldUnverified {
			v.Is = FateBad
		}
	case a.Phase == rollout.Failed:
		v.Is, v.Text = FateBad, a.Reason
	case a.Phase == rollout.Complete:
		v.Is, v.Text = FateGood, "runs and is healthy"
	default:
		v.Text = cmp.Or(a.Reason, "is being rolled out")
	}
	v.Text = firstLine(v.Text)
	return v
}

// afterwards is the final verdict on a commit that the branch has left behind: what
// its rollouts came to, or that they came to nothing. An app that was kept from the
// commit has no record of it, only a verdict that was told: without that app the
// commit as a whole is not known to be good.
func afterwards(v Verdict, target Revision, told []Verdict, records []rollout.Record) Verdict {
	ended := byRecords(v, target, records)
	if v.App != "" || ended.Is != FateGood {
		return ended
	}
	for _, t := range told {
		if t.Commit != v.Commit || t.App == "" || t.Is == FateGood {
			continue
		}
		if t = byRecords(t, target, records); t.Is != FateGood {
			t.App, t.Text = "", firstLine(t.App+": "+t.Text)
			return t
		}
	}
	return ended
}

// byRecords is what the rollouts of a commit came to that are known.
func byRecords(v Verdict, target Revision, records []rollout.Record) Verdict {
	v.Is, v.Text = FateDropped, "superseded by "+short(target.ID)+" before it was known to be healthy"
	complete, unknown := 0, 0
	for i := range records {
		r := &records[i]
		switch {
		case r.Preview != "": // it may have been of the very commit, before that was merged
		case r.Revision != v.Commit || r.RollbackOf != "" || v.App != "" && r.App != v.App:
		case r.Phase == rollout.Failed:
			v.Is, v.Text = FateBad, firstLine(r.App+": "+r.Reason)
			return v
		case r.Phase == rollout.Complete:
			complete++
		default:
			unknown++
		}
	}
	if complete > 0 && unknown == 0 {
		v.Is, v.Text = FateGood, "ran and was healthy"
	}
	return v
}

// firstLine is what fits where there is room for one line.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return clean(line)
}
