package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

const statusHelp = `Tell what runs: is it what Git says, is it healthy, since when, and if not, why.

A running controller is asked; without one the repository and the hosts are
looked at once.

    $ tallyman status
    owner   fleet-1a2b3c4d
    sync    Synced
    health  Healthy
    target  7f3a91c2 "Say hello again" by Ada, 3m ago

EXIT STATUS
  0  the status is known, whatever it is
  1  it could not be had, or with --exit-code: nothing is decided yet
  2  with --exit-code only: it is known and not Synced and Healthy`

func (a *app) statusCommand() *cobra.Command {
	var judge bool
	c := &cobra.Command{
		Use: "status", Short: "Tell what runs, and whether it is what Git says", Long: statusHelp, Args: args(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, _ []string) error { return a.showStatus(c.Context(), judge) },
	}
	c.Flags().BoolVar(&judge, "exit-code", false, "end with 2 unless all is Synced and Healthy")
	return c
}

func (a *app) showStatus(ctx context.Context, judge bool) error {
	s, err := a.status(ctx)
	if err != nil {
		return err
	}
	if a.wantsJSON() {
		err = printJSON(a.out, s)
	} else {
		err = report.StatusText(a.out, &s, a.style())
	}
	if err == nil && judge && s.Undecided != "" {
		return undecided(&s)
	}
	if err == nil && judge && (s.Sync != report.Synced || s.Health != report.Healthy) {
		return exitCode(exitChanges)
	}
	return err
}
