package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/reconcile"
)

const eventsHelp = `Print what was done and what happened, oldest first. With -o json there is one
document per line.

    $ tallyman events --follow
    2026-03-01T12:00:00Z revision 7f3a91c2 Say hello again (Ada)
    2026-03-01T12:00:01Z op       default/hello-1 on local: start container "…"

EXIT STATUS
  0  printed
  1  they could not be had, or --follow is given and no controller runs`

func (a *app) eventsCommand() *cobra.Command {
	var n int
	var follow bool
	c := &cobra.Command{
		Use: "events", Short: "Print what was done and what happened", Long: eventsHelp, Args: args(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := atLeast("number", n, 1); err != nil {
				return err
			}
			return a.events(c.Context(), n, follow)
		},
	}
	c.Flags().IntVarP(&n, "number", "n", 100, "print the last `MANY`")
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with those to come")
	return c
}

func (a *app) events(ctx context.Context, n int, follow bool) error {
	c, err := a.controller(ctx)
	if err != nil {
		return err
	}
	if c != nil {
		defer c.Close()
		err := c.Events(ctx, n, follow, a.printEvent)
		if ctx.Err() != nil {
			return nil // it was ended by whoever read it
		}
		return err
	}
	if follow {
		return errors.New("follow events: no controller runs on this state directory, so there will be none")
	}
	s, err := state.OpenReadOnly(a.global.stateDir)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // only read from
	events, err := s.Events(n)
	for _, e := range events {
		if err := a.printEvent(e); err != nil {
			return err
		}
	}
	return err
}

func (a *app) printEvent(e reconcile.Event) error {
	if a.wantsJSON() {
		return json.NewEncoder(a.out).Encode(e)
	}
	_, err := io.WriteString(a.out, eventLine(e))
	return err
}

func eventLine(e reconcile.Event) string {
	about := e.Thing
	if about == "" {
		about = e.App
	}
	if on := " on " + e.Host; e.Host != "" && !strings.HasSuffix(about, on) {
		about = strings.TrimSpace(about + on)
	}
	if about != "" {
		about += ": "
	}
	return fmt.Sprintf("%s %-8s %s%s\n", e.Time.UTC().Format(time.RFC3339), e.Kind, about, strings.Join(strings.Fields(e.Text), " "))
}
