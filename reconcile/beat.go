package reconcile

import (
	"cmp"
	"context"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// beatEvery is how often a host is asked for a sign of life at least, and
// beatDeadline how long it may take at most: a third of the default grace each, so
// that one lost answer is no outage and a dead host is noticed well within it.
const (
	beatEvery    = 5 * time.Second
	beatDeadline = 5 * time.Second
)

// pace is how often a host with this grace is asked for a sign of life, and how
// long it may take. A shorter grace than the default is worth something only if
// the host is asked more often; but who is slow has all of it to answer.
func pace(g model.Grace) (every, deadline time.Duration) {
	grace := cmp.Or(g.Unreachable, model.DefaultFleet().Grace.Unreachable) // a host from an old journal may have none
	return min(beatEvery, grace/3), min(beatDeadline, grace)
}

// beats asks a host for signs of life, and pokes when it is back. It does so
// beside the looks: one that hangs would keep the host in good standing for as
// long as it may hang.
func (c *Controller) beats(ctx context.Context, name string, e engine.Engine, back chan struct{}) {
	for {
		every, deadline := c.paceOf(name)
		select {
		case <-ctx.Done():
			return
		case <-time.After(apart(every, name)):
		}
		if c.beat(ctx, name, e, deadline) {
			poke(back)
		}
	}
}

func (c *Controller) paceOf(name string) (every, deadline time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.hosts[name]; h != nil {
		return pace(h.host.Grace)
	}
	return beatEvery, beatDeadline
}

// beat asks a host for a sign of life, and says whether it is back. One that
// gives none is away from then on, without a look that would wait longer for the
// same answer.
func (c *Controller) beat(ctx context.Context, name string, e engine.Engine, deadline time.Duration) (back bool) {
	at := time.Now()
	bounded, cancel := context.WithTimeout(ctx, deadline)
	err := e.Ping(bounded)
	cancel()
	if ctx.Err() != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[name]
	if h == nil || h.engine != e || !h.looked {
		return false
	}
	if err != nil && h.state.Reachable && c.keep(h, model.HostState{}, err, at) {
		c.Wake()
	}
	return err == nil && !h.state.Reachable
}
