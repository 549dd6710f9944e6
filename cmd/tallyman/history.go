package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/internal/suggest"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

const historyHelp = `List the rollouts of an app, or of all apps, newest first: which commit, when,
how long it took, and what came of it.

    $ tallyman history default
    APP      REVISION  STARTED  TOOK  OUTCOME   COMMIT
    default  7f3a91c2  3m ago   4.1s  complete  Say hello again (Ada)

EXIT STATUS
  0  listed
  1  there is no such app, or the journal could not be read`

func (a *app) historyCommand() *cobra.Command {
	var n int
	c := &cobra.Command{
		Use: "history [APP]", Short: "List rollouts", Long: historyHelp, Args: args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.complete(appNames),
		RunE: func(c *cobra.Command, args []string) error {
			if err := atLeast("number", n, 1); err != nil {
				return err
			}
			records, err := a.history(c.Context(), append(args, "")[0], n)
			if err != nil {
				return err
			}
			if a.wantsJSON() {
				return printJSON(a.out, records)
			}
			return report.HistoryText(a.out, records, time.Now(), a.style())
		},
	}
	c.Flags().IntVarP(&n, "number", "n", 20, "list at most this `MANY`")
	return c
}

func (a *app) history(ctx context.Context, app string, n int) ([]rollout.Record, error) {
	c, err := a.controller(ctx)
	if err != nil {
		return nil, err
	}
	if c != nil {
		defer c.Close()
		return historyOf(app, n, reader{
			func(app string, n int) ([]rollout.Record, error) { return c.History(ctx, app, n) },
			func() ([]string, error) {
				s, err := c.Status(ctx)
				return appNames(&s), err
			},
		})
	}
	s, err := state.OpenReadOnly(a.global.stateDir)
	if err != nil {
		return nil, err
	}
	defer s.Close() //nolint:errcheck // only read from
	return historyOf(app, n, reader{s.History, func() ([]string, error) { return a.declaredApps(ctx) }})
}

// reader is where the history and the names of the apps that there are now come
// from.
type reader struct {
	history func(app string, n int) ([]rollout.Record, error)
	apps    func() ([]string, error)
}

// allRollouts is more than the journal keeps.
const allRollouts = 1 << 20

// historyOf tells an app that has not rolled yet from one that there is not.
func historyOf(app string, n int, from reader) ([]rollout.Record, error) {
	records, err := from.history(app, n)
	if err != nil || app == "" || len(records) > 0 {
		return records, err
	}
	all, err := from.history("", allRollouts)
	if err != nil {
		return nil, err
	}
	known, err := from.apps()
	if err != nil {
		return nil, fmt.Errorf("history %q: no rollout of it is known, and whether there is such an app can't be told: %w", app, err)
	}
	if slices.Contains(known, app) {
		return records, nil
	}
	for i := range all {
		known = append(known, all[i].App)
	}
	return nil, fmt.Errorf("history %q: no such app%s; tallyman get apps lists them", app, suggest.DidYouMean(app, known))
}

// declaredApps are those in the branch's manifests.
func (a *app) declaredApps(ctx context.Context) ([]string, error) {
	w := &world{}
	defer w.close()
	if err := w.open(ctx, a); err != nil {
		return nil, err
	}
	commit, err := w.repo.Fetch(ctx)
	if err != nil {
		return nil, err
	}
	d, err := a.build(ctx, w.repo, reconcile.BuildOptions{Commit: commit})
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range d.Apps {
		names = append(names, d.Apps[i].Name)
	}
	return names, nil
}
