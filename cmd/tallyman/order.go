package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/jobs"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

const pauseHelp = `Let no rollout of an app begin or go on, until somebody resumes it. What runs is
healed all the same. The status says who paused it, why and until when.

    $ tallyman pause shop --reason "sale weekend" --until 48h
    app shop is paused

An app has one pause: another one takes its place, and says what it was.

EXIT STATUS
  0  paused
  1  there is no such app, or it could not be noted`

const resumeHelp = `End the pause of an app, let go of a revision that it is pinned to, and forget
what is left of "tallyman rebalance" for it, whichever of these there is: it
goes to what the branch says, and replicas that have not moved yet stay where
they are. What it was is printed.

    $ tallyman resume shop
    app shop goes on
    no longer paused by ada@desk: sale weekend

EXIT STATUS
  0  done
  1  there is no such app, or it is neither paused nor pinned and no move of its
     replicas is ordered`

const retryHelp = `Try anew what failed of an app: the revision that it was rolled back from, or
the rollout that stopped. Without it, what has failed is tried again when the
app's manifests change.

    $ tallyman retry shop
    app shop tries again what failed

EXIT STATUS
  0  done
  1  there is no such app, or its last rollout has not failed`

const promoteHelp = `Let the rest of an app's replicas follow its canaries, which are ready and wait
for that (update.canary in the manifest).

    $ tallyman promote shop
    app shop goes on past its canary

EXIT STATUS
  0  promoted
  1  there is no such app, or none of its canaries is ready and waits`

func (a *app) pauseCommand() *cobra.Command {
	o := rollout.Order{Verb: rollout.VerbPause}
	var until string
	c := a.orderCommand(&o, "is paused", func() (err error) {
		o.Until, err = parseUntil(until, time.Now())
		return err
	})
	c.Use, c.Short, c.Long = "pause APP", "Let no rollout of an app begin or go on", pauseHelp
	c.Flags().StringVar(&o.Reason, "reason", "", "`WHY`, for those who look at the status")
	c.Flags().StringVar(&until, "until", "", "end the pause after this `LONG` (2h), or at this time (2026-01-31T18:00:00Z)")
	return c
}

func (a *app) resumeCommand() *cobra.Command {
	c := a.orderCommand(&rollout.Order{Verb: rollout.VerbResume}, "goes on", nil)
	c.Use, c.Short, c.Long = "resume APP", "End the pause, the pin or the moves of an app", resumeHelp
	return c
}

func (a *app) retryCommand() *cobra.Command {
	c := a.orderCommand(&rollout.Order{Verb: rollout.VerbRetry}, "tries again what failed", nil)
	c.Use, c.Short, c.Long = "retry APP", "Try anew what failed of an app", retryHelp
	return c
}

func (a *app) promoteCommand() *cobra.Command {
	c := a.orderCommand(&rollout.Order{Verb: rollout.VerbPromote}, "goes on past its canary", nil)
	c.Use, c.Short, c.Long = "promote APP", "Let the rest of a rollout follow its canary", promoteHelp
	return c
}

// orderCommand is a verb that orders something of an app. Prepare completes the
// order from the flags.
func (a *app) orderCommand(o *rollout.Order, done string, prepare func() error) *cobra.Command {
	c := &cobra.Command{
		Args: args(cobra.ExactArgs(1)), ValidArgsFunction: a.complete(appNames),
		RunE: func(c *cobra.Command, args []string) error {
			o.App, o.By = args[0], cmp.Or(o.By, whoami())
			if prepare != nil {
				if err := prepare(); err != nil {
					return err
				}
			}
			return a.order(c.Context(), *o, done)
		},
	}
	c.Flags().StringVar(&o.By, "by", "", "`NAME` of who orders it (default: you)")
	return c
}

// whoami is the name under which an order is noted.
func whoami() string {
	name := os.Getenv("SUDO_USER")
	if u, err := user.Current(); name == "" && err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil && name != "" {
		name += "@" + host
	}
	return name
}

func parseUntil(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(d), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("read --until %q: write a duration (90m, 48h) of at most %s, or a time (2026-01-31T18:00:00Z)", text, longest)
	}
	return t, nil
}

// ordered is what -o json prints.
type ordered struct {
	rollout.Order
	// Controller says whether a controller runs, which obeys at once.
	Controller bool `json:"controller"`
	// Ended is what it ended of earlier orders.
	Ended rollout.Ended `json:"ended,omitzero"`
	// Waits is why nothing comes of it yet.
	Waits string `json:"waits,omitempty"`
	// Run is what became of the run of a job that was waited for.
	Run *jobs.Run `json:"run,omitempty"`
}

// order has an order obeyed and says so.
func (a *app) order(ctx context.Context, o rollout.Order, done string) error {
	made, err := a.obey(ctx, o)
	if err != nil {
		return err
	}
	return a.tellOrder(made, "app "+o.App+" "+done)
}

// obey has an order obeyed, and says what it ended.
func (a *app) obey(ctx context.Context, o rollout.Order) (ordered, error) {
	before, err := a.remembered(ctx)
	if err != nil {
		return ordered{}, err
	}
	now := time.Now()
	made := ordered{Order: o, Ended: o.Ends(before.Standings[o.App], now), Waits: o.WaitsFor(before.Standings[o.App], now)}
	made.Controller, err = a.obeyed(ctx, o)
	return made, err
}

func (a *app) tellOrder(made ordered, done string) error {
	if a.wantsJSON() {
		return printJSON(a.out, made)
	}
	if made.Waits != "" {
		done += fmt.Sprintf(" when it goes on; until then it waits, %s: `tallyman resume %s` lets it go on", made.Waits, made.App)
	}
	fmt.Fprintln(a.out, done)
	for _, before := range made.Ended.Texts() {
		fmt.Fprintln(a.out, "no longer "+before)
	}
	_, err := fmt.Fprint(a.out, unheard(made.Controller))
	return err
}

// obeyed has an order obeyed, and says whether a controller does so at once.
func (a *app) obeyed(ctx context.Context, o rollout.Order) (controlled bool, err error) {
	c, err := a.controller(ctx)
	if err != nil {
		return false, err
	}
	if c == nil {
		return false, a.noteOrder(ctx, o)
	}
	defer c.Close()
	return true, c.Order(ctx, o)
}

// unheard tells where nobody obeys at once.
func unheard(controlled bool) string {
	if controlled {
		return ""
	}
	return "no controller is running: it counts from the next apply or serve\n"
}

// noteOrder puts an order into the journal.
func (a *app) noteOrder(ctx context.Context, o rollout.Order) error {
	journal, err := a.journal(a.logger(slog.LevelWarn))
	if err != nil {
		return err
	}
	defer journal.Close() //nolint:errcheck // what matters was on disk before
	memory, err := journal.Load()
	if err != nil {
		return err
	}
	w := &world{memory: memory}
	defer w.close()
	if err := w.open(ctx, a); err != nil {
		return err
	}
	if w.target, err = w.repo.Fetch(ctx); err == nil {
		err = w.build(ctx, a, true)
	}
	if err != nil && (len(memory.Records) == 0 || o.Host != "") {
		return err // nobody knows of any app, or which hosts there are
	}
	before := memory.State()
	next, err := reconcile.Obey(o, reconcile.OrderInput{Desired: w.desired, State: before, Now: time.Now(), Read: func(string) (*model.Desired, error) {
		records, err := journal.History(o.App, allRollouts)
		if err != nil {
			return nil, err
		}
		return w.readForPin(ctx, a, o, records)
	}})
	if err != nil {
		return err
	}
	if err := journal.Event(reconcile.OrderEvent(o, time.Now())); err != nil {
		return err
	}
	return reconcile.Note(journal, before, next)
}

// readForPin is what the revision of an order asks for, with the images of then.
func (w *world) readForPin(ctx context.Context, a *app, o rollout.Order, records []rollout.Record) (*model.Desired, error) {
	commit, err := w.repo.Resolve(ctx, o.Revision)
	if err != nil {
		return nil, err
	}
	return a.build(ctx, w.repo, reconcile.BuildOptions{
		Commit: commit, Registries: a.registries(), Recorded: reconcile.RecordedForPin(w.memory, o.App, commit.ID, records),
		Platforms: w.memory.Accepted.Platforms,
	})
}
