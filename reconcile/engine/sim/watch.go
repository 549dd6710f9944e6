package sim

import (
	"context"
	"time"
)

// Watch wakes after changes by anybody, and when something happens by itself.
func (h *Host) Watch(ctx context.Context, wake func()) {
	events := make(chan struct{}, 1)
	defer h.listen(events)()
	for h.awaitEvent(ctx, events) {
		if h.speaks() {
			wake()
		}
	}
}

// listen has events sent until the function that it gives is called.
func (h *Host) listen(events chan struct{}) (stop func()) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	h.watchers[events] = true
	return func() {
		h.world.mu.Lock()
		defer h.world.mu.Unlock()
		delete(h.watchers, events)
	}
}

// awaitEvent waits for the next change, or gives false when ctx has ended.
func (h *Host) awaitEvent(ctx context.Context, events chan struct{}) bool {
	due := time.NewTimer(h.untilNext())
	defer due.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-events:
	case <-due.C:
	}
	return true
}

// untilNext is how long nothing changes by itself.
func (h *Host) untilNext() time.Duration {
	defer h.lock()()
	const long = 24 * time.Hour // so that the sum with now is a time
	return min(max(time.Until(h.next), 0), long)
}

func (h *Host) speaks() bool {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	return !h.silent && !h.gone
}
