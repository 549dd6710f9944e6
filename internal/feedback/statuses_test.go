package feedback

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/internal/forge/forgetest"
	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// now is a controller that has come to a status.
type now struct{ status report.Status }

func (n *now) Status() report.Status                { return n.status }
func (n *now) Subscribe() (<-chan struct{}, func()) { return make(chan struct{}), func() {} }

// at is the status of a branch at a commit, with app shop on its way.
func at(commit string, shop report.App) report.Status {
	shop.Name = "shop"
	return report.Status{Target: report.Revision{ID: commit}, Effective: report.Revision{ID: commit}, Apps: []report.App{shop}}
}

// TestEveryCommitComesToAFinalStatus, also when the controller is replaced between a
// rollout's end and its being told, and when a newer commit came first.
func TestEveryCommitComesToAFinalStatus(t *testing.T) {
	stage := forgetest.GitHub(t)
	first := stage.Branch("one", map[string]string{"a": "1"})
	second := stage.Branch("two", map[string]string{"a": "2"})
	third := stage.Branch("three", map[string]string{"a": "3"})
	dir := t.TempDir()
	controller := &now{}
	var ended rollout.Record // what the journal has by then
	update := func() {
		t.Helper()
		f, err := forge.Open(stage.Config())
		if err != nil {
			t.Fatal(err)
		}
		journal, err := state.Open(dir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer journal.Close() //nolint:errcheck // the next one reads it
		if ended.App != "" {
			if err := journal.Record(ended, rollout.Standing{}); err != nil {
				t.Fatal(err)
			}
		}
		s := &Statuses{Controller: controller, Journal: journal, Forge: f, Context: "tallyman", Branch: "main", Log: slog.New(slog.DiscardHandler)}
		if err := s.update(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	controller.status = at(first, report.App{Phase: rollout.Progressing, Revision: first})
	update()
	expect(t, stage, first, "pending")
	controller.status = at(second, report.App{Phase: rollout.Progressing, Revision: second})
	update()
	expect(t, stage, second, "pending")
	expect(t, stage, first, "error")

	controller.status = report.Status{Undecided: "the repository has not been read yet"} // it has begun anew
	update()
	expect(t, stage, second, "pending")
	ended = rollout.Record{App: "shop", Revision: second, Phase: rollout.Complete, StartedAt: time.Unix(1, 0)}
	controller.status = at(third, report.App{Phase: rollout.Complete, Revision: third})
	update()
	expect(t, stage, third, "success")
	expect(t, stage, second, "success")
	count := len(stage.Statuses(third))
	update()
	if got := len(stage.Statuses(third)); got != count {
		t.Errorf("%d statuses of the same commit were told again", got-count)
	}
}

// update looks once, and tells what is to be told.
func (s *Statuses) update(ctx context.Context) error {
	status := s.Controller.Status()
	return errors.Join(s.judge(&status), s.tellDue(ctx))
}

// expect looks at the newest status in each of our contexts.
func expect(t *testing.T, stage forgetest.Stage, commit, want string) {
	t.Helper()
	seen := map[string]bool{}
	for _, s := range stage.Statuses(commit) {
		if seen[s.Context] || !strings.HasPrefix(s.Context, "tallyman/rollout") {
			continue
		}
		seen[s.Context] = true
		if string(s.Verdict) != want {
			t.Errorf("%s of %.8s is %s (%s), want %s", s.Context, commit, s.Verdict, s.Description, want)
		}
	}
	if !seen["tallyman/rollout"] || !seen["tallyman/rollout/shop"] {
		t.Errorf("statuses of %.8s: %v", commit, seen)
	}
}

// TestAnAppKeptFromACommitCountsUntilTheCommitHasItsEnd: also when the forge takes the
// apps' statuses, and the commit's own only later.
func TestAnAppKeptFromACommitCountsUntilTheCommitHasItsEnd(t *testing.T) {
	stage := forgetest.GitHub(t)
	first, second := stage.Branch("one", map[string]string{"a": "1"}), stage.Branch("two", map[string]string{"a": "2"})
	f, err := forge.Open(stage.Config())
	if err != nil {
		t.Fatal(err)
	}
	journal, err := state.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close() //nolint:errcheck // nobody reads it again
	controller, deaf := &now{}, &deafTo{Forge: f}
	s := &Statuses{Controller: controller, Journal: journal, Forge: deaf, Context: "tallyman", Branch: "main", Log: slog.New(slog.DiscardHandler)}
	controller.status = at(first, report.App{Phase: rollout.Progressing, Revision: first})
	controller.status.Apps = append(controller.status.Apps, report.App{Name: "blog", Phase: rollout.Complete, Held: &model.Held{Kind: model.HeldSoak, Revision: first, Reason: "soaks"}})
	if err := s.update(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := journal.Record(rollout.Record{App: "shop", Revision: first, Phase: rollout.Complete, StartedAt: time.Unix(1, 0)}, rollout.Standing{}); err != nil {
		t.Fatal(err)
	}
	controller.status = at(second, report.App{Phase: rollout.Progressing, Revision: second})
	deaf.to = "tallyman/rollout"
	for range 3 {
		if err := s.update(t.Context()); err == nil {
			t.Fatal("the forge takes all")
		}
	}
	deaf.to = ""
	for range 2 {
		if err := s.update(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, got := range stage.Statuses(first) {
		if got.Context == "tallyman/rollout" {
			if got.Verdict != forge.Errored {
				t.Errorf("the commit is %s (%s), and blog never got it", got.Verdict, got.Description)
			}
			break
		}
	}
	told, err := journal.Judged()
	if err != nil || slices.ContainsFunc(told, func(v report.Verdict) bool { return v.Commit == first }) {
		t.Errorf("it remembers %v, %v", told, err)
	}
}

// TestNoCommitThatWasInForceIsLost: not one that came and went before anybody looked,
// nor one that had its end while the forge was slow to take another.
func TestNoCommitThatWasInForceIsLost(t *testing.T) {
	stage := forgetest.GitHub(t)
	var commits []string
	for _, name := range []string{"one", "two", "three"} {
		commits = append(commits, stage.Branch(name, map[string]string{"a": name}))
	}
	f, err := forge.Open(stage.Config())
	if err != nil {
		t.Fatal(err)
	}
	journal, err := state.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close() //nolint:errcheck // nobody reads it again
	journal.NoteCommits()
	controller := &now{}
	slow := &slowForge{Forge: f, asked: make(chan struct{}), answer: make(chan struct{})}
	s := &Statuses{Controller: controller, Journal: journal, Forge: slow, Context: "tallyman", Branch: "main", Log: slog.New(slog.DiscardHandler)}
	look := func(commit string) {
		t.Helper()
		controller.status = at(commit, report.App{Phase: rollout.Complete, Revision: commit})
		if err := s.judge(&controller.status); err != nil {
			t.Fatal(err)
		}
	}
	look(commits[0])
	told := make(chan error)
	go func() { told <- s.tellDue(t.Context()) }()
	<-slow.asked // of the first commit, and it takes its time
	if err := journal.Accept(reconcile.Accepted{Revision: commits[1]}); err != nil {
		t.Fatal(err)
	}
	if err := journal.Record(rollout.Record{App: "shop", Revision: commits[1], Phase: rollout.Complete, StartedAt: time.Unix(1, 0)}, rollout.Standing{}); err != nil {
		t.Fatal(err)
	}
	look(commits[2])
	close(slow.answer)
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	for _, commit := range commits {
		expect(t, stage, commit, "success")
	}
}

// slowForge says when it is asked first, and answers when it is let.
type slowForge struct {
	forge.Forge
	once          sync.Once
	asked, answer chan struct{}
}

func (f *slowForge) SetStatus(ctx context.Context, s forge.Status) error {
	f.once.Do(func() { close(f.asked) })
	<-f.answer
	return f.Forge.SetStatus(ctx, s)
}

// TestASlowForgeKeepsNobodyFromLooking: what becomes of commits is noted while it has
// not answered.
func TestASlowForgeKeepsNobodyFromLooking(t *testing.T) {
	journal, err := state.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close() //nolint:errcheck // nobody reads it again
	slow := &slowForge{asked: make(chan struct{}), answer: make(chan struct{}), Forge: &deafTo{to: "tallyman/rollout"}}
	controller := &moving{changed: make(chan struct{}, 1)}
	s := &Statuses{Controller: controller, Journal: journal, Forge: slow, Context: "tallyman", Log: slog.New(slog.DiscardHandler)}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	<-slow.asked
	controller.moves.Store(true)
	controller.changed <- struct{}{}
	for noted := false; !noted; time.Sleep(10 * time.Millisecond) {
		all, err := journal.Judged()
		if err != nil {
			t.Fatal(err)
		}
		noted = slices.ContainsFunc(all, func(v report.Verdict) bool { return v.Commit == "second" })
	}
	stop()
	close(slow.answer)
	<-ended
	if why, _ := s.Fare(); why != "" {
		t.Errorf("the end of the controller is told as a failure: %s", why)
	}
}

// TestAForgeThatTakesNothingIsSaidToFail, until it takes what it was to be told.
func TestAForgeThatTakesNothingIsSaidToFail(t *testing.T) {
	journal, err := state.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close() //nolint:errcheck // nobody reads it again
	stage := forgetest.GitHub(t)
	commit := stage.Branch("one", map[string]string{"a": "1"})
	up, err := forge.Open(stage.Config())
	if err != nil {
		t.Fatal(err)
	}
	s := &Statuses{Journal: journal, Forge: &deafTo{Forge: up, to: "tallyman/rollout"}, Context: "tallyman", Log: slog.New(slog.DiscardHandler)}
	status := report.Status{Target: report.Revision{ID: commit}, SourceError: "it is wrong"}
	if err := s.judge(&status); err != nil {
		t.Fatal(err)
	}
	fares := func(want string) {
		ctx, stop := context.WithCancel(t.Context())
		due, ended := make(chan struct{}, 1), make(chan struct{})
		go func() { defer close(ended); s.tellAll(ctx, due) }()
		defer func() { stop(); <-ended }()
		poke(due)
		for why, _ := s.Fare(); why != want; why, _ = s.Fare() {
			time.Sleep(10 * time.Millisecond)
		}
	}
	fares("it does not answer")
	s.Forge = up
	fares("")
	if got := stage.Statuses(commit); len(got) != 1 || got[0].Verdict != forge.Failure {
		t.Errorf("in the end it was told %+v", got)
	}
}

// moving is a controller that is first at a refused commit, and then at another one.
type moving struct {
	moves   atomic.Bool
	changed chan struct{}
}

func (m *moving) Subscribe() (<-chan struct{}, func()) { return m.changed, func() {} }

func (m *moving) Status() report.Status {
	commit := "first"
	if m.moves.Load() {
		commit = "second"
	}
	return report.Status{Target: report.Revision{ID: commit}, SourceError: "it is wrong"}
}

// deafTo is a forge that does not take the statuses of one context.
type deafTo struct {
	forge.Forge
	to string
}

func (d *deafTo) SetStatus(ctx context.Context, s forge.Status) error {
	if s.Context == d.to {
		return errors.New("it does not answer")
	}
	return d.Forge.SetStatus(ctx, s)
}
