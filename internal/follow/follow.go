// Package follow has those look at a controller who tell others what becomes of
// commits: often enough, and without being a burden to it.
package follow

import (
	"context"
	"time"
)

const (
	// lookEvery is how often a look is taken at most: a status is made anew for
	// it, of all hosts.
	lookEvery = 2 * time.Second
	// Again is when a look is taken without any reason, and after one that failed;
	// what is between two tries of one request is its sender's own affair.
	Again = 30 * time.Second
	// Patience is how much longer than a look takes it is until the next one: of
	// thousands of hosts it takes long.
	Patience = 20
)

// Changes calls look now, whenever changed is poked, and after the time that look
// asks for, until ctx ends. Of a row of failures it complains of the first.
func Changes(ctx context.Context, changed <-chan struct{}, look func(context.Context) (again time.Duration, err error), complain func(error)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for troubled := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-timer.C:
		}
		begun, rest := time.Now(), lookEvery
		again, err := look(ctx)
		if err != nil && ctx.Err() == nil {
			if !troubled {
				complain(err)
			}
			rest = Again
		}
		troubled = err != nil
		timer.Reset(again)
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(rest, Patience*time.Since(begun))):
		}
	}
}
