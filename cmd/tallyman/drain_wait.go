package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

// drainLook is how often it is looked how far a drain has come.
const drainLook = 500 * time.Millisecond

// awaitDrained waits until the host is empty. Somebody has to empty it, so it takes
// a controller.
func (a *app) awaitDrained(ctx context.Context, made *hostChanged, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	told, why := "", "the controller has not answered"
	for {
		h, reason, err := a.drainStatus(ctx, made.Host)
		if err != nil {
			return err
		}
		if why = reason; h != nil {
			made.Left = h.Left
		}
		if h != nil && h.Empty() {
			return a.tellDrained(made, h)
		}
		if line := made.Host + ": " + why; line != told && !a.wantsJSON() {
			fmt.Fprintln(a.out, line)
			told = line
		}
		select {
		case <-time.After(drainLook):
		case <-ctx.Done():
			return a.notDrained(made, ctx.Err(), why)
		}
	}
}

var errNobodyDrains = errors.New("no controller is running, so nothing is moved; start `tallyman serve`, or run `tallyman apply`")

// somebodyDrains is an error when no controller runs.
func (a *app) somebodyDrains(ctx context.Context, host string) error {
	c, err := a.controller(ctx)
	if err != nil {
		return err
	}
	if c == nil {
		return fmt.Errorf("drain host %q: %w", host, errNobodyDrains)
	}
	c.Close()
	return nil
}

// drainStatus is how far the controller is with a host, and what is to be said of
// that. There is no host while it does not hold it to the order yet.
func (a *app) drainStatus(ctx context.Context, host string) (*report.Host, string, error) {
	c, err := a.controller(ctx)
	switch {
	case ctx.Err() != nil:
		return nil, "the controller has not answered", nil
	case err != nil:
		return nil, "", err
	case c == nil:
		return nil, "", fmt.Errorf("drain host %q: %w", host, errNobodyDrains)
	}
	defer c.Close()
	s, err := c.Status(ctx)
	if err != nil {
		return nil, err.Error(), nil //nolint:nilerr // it may be on its way out, and another one comes
	}
	i := slices.IndexFunc(s.Hosts, func(h report.Host) bool { return h.Name == host })
	switch {
	case s.Undecided != "": // what is left is not known yet
		return nil, s.Undecided, nil
	case i < 0 || !s.Hosts[i].Drain:
		return nil, strings.TrimSuffix("the controller does not hold it to that yet: "+s.SourceError+s.FetchError, ": "), nil
	case !s.Hosts[i].Reachable:
		return &s.Hosts[i], "is unreachable: " + s.Hosts[i].Error, nil
	}
	return &s.Hosts[i], s.Hosts[i].LeftText(), nil
}

func (a *app) tellDrained(made *hostChanged, h *report.Host) error {
	if a.wantsJSON() {
		return printJSON(a.out, made)
	}
	text := made.Host + " is drained"
	if len(h.Staying) > 0 {
		text += "; what belongs to the host stays: " + strings.Join(h.Staying, ", ")
	}
	_, err := fmt.Fprintln(a.out, text)
	return err
}

// notDrained tells what keeps the host from being empty.
func (a *app) notDrained(made *hostChanged, cause error, why string) error {
	if a.wantsJSON() {
		if err := printJSON(a.out, made); err != nil {
			return err
		}
	}
	text := "interrupted"
	if errors.Is(cause, context.DeadlineExceeded) {
		text = "time ran out before it was empty"
	}
	for _, l := range made.Left {
		text += fmt.Sprintf("\n  %s: %s", l.Name, l.Why)
	}
	if len(made.Left) == 0 {
		text += ": " + why
	}
	return fmt.Errorf("drain host %q: %s", made.Host, text)
}
