package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

const diffHelp = `Print what is different between the live containers and what Git asks for, field
by field: of everything, of an app, of a service or of one replica. The app may
be left out where only one fits.

    $ tallyman diff default/hello
    ± default/hello-1 on local
        image 1 → 2
        env LOG: info → debug

EXIT STATUS
  0  no differences
  2  there are differences
  1  they could not be had`

func (a *app) diffCommand() *cobra.Command {
	return &cobra.Command{
		Use: "diff [APP|SERVICE|REPLICA]", Short: "Print how the live containers differ from Git", Long: diffHelp, Args: args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.complete(appNames, serviceNames, replicaNames),
		RunE:              func(c *cobra.Command, args []string) error { return a.diff(c.Context(), args) },
	}
}

func (a *app) diff(ctx context.Context, args []string) error {
	s, err := a.status(ctx)
	if err != nil {
		return err
	}
	changes := s.Changes
	if len(args) == 1 {
		if changes, err = report.ChangesOf(&s, args[0]); err != nil {
			return fmt.Errorf("diff %q: %w", args[0], err)
		}
	}
	if a.wantsJSON() {
		err = printJSON(a.out, append([]report.Change{}, changes...))
	} else {
		err = report.DiffText(a.out, changes, a.style())
	}
	if err == nil && len(changes) > 0 {
		return exitCode(exitChanges)
	}
	return err
}
