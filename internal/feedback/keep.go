package feedback

import (
	"context"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

// Controller is what is told about.
type Controller interface {
	Status() report.Status
	// Subscribe gives a channel that is poked when there may be something new.
	Subscribe() (changed <-chan struct{}, stop func())
}

const (
	// lookEvery is how often a look is taken at most: a status is made anew for
	// it, of all hosts.
	lookEvery = 2 * time.Second
	// retryAfter is when a forge is tried again that could not be told; what is
	// between two tries of one request is the forge's own affair.
	retryAfter = 30 * time.Second
	// patience is how much longer than a look takes it is until the next one: of
	// thousands of hosts it takes long.
	patience = 20
)

// keep has something follow the controller until ctx ends. Of a row of failures
// the first is complained of.
func keep(ctx context.Context, c Controller, update func(context.Context) error, complain func(error)) {
	changed, stop := c.Subscribe()
	defer stop()
	retry := time.NewTimer(0)
	defer retry.Stop()
	for troubled := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-retry.C:
		}
		begun, wait := time.Now(), lookEvery
		err := update(ctx)
		if err != nil && ctx.Err() == nil {
			if !troubled {
				complain(err)
			}
			wait = retryAfter
		}
		troubled = err != nil
		retry.Reset(retryAfter)
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(wait, patience*time.Since(begun))):
		}
	}
}
