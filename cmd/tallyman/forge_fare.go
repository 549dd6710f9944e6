package main

import (
	"time"

	"github.com/tallyman-io/tallyman/internal/feedback"
	"github.com/tallyman-io/tallyman/internal/pulls"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// openForge makes what tells the forge of commits and answers pull requests.
func (w *forgeWork) openForge() (err error) {
	if w.at, err = w.forgeConfig(w.flags); err != nil {
		return err
	}
	w.journal.NoteCommits()
	w.statuses = &feedback.Statuses{
		Controller: w.controller, Journal: w.journal, Forge: w.forge, Context: w.flags.context, Branch: w.branch(), Log: w.log,
	}
	w.answers = &pulls.Loop{
		Previews: w.previews, PreviewTexts: w.previewTexts, Journal: w.journal,
		Forge: w.forge, Propose: w.propose, Base: w.base, Keep: w.keep,
		Branch: w.branch(), Path: w.global.path, Context: w.flags.context + "/plan", ForkLabel: w.flags.forkLabel,
		Poll: w.flags.poll, Log: w.log,
	}
	return nil
}

// fare is how the forge fares: as whoever has failed there for the longest says.
func (w *forgeWork) fare() *report.Forge {
	f := &report.Forge{Kind: string(w.at.Kind), Repository: w.at.Repository}
	for _, fare := range []func() (string, time.Time){w.statuses.Fare, w.answers.Fare} {
		if why, since := fare(); why != "" && (f.Error == "" || since.Before(f.Since)) {
			f.Error, f.Since = why, since
		}
	}
	if w.hook != nil {
		f.Refused = w.hook.Refused()
	}
	return f
}
