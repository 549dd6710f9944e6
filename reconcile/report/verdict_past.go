package report

import (
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// leftBehind are the verdicts on commits that the branch has left behind: what their
// rollouts came to, or that they came to nothing. What goes on all the same, because
// no newer commit changes it, stays open.
func (j *judge) leftBehind() []Verdict {
	var out []Verdict
	for _, v := range j.told {
		switch {
		case !j.LeftBehind(v.Commit) || v.Is != FateOpen:
		case v.App != "":
			out = append(out, j.appAfterwards(v))
		default:
			out = append(append(out, j.commitAfterwards(v)), j.untold(v.Commit)...)
		}
	}
	return slices.DeleteFunc(out, func(v Verdict) bool { return v.Is == FateOpen && v.Text == "" })
}

// untold are the verdicts on apps that a commit changed of which nothing was told: it
// came and went before anybody looked.
func (j *judge) untold(commit string) []Verdict {
	var out []Verdict
	for i := range j.records {
		r := &j.records[i]
		same := func(v Verdict) bool { return v.App == r.App }
		if _, known := j.before(commit, r.App); !known && ofCommit(r, commit) && !slices.ContainsFunc(out, same) {
			out = append(out, j.appAfterwards(Verdict{Commit: commit, App: r.App, Is: FateOpen}))
		}
	}
	return out
}

// ofCommit says whether a rollout was one to the commit as the branch had it. That of
// a preview may have been to the very commit, before it was merged.
func ofCommit(r *rollout.Record, commit string) bool {
	return r.Revision == commit && r.Preview == "" && r.RollbackOf == ""
}

func (j *judge) appAfterwards(v Verdict) Verdict {
	if v.Removal {
		return j.removalAfterwards(v)
	}
	for i := range j.records {
		r := &j.records[i]
		if r.App != v.App || !ofCommit(r, v.Commit) {
			continue
		}
		switch {
		case r.Phase == rollout.Complete:
			v.Is, v.Text = FateGood, "ran and was healthy"
			return v
		case r.Phase == rollout.Failed:
			v.Is, v.Text = FateBad, firstLine(r.Reason)
			return v
		case r.Phase == rollout.Progressing && j.goesOn(r):
			v.Is = FateOpen
			return v
		}
	}
	return j.dropped(v)
}

// goesOn says whether a rollout is still on its way, which is not known before
// anything is decided.
func (j *judge) goesOn(r *rollout.Record) bool {
	return j.Undecided != "" || slices.ContainsFunc(j.Apps, func(a App) bool {
		return a.Name == r.App && a.Revision == r.Revision && a.Phase == rollout.Progressing
	})
}

func (j *judge) removalAfterwards(v Verdict) Verdict {
	i := slices.IndexFunc(j.Apps, func(a App) bool { return a.Name == v.App })
	switch {
	case j.Undecided != "":
		return v
	case i < 0:
		return removed(v)
	case j.Apps[i].Gone:
		return j.onGone(v.Commit, &j.Apps[i])
	}
	return j.dropped(v) // the app is back
}

func (j *judge) dropped(v Verdict) Verdict {
	v.Is, v.Text = FateDropped, "superseded by "+short(j.Target.ID)+" before it was known to be healthy"
	if v.Removal {
		v.Text = "superseded by " + short(j.Target.ID) + ", which has the app again"
	}
	return v
}

// commitAfterwards is the verdict on all of a commit, which is good with all that it
// changed, and else as the worst of it. An app that was kept from the commit has no
// record of it, only a verdict that was told.
func (j *judge) commitAfterwards(v Verdict) Verdict {
	apps := j.untold(v.Commit)
	for _, t := range j.told {
		if t.Commit == v.Commit && t.App != "" {
			apps = append(apps, t)
		}
	}
	if len(apps) == 0 {
		return j.dropped(v)
	}
	v.Is, v.Text = FateGood, "ran and was healthy"
	for _, a := range apps {
		if a.Is != FateGood {
			a = j.appAfterwards(a)
		}
		if slices.Index(fates, a.Is) > slices.Index(fates, v.Is) {
			v.Is, v.Text = a.Is, firstLine(a.App+": "+a.Text)
		}
	}
	return v
}

// fates are those of parts, the one last that the whole has.
var fates = []Fate{FateGood, FateOpen, FateDropped, FateBad}
