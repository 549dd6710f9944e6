package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/internal/suggest"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

const getHelp = `List hosts, apps, services, replicas, jobs, volumes, networks, previews or
images with their state. Of a host it says how much of its CPUs and memory is
set aside for what is placed there. Of a volume it says who uses it on its host,
and whether it is orphaned: no manifest mounts it any more. Only "tallyman
volume remove" removes a volume, and the end of a preview its own. Of a preview
it says what became of the pull request, for how long it stays, and where it
answers. Images are those that a policy follows: what the manifests have, what
comes next, and when the registry was asked, which takes a running controller.

    $ tallyman get apps
    APP      SYNC    HEALTH   ROLLOUT   REVISION  SINCE  WHY
    default  Synced  Healthy  complete  7f3a91c2  3m

EXIT STATUS
  0  listed
  1  the state could not be had`

func (a *app) getCommand() *cobra.Command {
	kinds := report.Kinds()
	return &cobra.Command{
		Use: "get " + strings.Join(kinds, "|"), Short: "List hosts, apps, services, replicas, jobs, volumes, networks, previews or images", Long: getHelp,
		Args: args(cobra.ExactArgs(1)), ValidArgs: kinds, DisableFlagsInUseLine: true, // the kinds take the width
		RunE: func(c *cobra.Command, args []string) error { return a.get(c.Context(), args[0], kinds) },
	}
}

func (a *app) get(ctx context.Context, kind string, kinds []string) error {
	if _, known := report.Get(&report.Status{}, kind); !known {
		return fmt.Errorf("get %q: there are %s%s", kind, strings.Join(kinds, ", "), suggest.DidYouMean(kind, kinds))
	}
	s, err := a.decided(ctx)
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
