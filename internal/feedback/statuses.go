package feedback

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// Journal is what happened, and what of it was told.
type Journal interface {
	// Recent is the last n rollouts of each app, the newest first.
	Recent(n int) ([]rollout.Record, error)
	Told() ([]report.Verdict, error)
	Tell(report.Verdict) error
	Untell(report.Verdict) error
}

// Statuses keeps the statuses of commits.
type Statuses struct {
	Controller Controller
	Journal    Journal
	Forge      forge.Forge
	// Context is what their contexts begin with: `tallyman/rollout` for the commit,
	// and `tallyman/rollout/shop` for app shop.
	Context string
	Branch  string
	Log     *slog.Logger
}

// history is how many rollouts of each app the outcome of a commit is looked for in.
const history = 100

// Run tells until ctx ends.
func (s *Statuses) Run(ctx context.Context) {
	keep(ctx, s.Controller, s.Update, func(err error) {
		s.Log.Warn("the forge can't be told how commits went, and is tried again", "error", err)
	})
}

// Update tells what has not been told yet. What fails does not keep the rest from
// being told.
func (s *Statuses) Update(ctx context.Context) error {
	told, err := s.Journal.Told()
	if err != nil {
		return err
	}
	status := s.Controller.Status()
	var records []rollout.Record
	if slices.ContainsFunc(told, func(v report.Verdict) bool { return status.LeftBehind(v.Commit) && v.Is == report.FateOpen }) {
		if records, err = s.Journal.Recent(history); err != nil {
			return err
		}
	}
	known := map[[2]string]report.Verdict{}
	for _, v := range told {
		known[[2]string{v.Commit, v.App}] = v
	}
	var failed []error
	for _, v := range report.Verdicts(&status, told, records) {
		if known[[2]string{v.Commit, v.App}] != v {
			failed = append(failed, s.tell(ctx, v))
		}
	}
	for _, v := range told {
		// What the apps were told counts until the whole commit has its end.
		whole := known[[2]string{v.Commit, ""}]
		if status.LeftBehind(v.Commit) && v.Is != report.FateOpen && whole.Is != report.FateOpen {
			failed = append(failed, s.Journal.Untell(v))
		}
	}
	return errors.Join(failed...)
}

// tell has the forge know before the journal does: twice is better than never.
func (s *Statuses) tell(ctx context.Context, v report.Verdict) error {
	name := s.Context + "/rollout"
	if v.App != "" {
		name += "/" + v.App
	}
	err := s.Forge.SetStatus(ctx, forge.Status{
		Commit: v.Commit, Context: name, Verdict: verdictOf(v.Is), Description: v.Text, Branch: s.Branch,
	})
	if class := forge.ClassOf(err); v.Is != report.FateOpen && (class == forge.NotFound || class == forge.Invalid) {
		s.Log.Warn("the forge takes no status of a commit", "commit", v.Commit, "error", err) // it may be gone; it won't be another time
		err = nil
	}
	if err != nil {
		return err
	}
	return s.Journal.Tell(v)
}

// verdictOf is a fate in the words of forges, which have none for a commit that was
// never found out about.
func verdictOf(f report.Fate) forge.Verdict {
	switch f {
	case report.FateGood:
		return forge.Success
	case report.FateBad:
		return forge.Failure
	case report.FateDropped:
		return forge.Errored
	}
	return forge.Pending
}
