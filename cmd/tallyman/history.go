package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/internal/state"
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
  1  the journal could not be read`

func (a *app) historyCommand() *cobra.Command {
	var n int
	c := &cobra.Command{
		Use: "history [APP]", Short: "List rollouts", Long: historyHelp, Args: args(cobra.MaximumNArgs(1)),
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
		return c.History(ctx, app, n)
	}
	s, err := state.OpenReadOnly(a.global.stateDir)
	if err != nil {
		return nil, err
	}
	defer s.Close() //nolint:errcheck // only read from
	return s.History(app, n)
}
