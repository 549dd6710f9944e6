package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

const diffHelp = `Print what is different between the live containers and what Git asks for, field
by field: of everything, of an app, of a service or of one replica. The app may
be left out where only one fits.

    $ tallyman diff default/hello
    ± default/hello-1 on local
        image 1 → 2
        environment.LOG: info → debug

What a service's ignoreDifferences names is printed as ignored, and is no
difference. --suggest-ignore prints the block to put into the spec of each
service, for what somebody or something has changed since the containers were
made; look at what it names before you take it over.

EXIT STATUS
  0  no differences, or all are ignored; always with --suggest-ignore
  2  there are differences
  1  they could not be had`

func (a *app) diffCommand() *cobra.Command {
	suggest := false
	c := &cobra.Command{
		Use: "diff [APP|SERVICE|REPLICA]", Short: "Print how the live containers differ from Git", Long: diffHelp, Args: args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.complete(appNames, serviceNames, replicaNames),
		RunE:              func(c *cobra.Command, args []string) error { return a.diff(c.Context(), args, suggest) },
	}
	c.Flags().BoolVar(&suggest, "suggest-ignore", false, "print the ignoreDifferences that would let all drift be")
	return c
}

func (a *app) diff(ctx context.Context, args []string, suggest bool) error {
	s, err := a.decided(ctx)
	if err != nil {
		return err
	}
	changes := report.Differing(&s)
	if len(args) == 1 {
		if changes, err = report.ChangesOf(&s, args[0]); err != nil {
			return fmt.Errorf("diff %q: %w", args[0], err)
		}
	}
	if suggest {
		return a.suggestIgnore(changes)
	}
	if a.wantsJSON() {
		err = printJSON(a.out, append([]report.Change{}, changes...))
	} else {
		err = report.DiffText(a.out, changes, a.style())
	}
	counts := func(c report.Change) bool { return c.Verdict != plan.Unchanged }
	if err == nil && slices.ContainsFunc(changes, counts) {
		return exitCode(exitChanges)
	}
	return err
}

func (a *app) suggestIgnore(changes []report.Change) error {
	suggestions := report.SuggestIgnore(changes)
	if a.wantsJSON() {
		return printJSON(a.out, suggestions)
	}
	return report.SuggestionText(a.out, suggestions)
}
