package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

const volumeHelp = `Volumes hold data, so no commit ever removes one: these commands do, one at a
time. "tallyman get volumes" lists them.

    $ tallyman volume remove shop-data-1a2b3c4d --host edge-1

EXIT STATUS
  0  done
  1  not done, and why`

const volumeRemoveHelp = `Remove a volume from a host, with all that is in it.

NAME is the volume's name in the manifests, with or without its app (shop/data),
or its name on the host. It must be one that Tallyman made and that nothing on
the host uses: no replica runs or is to run with it there, and no container,
also none of somebody else's, mounts it. One that is protected has to lose
"protect: true" by a commit first. On a terminal the name has to be typed again;
elsewhere --yes is needed.

    $ tallyman get volumes
    VOLUME  APP   HOST    USE       USED BY  DRIVER  AGE  NAME ON HOST
    -       shop  edge-1  orphaned  -        local   3d   shop-data-1a2b3c4d
    $ tallyman volume remove shop-data-1a2b3c4d --host edge-1 --yes
    removed volume shop-data-1a2b3c4d on edge-1

EXIT STATUS
  0  removed
  1  not removed, and why`

// removal is what is to be removed, and from where.
type removal struct {
	name, host string
	yes        bool
}

func (a *app) volumeCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "volume", Short: "Remove volumes, which no commit does", Long: volumeHelp, Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.volumeRemoveCommand())
	return c
}

func (a *app) volumeRemoveCommand() *cobra.Command {
	var r removal
	c := &cobra.Command{
		Use: "remove NAME", Aliases: []string{"rm"}, Short: "Remove a volume with all that is in it", Long: volumeRemoveHelp, Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			r.name = args[0]
			return a.removeVolume(c.Context(), r)
		},
	}
	c.Flags().StringVar(&r.host, "host", "", "`HOST` that has it, where several have one of that name")
	c.Flags().BoolVar(&r.yes, "yes", false, "do not ask")
	return c
}

// removeVolume looks at the hosts itself, also when a controller runs: what is
// removed is what was found unused a moment ago, and the engine has the last word.
func (a *app) removeVolume(ctx context.Context, r removal) error {
	w, err := a.lookAround(ctx, look{fallBack: true})
	if err != nil {
		return err
	}
	defer w.close()
	s := w.status(time.Now())
	v, err := oneVolume(&s, r)
	if err != nil {
		return err
	}
	if err := w.removable(v); err != nil {
		return err
	}
	remover, ok := w.engines[v.Host].(engine.VolumeRemover)
	if !ok {
		return fmt.Errorf("remove volume %q: there is no connection to host %q", v.HostName, v.Host)
	}
	question := fmt.Sprintf("remove volume %q on %s with all that is in it", v.HostName, v.Host)
	if err := a.confirm(question, v.HostName, r.yes); err != nil {
		return err
	}
	if err := remover.RemoveVolume(ctx, v.HostName, s.Owner); err != nil {
		return err
	}
	if a.wantsJSON() {
		return printJSON(a.out, v)
	}
	_, err = fmt.Fprintf(a.out, "removed volume %s on %s\n", v.HostName, v.Host)
	return err
}

// oneVolume is the volume that is meant.
func oneVolume(s *report.Status, r removal) (report.VolumeOnHost, error) {
	found := report.Volumes(s, r.name, r.host)
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) == 0 && r.host != "":
		return report.VolumeOnHost{}, fmt.Errorf("remove volume %q: host %q has no such volume of ours; tallyman get volumes lists them", r.name, r.host)
	case len(found) == 0:
		return report.VolumeOnHost{}, fmt.Errorf("remove volume %q: no host has such a volume of ours; tallyman get volumes lists them", r.name)
	}
	var where []string
	for i := range found {
		where = append(where, found[i].HostName+" on "+found[i].Host)
	}
	return report.VolumeOnHost{}, fmt.Errorf("remove volume %q: there are %s; say which with --host, or by its name on the host", r.name, strings.Join(where, " and "))
}

// removable refuses what must not go.
func (w *world) removable(v report.VolumeOnHost) error {
	protect := v.Protect
	if said, known := w.memory.Guards[v.App][model.VolumeKey(v.HostName)]; known && v.Name == "" {
		protect = said.Protect // the last word of a manifest that has gone
	}
	why := ""
	switch {
	case v.External:
		why = "it is external, and not Tallyman's to remove; use docker volume rm"
	case v.Use == report.InUse:
		why = fmt.Sprintf("%s on %s needs it; take it out of the manifests first", strings.Join(v.UsedBy, ", "), v.Host)
	case protect && v.Name == "":
		why = "its manifest protected it when it went; use docker volume rm if that is no longer meant"
	case protect:
		why = "it is protected; commit protect: false first"
	}
	if why == "" {
		return nil
	}
	return fmt.Errorf("remove volume %q: %s", v.HostName, why)
}

var errNotConfirmed = errors.New("not confirmed, nothing was done")

// confirm has the name of what is to go typed again, by a person.
func (a *app) confirm(what, name string, yes bool) error {
	if yes {
		return nil
	}
	prompt := fmt.Sprintf("This is for good: %s.\nType the name to go on: ", what)
	return a.ask(question{what, prompt, name}, errNotConfirmed)
}
