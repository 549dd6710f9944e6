package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/edit"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

const cordonHelp = `Give a host nothing new: make a commit that sets schedulable: false in its Host
manifest, and push it. What runs there stays. The file's comments and layout are
kept.

` + pinHelp + `

    $ tallyman cordon edge-1 --reason "its disk makes noises"
    host edge-1: commit 9c01d2ab "Cordon host edge-1"

EXIT STATUS
  0  committed or ordered, or it was cordoned already
  1  it could not be done`

const drainHelp = `Empty a host: make a commit that sets drain: true in its Host manifest, and push
it. Nothing new is placed there, so it need not be cordoned besides, and each
replica moves to a host that fits, under its service's update policy and never
below its minAvailable; the new one is healthy first where both can be. What no
other host can take stays, and "tallyman describe HOST" says why. Replicas of
services with mode global stay, too, as each belongs to its host, and so do
volumes; runs of jobs go on to their end.

With --wait it goes on until the host is empty, and tells what is left so far.

` + pinHelp + `

    $ tallyman drain edge-1 --reason "a new kernel" --wait
    host edge-1: commit 9c01d2ab "Drain host edge-1"
    edge-1: 2 left: shop/web-1: moves to edge-2; shop/web-3: moves to edge-3
    edge-1 is drained

EXIT STATUS
  0  committed or ordered, or it was so already; with --wait: the host is empty
  1  it could not be done; with --wait: not empty in time, and what blocks it`

const uncordonHelp = `Let a host have replicas again: make a commit that takes back what cordon and
drain have put into its Host manifest, and push it. What has moved away stays
where it is; what is new may come.

With --pin, without a commit, it lets go of what cordon or drain --pin ordered.

    $ tallyman uncordon edge-1
    host edge-1: commit 0d7c1b2e "Uncordon host edge-1"

EXIT STATUS
  0  committed or let go, or there was nothing to take back
  1  it could not be done`

const pinHelp = `With --pin no commit is made: the order is remembered beside the manifests, and
every output says so and by whom, until "tallyman uncordon HOST --pin" or as
long as --until says. Where the branch can't be pushed to, the git commands that
do the same as the commit are printed.`

// hostVerb is what is done to a host, as a commit and as an order.
type hostVerb struct {
	verb    rollout.Verb
	want    edit.Wanted
	already string // what it is when there is nothing to do
	pinned  string // what was ordered
}

type hostOptions struct {
	by, reason, until string
	pin               bool
	wait              bool
	timeout           time.Duration
	timeoutGiven      bool
}

func (a *app) cordonCommand() *cobra.Command {
	no := false
	c, o := a.hostVerbCommand(hostVerb{rollout.VerbCordon, edit.Wanted{Schedulable: &no}, "is cordoned already", "is cordoned without a commit"})
	c.Use, c.Short, c.Long = "cordon HOST", "Give a host nothing new", cordonHelp
	c.Flags().StringVar(&o.until, "until", "", untilUsage)
	return c
}

const untilUsage = "with --pin: end it after this `LONG` (2h), or at this time (2026-01-31T18:00:00Z)"

func (a *app) drainCommand() *cobra.Command {
	yes := true
	c, o := a.hostVerbCommand(hostVerb{rollout.VerbDrain, edit.Wanted{Drain: &yes}, "is to be drained already", "is to be drained, without a commit"})
	c.Use, c.Short, c.Long = "drain HOST", "Move all replicas away from a host", drainHelp
	c.Flags().StringVar(&o.until, "until", "", untilUsage)
	c.Flags().BoolVar(&o.wait, "wait", false, "wait until the host is empty")
	c.Flags().DurationVar(&o.timeout, "timeout", 10*time.Minute, "with --wait: wait so `LONG` at most")
	c.PreRun = func(c *cobra.Command, _ []string) { o.timeoutGiven = c.Flags().Changed("timeout") }
	return c
}

func (a *app) uncordonCommand() *cobra.Command {
	yes, no := true, false
	c, _ := a.hostVerbCommand(hostVerb{rollout.VerbUncordon, edit.Wanted{Schedulable: &yes, Drain: &no}, "is neither cordoned nor drained by its manifest", "is let go"})
	c.Use, c.Short, c.Long = "uncordon HOST", "Let a host have replicas again", uncordonHelp
	return c
}

func (a *app) hostVerbCommand(v hostVerb) (*cobra.Command, *hostOptions) {
	o := &hostOptions{}
	c := &cobra.Command{
		Args: args(cobra.ExactArgs(1)), ValidArgsFunction: a.complete(hostNames),
		RunE: func(c *cobra.Command, args []string) error { return a.doToHost(c.Context(), v, args[0], *o) },
	}
	c.Flags().BoolVar(&o.pin, "pin", false, "without a commit, until somebody lets go")
	c.Flags().StringVar(&o.by, "by", "", "`NAME` or \"Name <email>\" of who asks for it (default: as git is configured, or you)")
	c.Flags().StringVar(&o.reason, "reason", "", "`WHY`, for the commit's message or the status")
	return c, o
}

func (a *app) doToHost(ctx context.Context, v hostVerb, host string, o hostOptions) error {
	if err := o.check(v, host); err != nil {
		return err
	}
	if o.wait {
		if err := a.somebodyDrains(ctx, host); err != nil {
			return err // before there is a commit that nobody carries out
		}
	}
	made := &hostChanged{Host: host}
	if err := a.change(ctx, v, made, o); err != nil {
		return err
	}
	if !o.wait {
		return a.tellChanged(v, made)
	}
	if !a.wantsJSON() {
		if err := a.tellChanged(v, made); err != nil {
			return err
		}
	}
	return a.awaitDrained(ctx, made, o.timeout)
}

// check refuses what says nothing where it stands.
func (o *hostOptions) check(v hostVerb, host string) error {
	switch {
	case o.until != "" && !o.pin:
		return fmt.Errorf("%s host %q: --until is for --pin; a commit counts until the next one", v.verb, host)
	case o.timeoutGiven && !o.wait:
		return fmt.Errorf("%s host %q: --timeout is for --wait; add that, or leave it out", v.verb, host)
	case o.wait && o.timeout <= 0:
		return fmt.Errorf("--timeout %s: must be more than 0", o.timeout)
	}
	return nil
}

// hostChanged is what -o json prints. Without a commit, as when there was nothing to do
// or by --pin, Commit is empty.
type hostChanged struct {
	Host    string `json:"host"`
	Commit  string `json:"commit,omitempty"`
	Subject string `json:"subject,omitempty"`
	// Order is what was ordered by --pin.
	Order *ordered `json:"order,omitempty"`
	// nothing says that there was nothing to let go of by --pin.
	nothing bool
	// Left is what was still on the host at last; only with --wait.
	Left []report.Left `json:"left,omitempty"`
}

func (a *app) change(ctx context.Context, v hostVerb, made *hostChanged, o hostOptions) error {
	if o.pin {
		until, err := parseUntil(o.until, time.Now())
		if err != nil {
			return err
		}
		order := rollout.Order{Verb: v.verb, Host: made.Host, By: cmp.Or(o.by, whoami()), Reason: o.reason, Until: until}
		controlled, err := a.obeyed(ctx, order)
		if made.nothing = errors.Is(err, rollout.ErrNothingToDo); made.nothing {
			return nil
		}
		made.Order = &ordered{Order: order, Controller: controlled}
		return err
	}
	repo, err := a.repository(ctx, a.global.stateDir)
	if err != nil {
		return err
	}
	verb := string(v.verb)
	h := edit.Host{
		Repository: repo, Loader: manifest.NewLoader(a.global.limits.manifest()), Path: a.global.path, Name: made.Host, Want: v.want,
		Verb: strings.ToUpper(verb[:1]) + verb[1:], By: authorOf(repo, o.by), Reason: o.reason,
		MadeUp: a.madeUp(ctx),
	}
	c, err := h.Run(ctx)
	if err != nil && !errors.Is(err, git.ErrNothingToCommit) {
		return err
	}
	made.Commit, made.Subject = c.ID, c.Subject
	a.warnOfPin(ctx, v, made.Host)
	return nil
}

// warnOfPin tells of an order that goes on beside a commit that takes it back.
func (a *app) warnOfPin(ctx context.Context, v hostVerb, host string) {
	memory, err := a.remembered(ctx)
	pin, pinned := memory.Pins[host]
	if err != nil || !pinned || v.verb != rollout.VerbUncordon {
		return // the commit is made, and the status will say the rest
	}
	a.warn("host %s is still %s; `tallyman uncordon %s --pin` lets go", host, rollout.HostPinnedBecause(&pin), host)
}

func (a *app) tellChanged(v hostVerb, made *hostChanged) error {
	if a.wantsJSON() {
		return printJSON(a.out, made)
	}
	text := fmt.Sprintf("host %s %s\n", made.Host, v.already)
	switch {
	case made.nothing:
		text = fmt.Sprintf("host %s is neither cordoned nor drained without a commit: there is nothing to let go of\n", made.Host)
	case made.Order != nil:
		text = fmt.Sprintf("host %s %s\n", made.Host, v.pinned) + unheard(made.Order.Controller)
	case made.Commit != "":
		text = fmt.Sprintf("host %s: commit %.8s %q\n", made.Host, made.Commit, made.Subject)
	}
	_, err := fmt.Fprint(a.out, text)
	return err
}
