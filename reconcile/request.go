package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// request is what a person asked a running controller for. It is about one
// revision, and over when that has come to an outcome or another revision is
// in force: nobody agreed to the removals of a later commit.
type request struct {
	revision      string
	allowRemovals bool
}

// requests are what people ask a controller for.
type requests struct {
	request  *request // the one that is in force
	waiters  []waiter // for the next look at the source
	unjudged []waiter // for what policies say to what they ask for
	// permitted says that what `apply` brings keeps the policies.
	permitted bool
}

// waiter wants to know what the next look at the source finds.
type waiter struct {
	allowRemovals bool
	answer        chan error
}

// Apply does what `tallyman apply` does, inside a running controller: it looks
// at Git at once, begins rollouts anew that failed and stopped, and rolls apps
// that do not follow the branch by themselves. It returns when a pass has decided about
// that; how it goes on is in the statuses. The error says why the revision is
// not in force.
func (c *Controller) Apply(ctx context.Context, allowRemovals bool) error {
	changed, stop := c.Subscribe()
	defer stop()
	w := waiter{allowRemovals, make(chan error, 1)}
	c.mu.Lock()
	c.waiters = append(c.waiters, w)
	c.mu.Unlock()
	poke(c.resolve)
	select {
	case err := <-w.answer:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	asked := time.Now()
	c.Wake()
	for !c.decidedSince(asked) {
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (c *Controller) decidedSince(t time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at.After(t) && c.passed()
}

func (c *Controller) takeWaiters() []waiter {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiters := c.waiters
	c.waiters = nil
	return waiters
}

// answer tells the waiters what was found in the source, and leaves those whose
// requests can be put in force to the next pass, which knows the plan.
func (c *Controller) answer(waiters []waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range waiters {
		if err := errors.Join(c.source.refused, c.source.unread); err != nil || c.source.desired == nil {
			w.answer <- err
			continue
		}
		c.unjudged = append(c.unjudged, w)
	}
}

// grant puts a request in force.
func (c *Controller) grant(w waiter) {
	allow := w.allowRemovals || c.asked() && c.request.allowRemovals
	c.request = &request{c.source.commit.ID, allow}
	c.goOn()
	w.answer <- nil
}

// asked says whether a request is about the revision in force.
func (c *Controller) asked() bool {
	return c.request != nil && c.source.desired != nil && c.request.revision == c.source.desired.Revision
}

// endRequest forgets the request when it has come to an outcome.
func (c *Controller) endRequest() {
	if c.request == nil {
		return
	}
	s := c.status()
	if !c.asked() || report.OutcomeOf(&s) != report.Pending {
		c.request = nil
	}
}

// Logs writes the log of a replica's container.
func (c *Controller) Logs(ctx context.Context, r report.Replica, opts engine.LogOptions, w io.Writer) error {
	c.mu.Lock()
	var e engine.Engine
	if h := c.hosts[r.Host]; h != nil {
		e = h.engine
	}
	c.mu.Unlock()
	if e == nil {
		return fmt.Errorf("read log: there is no connection to host %q", r.Host)
	}
	return e.Logs(ctx, r.ID, opts, w)
}
