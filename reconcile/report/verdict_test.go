package report

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// TestVerdictsOnACommit: each way a commit can fare has its own words, and only what
// was healthy is called good.
func TestVerdictsOnACommit(t *testing.T) {
	const commit = "cccccccccccccccc"
	held := func(kind string) *model.Held { return &model.Held{Kind: kind, Revision: commit, Reason: "because"} }
	back := &rollout.Hold{To: "aaaaaaaaaaaaaaaa", Reason: "web-1 on edge-1 ended with 1\nand more"}
	for name, c := range map[string]struct {
		app  App
		is   Fate
		text string
	}{
		"on its way":      {App{Phase: rollout.Progressing, Revision: commit}, FateOpen, "is being rolled out"},
		"there":           {App{Phase: rollout.Complete, Revision: commit}, FateGood, "runs and is healthy"},
		"not changed":     {App{Phase: rollout.Complete, Revision: "aaaaaaaaaaaaaaaa"}, FateGood, ""},
		"later unhealthy": {App{Phase: rollout.Complete, Revision: commit, Health: Degraded}, FateGood, "runs and is healthy"},
		"failed":          {App{Phase: rollout.Failed, Revision: commit, Reason: "no progress"}, FateBad, "no progress"},
		"gone back from":  {App{Phase: rollout.Complete, Held: held(model.HeldRollback), Hold: back}, FateBad, "rolled back to aaaaaaaa: web-1 on edge-1 ended with 1"},
		"paused":          {App{Phase: rollout.Complete, Held: held(model.HeldPause)}, FateOpen, "held: because"},
		"pinned":          {App{Phase: rollout.Complete, Held: held(model.HeldPin)}, FateOpen, "held: because"},
		"soaking":         {App{Phase: rollout.Complete, Held: held(model.HeldSoak)}, FateOpen, "held: because"},
		"not signed":      {App{Phase: rollout.Complete, Held: held(model.HeldUnverified)}, FateBad, "held: because"},
		"not begun":       {App{Reason: "waits for a window"}, FateOpen, "waits for a window"},
	} {
		t.Run(name, func(t *testing.T) {
			c.app.Name = "shop"
			s := Status{Target: Revision{ID: commit}, Effective: Revision{ID: commit}, Apps: []App{c.app}}
			got := Verdicts(&s, nil, nil)
			if len(got) == 0 || got[0].App != "" || got[0].Is != c.is {
				t.Fatalf("the commit is %+v, want %s", got, c.is)
			}
			if c.text == "" {
				if len(got) > 1 {
					t.Errorf("the app has a verdict of its own: %+v", got[1])
				}
				return
			}
			if len(got) != 2 || got[1].Is != c.is || got[1].Text != c.text {
				t.Errorf("got %+v, want %s %q", got[1:], c.is, c.text)
			}
			if c.is != FateGood && !strings.HasPrefix(got[0].Text, "shop: ") {
				t.Errorf("the commit says %q, and not of which app", got[0].Text)
			}
		})
	}
}

// TestNoVerdictBeforeADecision, nor on a commit that is not in force.
func TestNoVerdictBeforeADecision(t *testing.T) {
	app := []App{{Name: "shop", Phase: rollout.Complete}}
	for name, s := range map[string]Status{
		"undecided":    {Target: Revision{ID: "c"}, Effective: Revision{ID: "c"}, Undecided: "no look yet", Apps: app},
		"not in force": {Target: Revision{ID: "c"}, Effective: Revision{ID: "b"}, Apps: app},
		"nothing read": {Apps: app},
	} {
		if got := Verdicts(&s, nil, nil); len(got) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	s := Status{Target: Revision{ID: "c"}, Effective: Revision{ID: "b"}, SourceError: "a.yaml:1:2: wrong\nb.yaml:1:2: too", Apps: app}
	if got := Verdicts(&s, nil, nil); len(got) != 1 || got[0].Is != FateBad || !strings.HasSuffix(got[0].Text, "a.yaml:1:2: wrong") {
		t.Errorf("refused: %+v", got)
	}
}

// TestWhatTheBranchLeftBehindComesToAnEnd by what the journal knows of it.
func TestWhatTheBranchLeftBehindComesToAnEnd(t *testing.T) {
	for name, c := range map[string]struct {
		records []rollout.Record
		is      Fate
	}{
		"nothing known":     {nil, FateDropped},
		"complete":          {[]rollout.Record{{App: "shop", Revision: "b", Phase: rollout.Complete}}, FateGood},
		"failed":            {[]rollout.Record{{App: "shop", Revision: "a", Phase: rollout.Complete, RollbackOf: "b"}, {App: "shop", Revision: "b", Phase: rollout.Failed}}, FateBad},
		"superseded":        {[]rollout.Record{{App: "shop", Revision: "b", Phase: rollout.Superseded}}, FateDropped},
		"a way back to it":  {[]rollout.Record{{App: "shop", Revision: "b", Phase: rollout.Complete, RollbackOf: "a"}}, FateDropped},
		"another app's end": {[]rollout.Record{{App: "blog", Revision: "b", Phase: rollout.Complete}}, FateDropped},
	} {
		s := Status{Target: Revision{ID: "c"}, Effective: Revision{ID: "c"}, Undecided: "not yet"}
		got := Verdicts(&s, []Verdict{{Commit: "b", App: "shop", Is: FateOpen}, {Commit: "a", App: "shop", Is: FateGood}}, c.records)
		if len(got) != 1 || got[0].Commit != "b" || got[0].Is != c.is {
			t.Errorf("%s: got %+v, want %s", name, got, c.is)
		}
	}
}

// TestACommitIsOnlyGoodWithAllOfItsApps: one that was kept from the commit has no
// rollout of it, and was told of all the same.
func TestACommitIsOnlyGoodWithAllOfItsApps(t *testing.T) {
	told := func(app string, is Fate) Verdict { return Verdict{Commit: "b", App: app, Is: is} }
	done := []rollout.Record{{App: "shop", Revision: "b", Phase: rollout.Complete}}
	for name, c := range map[string]struct {
		told []Verdict
		is   Fate
	}{
		"all apps":         {[]Verdict{told("shop", FateOpen)}, FateGood},
		"one never got it": {[]Verdict{told("shop", FateOpen), told("blog", FateOpen)}, FateDropped},
		"told before":      {[]Verdict{told("shop", FateGood), told("blog", FateDropped)}, FateDropped},
		"good without one": {[]Verdict{told("shop", FateGood), told("blog", FateGood)}, FateGood},
		"of other commits": {[]Verdict{told("shop", FateOpen), {Commit: "a", App: "blog", Is: FateOpen}}, FateGood},
	} {
		s := Status{Target: Revision{ID: "c"}, Effective: Revision{ID: "c"}, Undecided: "not yet"}
		var whole Verdict
		for _, v := range Verdicts(&s, append([]Verdict{told("", FateOpen)}, c.told...), done) {
			if v.Commit == "b" && v.App == "" {
				whole = v
			}
		}
		if whole.Is != c.is {
			t.Errorf("%s: the commit is %+v, want %s", name, whole, c.is)
		}
		if c.is == FateDropped && !strings.HasPrefix(whole.Text, "blog: superseded") {
			t.Errorf("%s: it does not say of which app: %q", name, whole.Text)
		}
	}
}
