package state

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

func judgedNow(t *testing.T, s *Store) []report.Verdict {
	t.Helper()
	all, err := s.Judged()
	check1(t, err)
	return all
}

func dueNow(t *testing.T, s *Store) []report.Verdict {
	t.Helper()
	due, err := s.Due()
	check1(t, err)
	return due
}

// TestAcceptedCommitsAreNotedWhereSomebodyIsTold, each once, and what is known of one is
// not forgotten for it.
func TestAcceptedCommitsAreNotedWhereSomebodyIsTold(t *testing.T) {
	s := open(t, t.TempDir())
	check1(t, s.Accept(reconcile.Accepted{Revision: "a"}))
	if all := judgedNow(t, s); len(all) > 0 {
		t.Errorf("nobody is told, and %+v was noted", all)
	}
	s.NoteCommits()
	check1(t, s.Accept(reconcile.Accepted{Revision: "b"}))
	if all := judgedNow(t, s); !slices.Equal(all, []report.Verdict{{Commit: "b", Is: report.FateOpen}}) || len(dueNow(t, s)) > 0 {
		t.Errorf("noted: %+v, due %+v", all, dueNow(t, s))
	}
	good := report.Verdict{Commit: "b", Is: report.FateGood, Text: "runs"}
	check1(t, s.Judge([]report.Verdict{good}))
	check1(t, s.Accept(reconcile.Accepted{Revision: "b"}))
	if all := judgedNow(t, s); !slices.Equal(all, []report.Verdict{good}) {
		t.Errorf("accepted again, it is %+v", all)
	}
}

// TestWhatIsFoundOutIsDueUntilItIsTold: the newest commit first, and what was found out
// while something else was told is still to be told.
func TestWhatIsFoundOutIsDueUntilItIsTold(t *testing.T) {
	s := open(t, t.TempDir())
	old, shop := report.Verdict{Commit: "b", Is: report.FateOpen, Text: "x"}, report.Verdict{Commit: "b", App: "shop", Is: report.FateOpen, Text: "x"}
	newest := report.Verdict{Commit: "a", Is: report.FateOpen, Text: "x"}
	check1(t, s.Judge([]report.Verdict{shop, old}))
	check1(t, s.Judge([]report.Verdict{newest}))
	s = reopened(t, s)
	if due := dueNow(t, s); !slices.Equal(due, []report.Verdict{newest, old, shop}) {
		t.Errorf("due: %+v", due)
	}
	end := newest
	end.Is = report.FateGood
	check1(t, s.Judge([]report.Verdict{end}))
	check1(t, s.Tell(newest)) // that was on its way
	check1(t, s.Tell(old))
	check1(t, s.Untell([]report.Verdict{old, shop}))
	if due := dueNow(t, s); !slices.Equal(due, []report.Verdict{end, shop}) || len(judgedNow(t, s)) != 2 {
		t.Errorf("due: %+v of %+v", due, judgedNow(t, s))
	}
}

// TestAForgeThatNeverAnswersFillsNoJournal: of the oldest commits nothing is kept.
func TestAForgeThatNeverAnswersFillsNoJournal(t *testing.T) {
	s := open(t, t.TempDir())
	s.NoteCommits()
	for n := range keptCommits + 5 {
		commit := fmt.Sprint("commit-", n)
		check1(t, s.Accept(reconcile.Accepted{Revision: commit}))
		check1(t, s.Judge([]report.Verdict{{Commit: commit, App: "shop", Is: report.FateOpen, Text: "x"}}))
	}
	all := judgedNow(t, s)
	for _, v := range all {
		if v.Commit == "commit-4" {
			t.Errorf("it remembers %+v", v)
		}
	}
	if len(all) != 2*keptCommits {
		t.Errorf("%d verdicts of %d commits", len(all), keptCommits)
	}
}
