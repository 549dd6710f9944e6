package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/engine/docker"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

const hostForgetHelp = `Forget a host that is gone for good: which containers and volumes of ours it had,
and what was put there. Nothing waits for it then, and nobody tries to reach it
any more. Nothing is removed from the host itself, should it come back.

That is refused as long as a manifest declares the host, because then it is
expected back: remove its Host manifest by a commit first. And it is refused when
the host answers: then what is there of ours is moved away and removed, and the
host is let go by itself. Data in volumes that only this host had is lost with it;
a service with such a volume begins anew with an empty one elsewhere.

On a terminal the name has to be typed again; elsewhere --yes is needed.

    $ tallyman host forget edge-9 --yes
    host edge-9 is forgotten: 3 containers, 1 volume

EXIT STATUS
  0  forgotten
  1  not forgotten, and why`

func (a *app) hostForgetCommand() *cobra.Command {
	o := rollout.Order{Verb: rollout.VerbForget}
	var yes bool
	c := &cobra.Command{
		Use: "forget HOST", Short: "Forget a host that is gone for good", Long: hostForgetHelp, Args: args(cobra.ExactArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			o.Host, o.By = args[0], cmp.Or(o.By, whoami())
			return a.forgetHost(c.Context(), o, yes)
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.Flags().StringVar(&o.By, "by", "", "`NAME` of who orders it (default: you)")
	c.Flags().StringVar(&o.Reason, "reason", "", "`WHY`, for the events")
	return c
}

// forgotten is what -o json prints.
type forgotten struct {
	Host       string `json:"host"`
	Containers int    `json:"containers"`
	Volumes    int    `json:"volumes"`
}

func (a *app) forgetHost(ctx context.Context, o rollout.Order, yes bool) error {
	memory, err := a.forgettable(ctx, o.Host)
	if err != nil {
		return err
	}
	seen := memory.Hosts[o.Host]
	what := forgotten{o.Host, len(seen.Containers), len(seen.Volumes)}
	question := fmt.Sprintf("forget host %q with %s", o.Host, what)
	if err := a.confirm(question, o.Host, yes); err != nil {
		return err
	}
	c, err := a.controller(ctx)
	if err != nil {
		return err
	}
	if c != nil {
		defer c.Close()
		err = c.Order(ctx, o)
	} else {
		err = a.noteForgotten(o, memory.Placed)
	}
	if err != nil {
		return err
	}
	if a.wantsJSON() {
		return printJSON(a.out, what)
	}
	_, err = fmt.Fprintf(a.out, "host %s is forgotten: %s\n", o.Host, what)
	return err
}

// String counts for people.
func (f forgotten) String() string {
	return model.Count(f.Containers, "container", "containers") + ", " + model.Count(f.Volumes, "volume", "volumes")
}

// forgettable is what is remembered, if the host may be forgotten. Whether it
// answers is found out here and now, also when a controller runs: that follows only
// hosts that had containers.
func (a *app) forgettable(ctx context.Context, host string) (reconcile.Memory, error) {
	w := a.newWorld()
	defer w.close()
	err := w.remember(ctx, a)
	if err != nil {
		return w.memory, err
	}
	if err := w.open(ctx, a); err != nil {
		return w.memory, err
	}
	if w.target, err = w.repo.Fetch(ctx); err != nil {
		return w.memory, err
	}
	if err := w.build(ctx, a, true); err != nil {
		return w.memory, err
	}
	if err := reconcile.MayForget(host, w.desired, w.memory); err != nil {
		return w.memory, err
	}
	return w.memory, answers(ctx, w.memory.Hosts[host].Host)
}

// answers is an error when the host does.
func answers(ctx context.Context, h model.Host) error {
	if h.Endpoint == "" {
		return nil // nothing is known of it but its name
	}
	e, err := docker.New(h)
	if err != nil {
		return fmt.Errorf("forget host %q: whether it still answers can't be found out: %w", h.Name, err)
	}
	defer e.Close() //nolint:errcheck // nothing was written through it
	bounded, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if e.Ping(bounded) == nil {
		return reconcile.Answers(h.Name)
	}
	return ctx.Err()
}

// noteForgotten has the journal forget the host.
func (a *app) noteForgotten(o rollout.Order, placed reconcile.Placements) error {
	journal, err := a.journal(a.logger(slog.LevelWarn))
	if err != nil {
		return err
	}
	defer journal.Close() //nolint:errcheck // what matters was on disk before
	if _, err := reconcile.Forget(journal, o.Host, placed); err != nil {
		return err
	}
	return journal.Event(reconcile.OrderEvent(o, time.Now()))
}
