package feedback

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tallyman-io/tallyman/internal/follow"
	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// Journal is what happened, and what of it was told.
type Journal interface {
	// Recent is the last n rollouts of each app, the newest first.
	Recent(n int) ([]rollout.Record, error)
	// Judged is what was found out of commits last, Due what of it is still to be told.
	Judged() ([]report.Verdict, error)
	Due() ([]report.Verdict, error)
	Judge(found []report.Verdict) error
	Tell(report.Verdict) error
	Untell(told []report.Verdict) error
}

// Statuses keeps the statuses of commits. What becomes of them is found out at once
// and noted in the journal, and told from there: a forge that is slow, or away,
// delays that and loses nothing.
type Statuses struct {
	Controller Controller
	Journal    Journal
	Forge      forge.Forge
	// Context is what their contexts begin with: `tallyman/rollout` for the commit,
	// and `tallyman/rollout/shop` for app shop.
	Context string
	Branch  string
	Log     *slog.Logger

	trouble follow.Trouble
}

// history is how many rollouts of each app the outcome of a commit is looked for in.
const history = 100

// Run tells until ctx ends.
func (s *Statuses) Run(ctx context.Context) {
	due := make(chan struct{}, 1)
	var telling sync.WaitGroup
	defer telling.Wait()
	telling.Go(func() { s.tellAll(ctx, due) })
	keep(ctx, s.Controller, func(_ context.Context, status report.Status) error {
		err := s.judge(&status)
		poke(due)
		return err
	}, func(err error) {
		s.Log.Warn("what becomes of commits can't be noted, which is tried again", "error", err)
	})
}

func poke(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// Fare is why the forge can't be told, and since when; "" when it can.
func (s *Statuses) Fare() (err string, since time.Time) { return s.trouble.Fare() }

// judge notes what has become of commits.
func (s *Statuses) judge(status *report.Status) error {
	judged, err := s.Journal.Judged()
	if err != nil {
		return err
	}
	var records []rollout.Record
	if slices.ContainsFunc(judged, func(v report.Verdict) bool { return status.LeftBehind(v.Commit) && v.Is == report.FateOpen }) {
		if records, err = s.Journal.Recent(history); err != nil {
			return err
		}
	}
	found := slices.DeleteFunc(report.Verdicts(status, judged, records), func(v report.Verdict) bool { return slices.Contains(judged, v) })
	done := slices.DeleteFunc(slices.Clone(judged), func(v report.Verdict) bool {
		// What the apps were told counts until the whole commit has its end.
		open := func(w report.Verdict) bool {
			return w.Commit == v.Commit && (w.App == "" || w == v) && w.Is == report.FateOpen
		}
		return !status.LeftBehind(v.Commit) || slices.ContainsFunc(judged, open)
	})
	return errors.Join(s.Journal.Judge(found), s.Journal.Untell(done))
}

// tellAll tells what is due, whenever something may be.
func (s *Statuses) tellAll(ctx context.Context, due chan struct{}) {
	for failures := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-due:
		}
		err := s.tellDue(ctx)
		if ctx.Err() != nil {
			return
		}
		if s.trouble.Note(err, time.Now()) {
			s.Log.Warn("the forge can't be told how commits went, and is tried again", "error", err)
		}
		if failures++; err == nil {
			failures = 0
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(follow.Pause(failures)):
			poke(due)
		}
	}
}

// tellDue tells once each what is due, also what becomes so meanwhile. What fails does
// not keep the rest from being told.
func (s *Statuses) tellDue(ctx context.Context) error {
	var failed []error
	tried := map[report.Verdict]bool{}
	for ctx.Err() == nil {
		due, err := s.Journal.Due()
		if err != nil {
			return err
		}
		next := slices.IndexFunc(due, func(v report.Verdict) bool { return !tried[v] })
		if next < 0 {
			break
		}
		tried[due[next]] = true
		failed = append(failed, s.tell(ctx, due[next]))
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
