// Package follow has those look at a controller who tell others what becomes of
// commits: often enough, and without being a burden to it.
package follow

import (
	"context"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

const (
	// lookEvery is how often a look is taken at most: a status is made anew for
	// it, of all hosts.
	lookEvery = time.Second
	// Again is when a look is taken without any reason; what is between two tries of
	// one request is its sender's own affair.
	Again = 30 * time.Second
	// Patience is how much longer than a status takes to be made it is until the next
	// one: of thousands of hosts it takes long. What is done with it, as asking a forge
	// that is slow, is no burden to the controller.
	Patience = 20
)

// Controller is what is looked at.
type Controller interface {
	Status() report.Status
	// Subscribe gives a channel that is poked when there may be something new.
	Subscribe() (changed <-chan struct{}, stop func())
}

// Look does what there is to do about a status, which it need not ask for. It says
// when it is to be called again without anything new.
type Look func(ctx context.Context, status func() report.Status) (again time.Duration, err error)

// Changes calls look now, whenever there may be something new, and after the time
// that look asks for, until ctx ends. Of a row of failures it complains of the first.
func Changes(ctx context.Context, c Controller, look Look, complain func(error)) {
	changed, stop := c.Subscribe()
	defer stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for failures := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-timer.C:
		}
		var spent time.Duration
		again, err := look(ctx, func() report.Status {
			begun := time.Now()
			defer func() { spent += time.Since(begun) }()
			return c.Status()
		})
		switch {
		case err == nil || ctx.Err() != nil:
			failures = 0
		case failures == 0:
			complain(err)
			fallthrough
		default:
			failures++
		}
		timer.Reset(again)
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(Pause(failures), Patience*spent)):
		}
	}
}

// Pause is the rest after so many failures in a row: the more, the longer.
func Pause(failures int) time.Duration { return min(lookEvery<<min(failures, 10), Again) }
