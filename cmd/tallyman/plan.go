package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/policy"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

const planHelp = `Print what would change, why, and on which host. Nothing is changed. An app that
is held, because its last commit failed or somebody pinned or paused it, is
shown as that: what it was rolled back from is tried again by retry only. What
apply would do and serve does not yet, because a window is shut or sync.auto is
off, is said.

Rules of policies about plans that it breaks come first. Manifests that break a
policy are refused as ones that are not valid. Hosts that can't be reached come
last: what there is to do on them is not known.

The signs are: + create, ~ put right in place, ± replace, ↓ end to make room for
a higher priority and wait, - remove, ! blocked, > begin a run of a job. What is
removed comes last. With -o json the plan is printed as data, with every engine
call that it would take.

    $ tallyman plan --repo .
    Plan for revision 7f3a91c2 "Say hello again" by Ada

    app default
      service hello
        ± hello-1  local  image 1 → 2
        ± hello-2  local  image 1 → 2

    2 to replace; 1 unchanged

With --base or --head it prints, as Markdown for a pull request's comment, what
merging the one into the other would do on top of what the base asks for, with
warnings of what to look at twice; live drift is shown apart from it. HEAD, and
origin/main, are those of the clone that --repo names. Nothing of the head is
run, opened or connected to. A host that can't be looked at is taken to be as
its manifest says, so that this works in any CI job that has the history. A base
that is not valid is stood in for by what is in force, or by the newest commit
before it that is valid.

    $ tallyman plan --base origin/main --head HEAD

EXIT STATUS
  0  nothing to do
  2  there are changes
  1  the plan could not be made, or breaks a policy; of --head: it is not valid,
     not signed by whom the fleet asks, in conflict, or does not mend the base`

// planned is what -o json prints.
type planned struct {
	plan.Plan
	// Violations are the rules of policies that the plan breaks.
	Violations []policy.Violation `json:"violations,omitempty"`
	// Away are the declared hosts that give no answer.
	Away []report.AwayHost `json:"away,omitempty"`
}

type planOptions struct {
	revision      string
	allowRemovals bool
	base, head    string
}

func (a *app) planCommand() *cobra.Command {
	var o planOptions
	c := &cobra.Command{
		Use: "plan", Short: "Print what would change, and change nothing", Long: planHelp, Args: args(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := notEmpty(c.Flags(), "base", "head"); err != nil {
				return err
			}
			return a.plan(c.Context(), o)
		},
	}
	c.Flags().StringVar(&o.revision, "revision", "", "plan for this `COMMIT`, tag or branch instead of the branch's head")
	c.Flags().BoolVar(&o.allowRemovals, "allow-removals", false, "plan as apply --allow-removals would")
	c.Flags().StringVar(&o.base, "base", "", "say what merging --head into this `COMMIT`, tag or branch would do (default: --branch)")
	c.Flags().StringVar(&o.head, "head", "", "say what merging this `COMMIT`, tag or branch into --base would do (default: HEAD)")
	for _, name := range []string{"base", "head", "revision"} {
		_ = c.RegisterFlagCompletionFunc(name, a.completeRevisions) // it fails for a flag that there is not
	}
	c.MarkFlagsMutuallyExclusive("base", "revision")
	c.MarkFlagsMutuallyExclusive("head", "revision")
	c.MarkFlagsMutuallyExclusive("base", "allow-removals")
	c.MarkFlagsMutuallyExclusive("head", "allow-removals")
	return c
}

func (a *app) plan(ctx context.Context, o planOptions) error {
	if o.base != "" || o.head != "" {
		return a.propose(ctx, o)
	}
	w, err := a.lookToPlan(ctx, o.revision)
	if err != nil {
		return err
	}
	defer w.close()
	p := w.plan(o.allowRemovals)
	if err := a.printPlan(p, w.target); err != nil {
		return err
	}
	switch {
	case len(p.Violations) > 0:
		return exitCode(exitError)
	case !p.Empty():
		return exitCode(exitChanges)
	}
	return nil
}

func (a *app) printPlan(p planned, target git.Commit) error {
	if a.wantsJSON() {
		return printJSON(a.out, p)
	}
	if err := report.ViolationsText(a.out, p.Violations, a.style()); err != nil {
		return err
	}
	if err := report.PlanText(a.out, &p.Plan, reconcile.RevisionOf(target), a.style()); err != nil {
		return err
	}
	return report.AwayText(a.out, p.Away, a.style())
}

// plan is what would change, and which rules about plans that breaks.
func (w *world) plan(allowRemovals bool) planned {
	p := w.decide(time.Now(), allowRemovals).Plan
	p.NoteLater(w.desired, w.unasked)
	return planned{p, policy.CheckPlan(w.desired.PlanRules, &p), report.Away(&w.live)}
}

// lookToPlan looks around for what could be done now, if anything can.
func (a *app) lookToPlan(ctx context.Context, revision string) (*world, error) {
	w, err := a.lookAround(ctx, look{revision: revision, asked: true})
	if err != nil {
		return nil, err
	}
	if err := w.reachable(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}
