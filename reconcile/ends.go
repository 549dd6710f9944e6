package reconcile

import (
	"context"
	"sync"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/execute"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// ends are the tasks that have ended and are not noted yet. A task leaves its
// outcome here and goes, instead of waiting for the controller's lock as a hundred
// thousand others may: the runtime looks at a goroutine that waits for a lock
// together with all others that do, so many of them stood still for minutes.
type ends struct {
	mu   sync.Mutex
	list []end
	some chan struct{}
}

type end struct {
	task    rollout.Task
	outcome execute.Outcome
	at      time.Time
}

func (e *ends) add(t rollout.Task, o execute.Outcome) {
	e.mu.Lock()
	e.list = append(e.list, end{t, o, time.Now()})
	e.mu.Unlock()
	poke(e.some)
}

// take gives those that there are, in the order in which they ended.
func (e *ends) take() []end {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.list
	e.list = nil
	return list
}

// followEnds notes what becomes of the tasks.
func (c *Controller) followEnds(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.ends.some:
			c.noteEnds()
		}
	}
}

func (c *Controller) noteEnds() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.ends.take() {
		c.ended(e)
	}
}
