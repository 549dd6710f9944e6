package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/reconcile/jobs"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

const runHelp = `Run a job once, by hand, whatever its schedule says and also when it is
suspended. The app may be left out where only one fits. A run waits for others
of the job, unless they are allowed side by side. Without a controller the run
is noted, and begins with the next apply or serve. With --wait -o json the one
document that is printed at the end has the run, too.

    $ tallyman run nightly --wait
    job shop/nightly is asked for
    run m20260131030000 succeeded after 12s, with exit code 0

EXIT STATUS
  0  asked for; with --wait: succeeded
  1  there is no such job, or it could not be asked for
  3  with --wait: the run has failed`

func (a *app) runCommand() *cobra.Command {
	o := rollout.Order{Verb: rollout.VerbRun}
	wait := false
	c := &cobra.Command{
		Use: "run JOB", Short: "Run a job by hand", Long: runHelp, Args: args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.complete(jobNames),
		RunE: func(c *cobra.Command, args []string) error {
			o.By = cmp.Or(o.By, whoami())
			return a.run(c.Context(), args[0], o, wait)
		},
	}
	c.Flags().StringVar(&o.By, "by", "", "`NAME` of who orders it (default: you)")
	c.Flags().BoolVar(&wait, "wait", false, "wait for the run to end")
	return c
}

func (a *app) run(ctx context.Context, name string, o rollout.Order, wait bool) error {
	s, err := a.decided(ctx)
	if err != nil {
		return err
	}
	job, err := report.FindJob(&s, name)
	if err != nil {
		return err
	}
	o.App, o.Job = job.App, job.Name
	known := map[string]bool{}
	for i := range job.Runs {
		known[job.Runs[i].ID] = true
	}
	if wait {
		if err := a.needsController(ctx); err != nil {
			return err
		}
	}
	made, err := a.obey(ctx, o)
	if err != nil {
		return err
	}
	if !wait || !a.wantsJSON() { // which is one document, with what became of it
		err = a.tellOrder(made, "job "+job.Key()+" is asked for")
	}
	if err != nil || !wait {
		return err
	}
	if made.Run, err = a.awaitRun(ctx, job.Key(), known); err != nil {
		return err
	}
	return a.tellRun(made)
}

// needsController is an error where none runs: a run that is only noted ends
// nobody knows when.
func (a *app) needsController(ctx context.Context) error {
	c, err := a.controller(ctx)
	if err != nil {
		return err
	}
	if c == nil {
		return errors.New("wait for the run: no controller is running; start one with `tallyman serve`, or leave --wait out")
	}
	c.Close()
	return nil
}

// lookAgain is how often the end of a run is looked for.
const lookAgain = 300 * time.Millisecond

// awaitRun waits for the end of the run that was not known before.
func (a *app) awaitRun(ctx context.Context, key string, known map[string]bool) (*jobs.Run, error) {
	c, err := a.controller(ctx)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, errors.New("wait for the run: no controller is running; start one with `tallyman serve`")
	}
	defer c.Close()
	for {
		s, err := c.Status(ctx)
		if err != nil {
			return nil, err
		}
		job, err := report.FindJob(&s, key)
		if err != nil {
			return nil, err
		}
		for i := range job.Runs {
			if r := &job.Runs[i]; r.When == jobs.Manual && !known[r.ID] && r.Ended() {
				return r, nil
			}
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the run: %w", ctx.Err())
		}
	}
}

// tellRun says what became of the run that was waited for, and how the verb ends.
func (a *app) tellRun(made ordered) error {
	if a.wantsJSON() {
		if err := printJSON(a.out, made); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(a.out, runText(made.Run))
	}
	if made.Run.State == jobs.Failed {
		return exitCode(exitFailed)
	}
	return nil
}

func runText(r *jobs.Run) string {
	line := fmt.Sprintf("run %s %s", r.ID, r.State)
	if t := r.LastTry(); t != nil && !t.StartedAt.IsZero() {
		line += fmt.Sprintf(" after %s, with exit code %d", r.EndedAt.Sub(r.Tries[0].StartedAt).Round(time.Second), t.ExitCode)
	}
	if r.Reason != "" {
		line += ": " + r.Reason
	}
	return line
}
