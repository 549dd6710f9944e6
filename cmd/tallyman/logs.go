package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/internal/server"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

const logsHelp = `Print what a replica writes to its standard output and standard error. Of a
service, the first replica that has a container is taken, and named on standard
error; of a job the newest run, also when it has ended. The app may be left out
where only one fits. With -o json each line is a document that also names the
replica and its host.

    $ tallyman logs default/hello-1 --tail 20
    $ tallyman logs hello -f
    $ tallyman logs shop/web-1 --container proxy

Without --container it is a pod's main container that is read.

EXIT STATUS
  0  printed
  1  there is no such replica, or its host can't be reached`

func (a *app) logsCommand() *cobra.Command {
	var o engine.LogOptions
	var container string
	c := &cobra.Command{
		Use: "logs REPLICA|SERVICE|JOB", Short: "Print what a replica writes", Long: logsHelp, Args: args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.complete(replicaNames, serviceNames, jobNames),
		RunE: func(c *cobra.Command, args []string) error {
			if err := atLeast("tail", o.Tail, 0); err != nil {
				return err
			}
			err := a.logs(c.Context(), server.LogOf{Replica: args[0], Container: container}, o)
			if c.Context().Err() != nil {
				return nil // it was ended by whoever read it
			}
			return err
		},
	}
	c.Flags().BoolVarP(&o.Follow, "follow", "f", false, "go on with what is yet to be written")
	c.Flags().StringVar(&container, "container", "", "read the container of that `NAME` in a pod")
	c.Flags().IntVar(&o.Tail, "tail", 0, "print the last `LINES` only; 0 is all")
	return c
}

func (a *app) logs(ctx context.Context, of server.LogOf, o engine.LogOptions) error {
	c, err := a.controller(ctx)
	if err != nil {
		return err
	}
	if c != nil {
		defer c.Close()
		return a.logsThrough(ctx, c, of, o)
	}
	w, err := a.lookAround(ctx, look{fallBack: true})
	if err != nil {
		return err
	}
	defer w.close()
	s := w.status(time.Now())
	r, err := findLog(&s, of)
	if err != nil {
		return err
	}
	e := w.engines[r.Host]
	if e == nil {
		return fmt.Errorf("read log of %q: there is no connection to host %q", of.Replica, r.Host)
	}
	a.sayWhich(r, of.Replica)
	return a.printLog(r, func(w io.Writer) error { return e.Logs(ctx, r.ID, o, w) })
}

// findLog finds the container whose log is read.
func findLog(s *report.Status, of server.LogOf) (report.Replica, error) {
	r, err := report.FindReplica(s, of.Replica)
	if err != nil {
		return r, err
	}
	return r.In(of.Container)
}

// sayWhich names the replica that was taken of a service.
func (a *app) sayWhich(r report.Replica, name string) {
	if !a.wantsJSON() && !strings.HasSuffix(r.Key(), name) {
		fmt.Fprintf(a.err, "log of %s on host %s:\n", r.Key(), r.Host)
	}
}

// logsThrough reads through the controller.
func (a *app) logsThrough(ctx context.Context, c *server.Client, of server.LogOf, o engine.LogOptions) error {
	s, err := c.Status(ctx)
	if err != nil {
		return err
	}
	r, err := findLog(&s, of)
	if err != nil {
		return err
	}
	a.sayWhich(r, of.Replica)
	return a.printLog(r, func(w io.Writer) error {
		return c.Logs(ctx, server.LogOf{Replica: r.Key(), Container: of.Container}, o, w)
	})
}

// printLog prints what read writes, as it is or as a document per line.
func (a *app) printLog(r report.Replica, read func(io.Writer) error) error {
	if !a.wantsJSON() {
		return read(a.out)
	}
	lines := &lineWriter{print: func(line string) error {
		return json.NewEncoder(a.out).Encode(logLine{Replica: r.Key(), Host: r.Host, Line: line})
	}}
	return errors.Join(read(lines), lines.flush())
}

// logLine is what -o json prints of each line.
type logLine struct {
	Replica string `json:"replica"`
	Host    string `json:"host"`
	Line    string `json:"line"`
}

// maxLine is how long a line may become before it is printed in parts: not
// everything that is written to a log has lines.
const maxLine = 64 << 10

// lineWriter cuts what is written to it into lines.
type lineWriter struct {
	print func(line string) error
	rest  []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, after, whole := bytes.Cut(w.rest, []byte("\n"))
		if !whole && len(w.rest) < maxLine {
			return len(p), nil
		}
		w.rest = after
		if err := w.print(string(bytes.TrimSuffix(line, []byte("\r")))); err != nil {
			return 0, err
		}
	}
}

// flush prints a last line that has no end.
func (w *lineWriter) flush() error {
	if len(w.rest) == 0 {
		return nil
	}
	return w.print(string(w.rest))
}
