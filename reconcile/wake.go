package reconcile

import (
	"context"
	"time"
)

// Wake asks for a pass.
func (c *Controller) Wake() { poke(c.wakeup) }

// poke wakes a loop; a wake that is pending already is enough.
func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

const (
	// A pass holds up all else that the controller does. One that takes long is
	// given a rest as long as it took: with thousands of hosts there is always
	// something to wake it, and nobody else would get their turn.
	shortPass   = 50 * time.Millisecond
	longestRest = 2 * time.Second
)

// rest waits after a pass that took long.
func rest(ctx context.Context, took time.Duration) {
	if took < shortPass {
		return
	}
	select {
	case <-time.After(min(took, longestRest)):
	case <-ctx.Done():
	}
}
