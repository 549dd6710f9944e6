package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/internal/settings"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

const getHelp = `List hosts, apps, services or replicas with their state.

    $ tallyman get apps
    APP      SYNC    HEALTH   ROLLOUT   REVISION  SINCE  WHY
    default  Synced  Healthy  complete  7f3a91c2  3m

EXIT STATUS
  0  listed
  1  the state could not be had`

func (a *app) getCommand() *cobra.Command {
	kinds := []string{"hosts", "apps", "services", "replicas"}
	return &cobra.Command{
		Use: "get hosts|apps|services|replicas", Short: "List hosts, apps, services or replicas", Long: getHelp,
		Args: args(cobra.ExactArgs(1)), ValidArgs: kinds,
		RunE: func(c *cobra.Command, args []string) error { return a.get(c.Context(), args[0], kinds) },
	}
}

func (a *app) get(ctx context.Context, kind string, kinds []string) error {
	if _, known := report.Get(&report.Status{}, kind); !known {
		return fmt.Errorf("get %q: there are hosts, apps, services and replicas%s", kind, settings.DidYouMean(kind, kinds))
	}
	s, err := a.status(ctx)
	if err != nil {
		return err
	}
	if a.wantsJSON() {
		list, _ := report.Get(&s, kind)
		return printJSON(a.out, list)
	}
	_, err = report.GetText(a.out, &s, kind, a.style())
	return err
}
