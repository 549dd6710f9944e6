package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

const describeHelp = `Tell all that is known of one thing: an app (shop), a service (shop/web), a
job (shop/migrate), a replica (shop/web-2), a host (edge-1), or the newest
rollout of an app to a revision (shop@7f3a91c2). The app may be left out where
only one fits. With -o json what was found is a list.

    $ tallyman describe default/hello-1
    replica default/hello-1
      host       local
      container  default-hello-1-7f3a91c2
      state      running
      health     Healthy

EXIT STATUS
  0  told
  1  there is no such thing, or the state could not be had`

func (a *app) describeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "describe APP|SERVICE|JOB|REPLICA|HOST|APP@REVISION", Short: "Tell all about one thing", Long: describeHelp, Args: args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.complete(appNames, serviceNames, jobNames, replicaNames, hostNames),
		RunE:              func(c *cobra.Command, args []string) error { return a.describe(c.Context(), args[0]) },
	}
}

func (a *app) describe(ctx context.Context, name string) error {
	if app, revision, ok := strings.Cut(name, "@"); ok {
		return a.describeRollout(ctx, app, revision)
	}
	s, err := a.decided(ctx)
	if err != nil {
		return err
	}
	found, err := report.Find(&s, name)
	if err != nil {
		return fmt.Errorf("describe %q: %w", name, err)
	}
	if a.wantsJSON() {
		return printJSON(a.out, found)
	}
	return report.DescribeText(a.out, &s, found, a.style())
}

// describeRollout tells of an app's newest rollout to a revision.
func (a *app) describeRollout(ctx context.Context, app, revision string) error {
	records, err := a.history(ctx, app, allRollouts)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(records, func(r rollout.Record) bool { return revision != "" && strings.HasPrefix(r.Revision, revision) })
	if at < 0 {
		return fmt.Errorf("describe %q: no rollout of app %s to that revision is remembered; tallyman history %s lists them", app+"@"+revision, app, app)
	}
	if a.wantsJSON() {
		return printJSON(a.out, records[at:at+1])
	}
	return report.RolloutText(a.out, records, at, a.style())
}
