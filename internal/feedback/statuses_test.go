package feedback

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/internal/forge/forgetest"
	"github.com/tallyman-io/tallyman/internal/state"
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
		if err := s.Update(t.Context()); err != nil {
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
	if err := s.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := journal.Record(rollout.Record{App: "shop", Revision: first, Phase: rollout.Complete, StartedAt: time.Unix(1, 0)}, rollout.Standing{}); err != nil {
		t.Fatal(err)
	}
	controller.status = at(second, report.App{Phase: rollout.Progressing, Revision: second})
	deaf.to = "tallyman/rollout"
	for range 3 {
		if err := s.Update(t.Context()); err == nil {
			t.Fatal("the forge takes all")
		}
	}
	deaf.to = ""
	for range 2 {
		if err := s.Update(t.Context()); err != nil {
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
	told, err := journal.Told()
	if err != nil || slices.ContainsFunc(told, func(v report.Verdict) bool { return v.Commit == first }) {
		t.Errorf("it remembers %v, %v", told, err)
	}
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
