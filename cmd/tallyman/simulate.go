package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/internal/simulated"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/whatif"
)

const simulateHelp = `Say what would become of the fleet if some hosts were lost, others added, or
another revision in force: what would move where, what would not fit and why,
and how long it would take. Nothing is changed, and no controller is needed: the
hosts are looked at, and the controller's own decisions are carried out on a
copy of what they report.

The time is what the engines would need, at the rates that were measured of real
ones (docs/PERFORMANCE.md); they are printed with it. Images are assumed to be
obtainable and containers to become healthy at their first check.

A host of --add-host has the architecture of the others. Of its keys, cpus and
memory are what its engine would report (4 and 8GiB where they are left out),
labels=KEY=VALUE may be there several times, name is its name, and hosts how
many of them there are.

    $ tallyman simulate --without edge-1
    $ tallyman simulate --add-host cpus=8,memory=32GiB,labels=zone=a
    $ tallyman simulate --without edge-1,edge-2 --revision more-replicas

EXIT STATUS
  0  everything fits
  2  something does not fit, or waits
  1  the simulation could not be made`

type simulateOptions struct {
	revision string
	without  []string
	add      []string
}

func (a *app) simulateCommand() *cobra.Command {
	var o simulateOptions
	c := &cobra.Command{
		Use: "simulate", Short: "Say what losing or adding hosts would lead to", Long: simulateHelp, Args: args(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("without") && (len(o.without) == 0 || slices.Contains(o.without, "")) {
				return errors.New("read --without: must not be empty; name a host, or leave it out")
			}
			return a.simulate(c.Context(), o)
		},
	}
	c.Flags().StringSliceVar(&o.without, "without", nil, "take this `HOST` for lost, or several with commas between")
	c.Flags().StringArrayVar(&o.add, "add-host", nil, "add a host, as in `cpus=8,memory=32GiB,labels=zone=a`; may be given several times")
	c.Flags().StringVar(&o.revision, "revision", "", "take this `COMMIT`, tag or branch to be in force instead of the branch's head")
	return c
}

func (a *app) simulate(ctx context.Context, o simulateOptions) error {
	w, err := a.lookToPlan(ctx, o.revision)
	if err != nil {
		return err
	}
	defer w.close()
	q, err := o.question(w)
	if err != nil {
		return err
	}
	v := w.view(time.Now(), false)
	v.Manual = true
	r, err := reconcile.Imagine(v, q)
	if err != nil {
		return err
	}
	if a.wantsJSON() {
		err = printJSON(a.out, r)
	} else {
		err = report.SimulationText(a.out, &r, report.Asked{Target: reconcile.RevisionOf(w.target), Question: q}, a.style())
	}
	if err == nil && !r.Fits() {
		return exitCode(exitChanges)
	}
	return err
}

// question is what the flags ask.
func (o *simulateOptions) question(w *world) (whatif.Question, error) {
	q := whatif.Question{Without: slices.Compact(slices.Sorted(slices.Values(o.without)))}
	for _, text := range o.add {
		spec, err := simulated.Parse(text)
		if err != nil {
			return q, fmt.Errorf("read --add-host: %w", err)
		}
		q.Add = append(q.Add, spec.Added(len(q.Add))...)
	}
	return q, nil
}
