package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/edit"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

const rollbackHelp = `Take an app back: make a commit in which the app's folder is what it was at a
revision, and push it. It rolls out like any commit; other apps stay as they
are. Without --to that is the last revision at which the app was healthy, before
what the branch says now.

With --pin no commit is made: the app is held to the revision, whatever the
branch says, and every output says so, until ` + "`tallyman resume`" + `. That is for
emergencies.

Where the branch can't be pushed to, the git commands that do the same are
printed.

    $ tallyman rollback shop
    app shop: commit 9c01d2ab "Roll back app shop to 7f3a91c2"
    $ tallyman rollback shop --to v1.4.1 --reason "errors at checkout"
    $ tallyman rollback shop --pin

EXIT STATUS
  0  committed, or pinned
  1  it could not be done`

type rollbackOptions struct {
	to, by, reason string
	pin            bool
}

func (a *app) rollbackCommand() *cobra.Command {
	var o rollbackOptions
	c := &cobra.Command{
		Use: "rollback APP", Short: "Take an app back to an earlier revision", Long: rollbackHelp, Args: args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.complete(appNames),
		RunE:              func(c *cobra.Command, args []string) error { return a.rollback(c.Context(), args[0], o) },
	}
	c.Flags().StringVar(&o.to, "to", "", "go back to this `COMMIT`, tag or branch")
	c.Flags().BoolVar(&o.pin, "pin", false, "hold the app to the revision, without a commit")
	c.Flags().StringVar(&o.by, "by", "", "`NAME` or \"Name <email>\" of who asks for it (default: as git is configured, or you)")
	c.Flags().StringVar(&o.reason, "reason", "", "`WHY`, for the commit's message or the status")
	return c
}

func (a *app) rollback(ctx context.Context, app string, o rollbackOptions) error {
	to, err := a.rollbackTo(ctx, app, o.to)
	if err != nil {
		return err
	}
	if o.pin {
		order := rollout.Order{Verb: rollout.VerbPin, App: app, By: cmp.Or(o.by, whoami()), Reason: o.reason, Revision: to.ID}
		return a.order(ctx, order, fmt.Sprintf("is pinned to %.8s %q", to.ID, to.Subject))
	}
	return a.commitRollback(ctx, app, to, o)
}

// rollbackTo finds the revision to go back to.
func (a *app) rollbackTo(ctx context.Context, app, revision string) (git.Commit, error) {
	w := a.newWorld()
	defer w.close()
	if err := w.open(ctx, a); err != nil {
		return git.Commit{}, err
	}
	if revision != "" {
		return w.repo.Resolve(ctx, revision)
	}
	records, err := a.history(ctx, app, allRollouts)
	if err != nil {
		return git.Commit{}, fmt.Errorf("roll back app %q: %w", app, err)
	}
	if err := w.remember(ctx, a); err != nil {
		return git.Commit{}, err
	}
	head, err := w.repo.Fetch(ctx)
	if err != nil {
		return head, err
	}
	good, found := rollout.LastGood(records, a.digestAt(ctx, w, head, app))
	if !found {
		return head, fmt.Errorf("roll back app %q: no earlier revision is remembered at which it was healthy; name one with --to", app)
	}
	return w.repo.Resolve(ctx, good.Revision)
}

// digestAt is the app's rendering at a commit; "" where that can't be rendered.
func (a *app) digestAt(ctx context.Context, w *world, commit git.Commit, app string) string {
	d, err := w.render(ctx, a, commit)
	if err != nil {
		return ""
	}
	for i := range d.Apps {
		if d.Apps[i].Name == app {
			return d.Apps[i].Digest
		}
	}
	return ""
}

// rolledBack is what -o json prints.
type rolledBack struct {
	App     string `json:"app"`
	To      string `json:"to"` // the revision whose files are in force again
	Commit  string `json:"commit"`
	Subject string `json:"subject"`
}

func (a *app) commitRollback(ctx context.Context, app string, to git.Commit, o rollbackOptions) error {
	repo, err := a.repository(ctx, a.global.stateDir)
	if err != nil {
		return err
	}
	r := edit.Rollback{
		Repository: repo, Loader: manifest.NewLoader(a.global.limits.manifest()), Path: a.global.path,
		App: app, To: to, By: authorOf(repo, o.by), Reason: o.reason,
	}
	made, err := r.Run(ctx)
	if errors.Is(err, git.ErrNothingToCommit) {
		return fmt.Errorf("roll back app %q: the branch has it as it was at %.8s already", app, to.ID)
	}
	if err != nil {
		return err
	}
	a.warnOfOrders(ctx, app)
	if a.wantsJSON() {
		return printJSON(a.out, rolledBack{app, to.ID, made.ID, made.Subject})
	}
	fmt.Fprintf(a.out, "app %s: commit %.8s %q\n", app, made.ID, made.Subject)
	return nil
}

// warnOfOrders tells of what keeps the commit from being rolled out.
func (a *app) warnOfOrders(ctx context.Context, app string) {
	w := a.newWorld()
	if err := w.remember(ctx, a); err != nil {
		return // the commit is made, and the status will say it
	}
	if standing := w.memory.Standings[app]; standing.Pin != nil || standing.Pause != nil {
		a.warn("app %s is pinned or paused: the commit counts when somebody runs `tallyman resume %s`", app, app)
	}
}

// authorOf reads `Name <email>`, or a name, which stands for both. Without it the
// author is whom git would take, or else the user of the system.
func authorOf(repo *git.Repository, by string) git.Signature {
	if known, is := repo.Identity(); by == "" && is {
		return known
	}
	by = cmp.Or(by, whoami())
	name, rest, ok := strings.Cut(by, " <")
	if !ok {
		return git.Signature{Name: by, Email: by}
	}
	return git.Signature{Name: name, Email: strings.TrimSuffix(rest, ">")}
}
