package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

const logsHelp = `Print what a replica writes to its standard output and standard error. Of a
service, the first replica that has a container is taken. The app may be left
out where only one fits.

    $ tallyman logs default/hello-1 --tail 20
    $ tallyman logs hello -f

EXIT STATUS
  0  printed
  1  there is no such replica, or its host can't be reached`

func (a *app) logsCommand() *cobra.Command {
	var o engine.LogOptions
	c := &cobra.Command{
		Use: "logs REPLICA|SERVICE", Short: "Print what a replica writes", Long: logsHelp, Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			err := a.logs(c.Context(), args[0], o)
			if c.Context().Err() != nil {
				return nil // it was ended by whoever read it
			}
			return err
		},
	}
	c.Flags().BoolVarP(&o.Follow, "follow", "f", false, "go on with what is yet to be written")
	c.Flags().IntVar(&o.Tail, "tail", 0, "print the last `LINES` only; 0 is all")
	return c
}

func (a *app) logs(ctx context.Context, name string, o engine.LogOptions) error {
	c, err := a.controller(ctx)
	if err != nil {
		return err
	}
	if c != nil {
		defer c.Close()
		return c.Logs(ctx, name, o, a.out)
	}
	w, err := a.lookAround(ctx, look{fallBack: true})
	if err != nil {
		return err
	}
	defer w.close()
	s := w.status(time.Now())
	r, err := report.FindReplica(&s, name)
	if err != nil {
		return err
	}
	e := w.engines[r.Host]
	if e == nil {
		return fmt.Errorf("read log of %q: there is no connection to host %q", name, r.Host)
	}
	return e.Logs(ctx, r.ID, o, a.out)
}
