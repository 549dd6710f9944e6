package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/server"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

const applyHelp = `Bring the hosts to what the branch says, once: wait until it runs and is
healthy, and show how it gets there. A rollout that failed and stopped is begun
anew, and apps that do not follow the branch by themselves (sync.auto: false)
are rolled too. What an app was rolled back from stays on hold, so that apply
can be run again and again: tallyman retry lets go of it.

While a controller runs on the same state directory it does the work.

    $ tallyman apply --repo .
    default/hello: 0 old, 2 new, 0 healthy of 2
    default/hello: 0 old, 2 new, 2 healthy of 2
    converged: revision 7f3a91c2 "Say hello" runs and is healthy

EXIT STATUS
  0  converged, and all is healthy; or a canary is healthy and waits until
     somebody runs tallyman promote: then that is printed, and -o json has the
     outcome "waiting"
  3  a rollout failed, and the app was rolled back if there was something to go
     back to: the replica, its host, the reason and the last lines of its log
     are printed; also when that was before, and the app is still held there
  1  anything else: the manifests are not good, a host can't be reached and the
     rest is done (but for one that is drained, or that a controller gave up as
     lost, which is named), an app is pinned or paused, removals wait for
     --allow-removals, or time ran out; also when the manifests or the plan
     break a policy: then nothing is begun`

// stopTime is how long ops at work may take to end when nobody waits for the
// outcome any more.
const stopTime = 30 * time.Second

type applyOptions struct {
	revision      string
	allowRemovals bool
	timeout       time.Duration
}

func (a *app) applyCommand() *cobra.Command {
	var o applyOptions
	c := &cobra.Command{
		Use: "apply", Short: "Bring the hosts to what Git says, and wait", Long: applyHelp, Args: args(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(*cobra.Command, []string) error { return a.apply(o) },
	}
	c.Flags().StringVar(&o.revision, "revision", "", "apply this `COMMIT`, tag or branch instead of the branch's head")
	c.Flags().BoolVar(&o.allowRemovals, "allow-removals", false, "let more replicas go at once than an app's maxRemovals")
	c.Flags().DurationVar(&o.timeout, "timeout", 15*time.Minute, "wait for at most this `LONG`")
	return c
}

func (a *app) apply(o applyOptions) error {
	if o.timeout <= 0 {
		return fmt.Errorf("--timeout %s: must be more than 0", o.timeout)
	}
	ctx, cancel := context.WithTimeout(a.soft, o.timeout)
	defer cancel()
	c, err := a.controller(ctx)
	if err != nil {
		return err
	}
	if c != nil {
		defer c.Close()
		return a.applyThrough(ctx, c, o)
	}
	return a.applyHere(ctx, o)
}

// applyThrough has the running controller do it.
func (a *app) applyThrough(ctx context.Context, c *server.Client, o applyOptions) error {
	if err := a.sameRevision(ctx, c, o.revision); err != nil {
		return err
	}
	v := a.viewer(func(ctx context.Context, r report.Replica, w io.Writer) error {
		return c.Logs(ctx, server.LogOf{Replica: r.Key()}, engine.LogOptions{Tail: logLines, Kept: true}, w)
	})
	err := c.Apply(ctx, server.ApplyRequest{AllowRemovals: o.allowRemovals}, v.show)
	if err != nil && ctx.Err() == nil {
		return err
	}
	return v.finish(ctx)
}

// sameRevision refuses to take the hosts somewhere from where a controller
// would bring them back at once.
func (a *app) sameRevision(ctx context.Context, c *server.Client, revision string) error {
	if revision == "" {
		return nil
	}
	w := &world{}
	if err := w.open(ctx, a); err != nil {
		return err
	}
	defer w.close()
	wanted, err := w.repo.Resolve(ctx, revision)
	if err != nil {
		return err
	}
	head, err := w.repo.Fetch(ctx)
	if err != nil {
		return err
	}
	if wanted.ID != head.ID {
		return fmt.Errorf("apply revision %q: a controller runs here and holds the hosts to branch %s, which is at %s; it would bring them back at once. Stop it, or git revert",
			revision, a.global.branch, head.Short())
	}
	return nil
}

// applyHere runs a controller of our own until there is an outcome.
func (a *app) applyHere(ctx context.Context, o applyOptions) error {
	journal, err := a.journal(a.logger(slog.LevelWarn))
	if err != nil {
		return err
	}
	defer journal.Close() //nolint:errcheck // what matters was on disk before
	repo, err := a.repository(ctx, a.global.stateDir)
	if err != nil {
		return err
	}
	commit, err := resolve(ctx, repo, o.revision)
	if err != nil {
		return err
	}
	c, err := reconcile.New(reconcile.Config{
		Source: pinned{repo, commit}, Limits: a.global.limits.manifest(), Path: a.global.path, Owner: a.global.owner, Open: a.openHost, Registries: a.registries(), Journal: journal,
		Secrets: a.secrets(), Signers: a.signers, Named: o.revision != "", Log: a.logger(slog.LevelError), Manual: true, AllowRemovals: o.allowRemovals,
	})
	if err != nil {
		return err
	}
	return a.converge(ctx, c)
}

// converge runs the controller and follows it.
func (a *app) converge(ctx context.Context, c *reconcile.Controller) error {
	v := a.viewer(func(ctx context.Context, r report.Replica, w io.Writer) error {
		return c.Logs(ctx, r, engine.LogOptions{Tail: logLines, Kept: true}, w)
	})
	changed, unsubscribe := c.Subscribe()
	defer unsubscribe()
	run, stop := context.WithCancel(a.soft)
	ended := make(chan error, 1)
	go func() { ended <- c.Run(run, within(a.hard, run, stopTime)) }()
	err := follow(ctx, c, changed, v)
	if err == nil {
		err = v.finish(ctx)
	}
	stop()
	return errors.Join(err, <-ended)
}

// follow shows each status until one is an outcome.
func follow(ctx context.Context, c *reconcile.Controller, changed <-chan struct{}, v *viewer) error {
	for {
		if err := v.show(c.Status()); err != nil || report.OutcomeOf(&v.last) != report.Pending {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// pinned is a repository that stands still at one commit.
type pinned struct {
	*git.Repository
	commit git.Commit
}

func (p pinned) Fetch(context.Context) (git.Commit, error) { return p.commit, nil }
func (p pinned) Watch(context.Context, func())             {}
