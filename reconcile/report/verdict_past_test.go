package report

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// verdictOn is the verdict on a commit and an app among others.
func verdictOn(all []Verdict, commit, app string) Verdict {
	for _, v := range all {
		if v.Commit == commit && v.App == app {
			return v
		}
	}
	return Verdict{}
}

// renaming is a status of commit c, which has app shop in the place of store.
func renaming(store ...Change) Status {
	s := Status{Target: Revision{ID: "c"}, Effective: Revision{ID: "c"}, Apps: []App{{Name: "shop", Phase: rollout.Complete, Revision: "c"}}}
	if len(store) > 0 {
		s.Changes = store
		s.Apps = append(s.Apps, App{Name: "store", Gone: true, Reason: goneBecause(&plan.Change{Verdict: store[0].Verdict, Reasons: store[0].Reasons})})
	}
	return s
}

// TestTheRemovalOfAnAppComesToAnEnd: pending while something of it is left, and good
// for ever once nothing is, or once only people can go on with it.
func TestTheRemovalOfAnAppComesToAnEnd(t *testing.T) {
	key := plan.Key{Kind: plan.KindReplica, App: "store", Service: "web", Slot: "1"}
	going := renaming(Change{Key: key, Verdict: plan.Remove, Removal: true})
	told := Verdicts(&going, nil, nil)
	if v := verdictOn(told, "c", "store"); v.Is != FateOpen || v.Text != "no longer in the manifests, being removed" {
		t.Fatalf("while it is being removed: %+v", v)
	}
	gone := renaming()
	all := Verdicts(&gone, told, nil)
	if v := verdictOn(all, "c", "store"); v.Is != FateGood || v.Text != "removed" {
		t.Errorf("once it is removed: %+v", v)
	}
	if v := verdictOn(all, "c", ""); v.Is != FateGood {
		t.Errorf("the whole commit, once it is removed: %+v", v)
	}
	for name, next := range map[string]func(*Status){
		"removed before the next commit": func(*Status) {},
		"still being removed":            func(s *Status) { s.Apps, s.Changes = append(s.Apps, going.Apps[1]), going.Changes },
		"nothing decided yet":            func(s *Status) { s.Undecided = "no look yet" },
		"back again": func(s *Status) {
			s.Apps = append(s.Apps, App{Name: "store", Phase: rollout.Progressing, Revision: "d"})
		},
	} {
		s := renaming()
		s.Target.ID, s.Effective.ID = "d", "d"
		next(&s)
		want := map[string]Fate{"removed before the next commit": FateGood, "back again": FateDropped}[name]
		if want == "" {
			want = FateOpen
		}
		if v := verdictOn(Verdicts(&s, told, nil), "c", "store"); v.Is != want {
			t.Errorf("%s: %+v, want %s", name, v, want)
		}
	}
}

// TestWhatAGuardHoldsIsNotTheCommitsAffair: nobody knows when a person will let go.
func TestWhatAGuardHoldsIsNotTheCommitsAffair(t *testing.T) {
	key := plan.Key{Kind: plan.KindReplica, App: "store", Service: "web", Slot: "1"}
	held := renaming(Change{Key: key, Verdict: plan.Blocked, Removal: true, HeldBy: plan.HeldByProtect, Reasons: []string{"held: it is protected"}})
	told := Verdicts(&held, nil, nil)
	v := verdictOn(told, "c", "store")
	if v.Is != FateGood || v.Text != "no longer in the manifests; held: it is protected" {
		t.Errorf("held: %+v", v)
	}
	if whole := verdictOn(told, "c", ""); whole.Is != FateGood || !strings.Contains(whole.Text, "1 app runs as this commit says; store: no longer") {
		t.Errorf("the whole commit: %+v", whole)
	}
	going := renaming(Change{Key: key, Verdict: plan.Remove, Removal: true})
	if again := verdictOn(Verdicts(&going, told, nil), "c", "store"); again != v {
		t.Errorf("a person has let go, and it is %+v after %+v", again, v)
	}
}

// TestNothingIsSupersededByNothing: before the branch was read nobody knows what has
// become of the commits of before.
func TestNothingIsSupersededByNothing(t *testing.T) {
	s := Status{Undecided: "the repository has not been read yet"}
	told := []Verdict{{Commit: "b", Is: FateOpen, Text: "shop: is being rolled out"}, {Commit: "b", App: "shop", Is: FateOpen}}
	done := []rollout.Record{{App: "shop", Revision: "b", Phase: rollout.Complete}}
	if got := Verdicts(&s, told, done); len(got) > 0 {
		t.Errorf("before the branch was read: %+v", got)
	}
	s.Target.ID, s.Effective.ID = "c", "c"
	for _, app := range []string{"", "shop"} {
		if v := verdictOn(Verdicts(&s, told, done), "b", app); v.Is != FateGood {
			t.Errorf("the journal has it as complete: %+v", v)
		}
	}
}

// TestACommitThatCameAndWentIsJudgedByItsRollouts, and so are its apps.
func TestACommitThatCameAndWentIsJudgedByItsRollouts(t *testing.T) {
	seen := []Verdict{{Commit: "b", Is: FateOpen}}
	for name, c := range map[string]struct {
		records   []rollout.Record
		app       *App // shop, under the next commit
		whole, is Fate
	}{
		"complete":            {[]rollout.Record{{App: "shop", Revision: "b", Phase: rollout.Complete}}, nil, FateGood, FateGood},
		"failed":              {[]rollout.Record{{App: "shop", Revision: "b", Phase: rollout.Failed, Reason: "no"}}, nil, FateBad, FateBad},
		"failed, then tried":  {[]rollout.Record{{App: "shop", Revision: "b", Phase: rollout.Complete}, {App: "shop", Revision: "b", Phase: rollout.Failed}}, nil, FateGood, FateGood},
		"overtaken":           {[]rollout.Record{{App: "shop", Revision: "b", Phase: rollout.Superseded}}, nil, FateDropped, FateDropped},
		"nothing was changed": {nil, nil, FateDropped, ""},
		"still on its way":    {[]rollout.Record{{App: "shop", Revision: "b", Phase: rollout.Progressing}}, &App{Phase: rollout.Progressing, Revision: "b"}, FateOpen, FateOpen},
		"taken out meanwhile": {[]rollout.Record{{App: "shop", Revision: "b", Phase: rollout.Progressing}}, nil, FateDropped, FateDropped},
	} {
		s := Status{Target: Revision{ID: "c"}, Effective: Revision{ID: "c"}}
		if c.app != nil {
			c.app.Name = "shop"
			s.Apps = append(s.Apps, *c.app)
		}
		got := Verdicts(&s, seen, c.records)
		if v := verdictOn(got, "b", ""); v.Is != c.whole && !(c.whole == FateOpen && v.Is == "") {
			t.Errorf("%s: the commit is %+v, want %s", name, v, c.whole)
		}
		if v := verdictOn(got, "b", "shop"); v.Is != c.is && !(c.is == FateOpen && v.Is == "") {
			t.Errorf("%s: the app is %+v, want %s", name, v, c.is)
		}
	}
}

// TestWhatIsInForceIsNotSupersededByWhatIsRefused: it goes on, and has its own end.
func TestWhatIsInForceIsNotSupersededByWhatIsRefused(t *testing.T) {
	s := Status{Target: Revision{ID: "c"}, Effective: Revision{ID: "b"}, SourceError: "c.yaml:1:1: wrong", Apps: []App{{Name: "shop", Phase: rollout.Progressing, Revision: "b"}}}
	told := []Verdict{{Commit: "b", Is: FateOpen, Text: "x"}, {Commit: "b", App: "shop", Is: FateOpen, Text: "x"}}
	if v := verdictOn(Verdicts(&s, told, nil), "b", ""); v.Is != FateOpen {
		t.Errorf("on its way: %+v", v)
	}
	s.Apps[0].Phase = rollout.Complete
	for _, app := range []string{"", "shop"} {
		if v := verdictOn(Verdicts(&s, told, nil), "b", app); v.Is != FateGood {
			t.Errorf("complete: %+v", v)
		}
	}
}
