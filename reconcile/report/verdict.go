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
// One without a text is on a commit that was seen and of which nothing was found
// out yet.
type Verdict struct {
	Commit string `json:"commit"`
	App    string `json:"app,omitempty"`
	Is     Fate   `json:"is"`
	Text   string `json:"text"`
	// Removal says that the commit has no such app any more.
	Removal bool `json:"removal,omitempty"`
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

// Verdicts are those on the commit that the branch points to, and on earlier commits
// of which only open ones are known. The records are the apps' last rollouts, newest
// first.
//
// An app has one of its own when the commit changes it, removes it, or is kept from
// it. That a replica fails later, after the commit was complete, is not the commit's
// doing.
func Verdicts(s *Status, told []Verdict, records []rollout.Record) []Verdict {
	if s.Target.ID == "" {
		return nil // the branch has not been read yet
	}
	j := judge{s, told, records}
	var out []Verdict
	switch {
	case s.SourceError != "":
		out = append(out, Verdict{Commit: s.Target.ID, Is: FateBad, Text: "refused, what runs keeps running: " + firstLine(s.SourceError)})
		// What is in force in its place may be on its way still.
		out = append(out, slices.DeleteFunc(j.inForce(), func(v Verdict) bool { return !j.open(v) })...)
	case s.Effective.ID == s.Target.ID:
		out = j.inForce()
	}
	out = append(out, j.leftBehind()...)
	slices.SortFunc(out, func(a, b Verdict) int { return cmp.Or(cmp.Compare(a.Commit, b.Commit), cmp.Compare(a.App, b.App)) })
	return out
}

// judge is what commits are judged by.
type judge struct {
	*Status
	told    []Verdict
	records []rollout.Record
}

// LeftBehind says whether the branch and what is in force have left a commit, which
// is not known before both are.
func (s *Status) LeftBehind(commit string) bool {
	return s.Target.ID != "" && s.Effective.ID != "" && commit != s.Target.ID && commit != s.Effective.ID
}

// before is what was told of a commit and an app, if anything was.
func (j *judge) before(commit, app string) (Verdict, bool) {
	i := slices.IndexFunc(j.told, func(t Verdict) bool { return t.Commit == commit && t.App == app })
	if i < 0 {
		return Verdict{}, false
	}
	return j.told[i], true
}

// open says that nothing final was told of the same.
func (j *judge) open(v Verdict) bool {
	before, known := j.before(v.Commit, v.App)
	return known && before.Is == FateOpen
}

// inForce are the verdicts on the commit that is in force, the one on all apps first.
func (j *judge) inForce() []Verdict {
	if j.Undecided != "" || j.Effective.ID == "" {
		return nil
	}
	whole, running, held := Verdict{Commit: j.Effective.ID, Is: FateGood}, 0, ""
	apps := make([]Verdict, 0, len(j.Apps))
	for i := range j.Apps {
		a := &j.Apps[i]
		if a.Preview != "" {
			continue // that is about another commit
		}
		v := j.onApp(j.Effective.ID, a)
		if v.Is != FateGood && (whole.Is == FateGood || whole.Is == FateOpen && v.Is == FateBad) {
			whole.Is, whole.Text = v.Is, a.Name+": "+v.Text
		}
		if a.Gone {
			held += "; " + a.Name + ": " + v.Text
		} else {
			running++
		}
		if v.Is != FateGood || a.Gone || a.Revision == j.Effective.ID {
			apps = append(apps, v)
		}
	}
	for _, t := range j.told {
		if t.Commit == j.Effective.ID && t.Removal && t.Is == FateOpen && !j.there(t.App) {
			apps = append(apps, removed(t))
		}
	}
	if whole.Is == FateGood {
		whole.Text = model.Count(running, "app runs", "apps run") + " as this commit says" + held
	}
	return append([]Verdict{whole}, apps...)
}

// there says whether a manifest names the app or something of it is left.
func (s *Status) there(app string) bool {
	return slices.ContainsFunc(s.Apps, func(a App) bool { return a.Name == app })
}

func (j *judge) onApp(commit string, a *App) Verdict {
	if a.Gone {
		return j.onGone(commit, a)
	}
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

// onGone is the verdict on an app that the commit has no more. What a guard holds is
// for people to end, whenever they like: that is no longer the commit's affair.
func (j *judge) onGone(commit string, a *App) Verdict {
	if before, known := j.before(commit, a.Name); known && before.Removal && before.Is != FateOpen {
		return before
	}
	v := Verdict{Commit: commit, App: a.Name, Is: FateGood, Text: firstLine(a.Reason), Removal: true}
	for i := range j.Changes {
		if c := &j.Changes[i]; c.Key.App == a.Name && c.HeldBy == "" && !c.Kept {
			v.Is = FateOpen
		}
	}
	return v
}

func removed(v Verdict) Verdict {
	v.Is, v.Text = FateGood, "removed"
	return v
}

// firstLine is what fits where there is room for one line.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return clean(line)
}
