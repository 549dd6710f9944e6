package reconcile

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/execute"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// task is a run of ops in the background. It counts as at work until its hosts
// have been looked at after its end: before that, a pass would decide from what
// was, and begin it again.
type task struct {
	key    plan.Key
	digest string
	cancel context.CancelFunc
	hosts  []string
	ended  time.Time
	unseen int  // how many of its hosts have not been looked at since
	pulls  bool // images
	undone []model.Op
}

// begin starts tasks in the background.
func (c *Controller) begin(tasks []rollout.Task) {
	if c.drain {
		return
	}
	engines := map[string]engine.Engine{}
	cpus := map[string]int{}
	for name, h := range c.hosts {
		engines[name], cpus[name] = h.engine, int(h.state.Info.NanoCPUs/1e9)
	}
	for _, t := range tasks {
		ctx, cancel := context.WithCancel(c.ctx)
		c.busy[t.Key] = &task{key: t.Key, digest: t.Digest, cancel: cancel, hosts: hostsOf(t.Ops), pulls: pulls(t.Ops)}
		for _, name := range c.busy[t.Key].hosts {
			c.atWork[name]++
		}
		c.making.begin(t.Ops)
		if c.busy[t.Key].pulls {
			c.tellPullsLater()
		}
		c.executor.Go(ctx, execute.Task{
			Ops: t.Ops, Blobs: c.effective.Blobs,
			Engines: func(host string) engine.Engine { return engines[host] },
			CPUs:    func(host string) int { return cpus[host] },
			Done:    func(o execute.Outcome) { c.ends.add(t, o) },
		})
	}
}

func hostsOf(ops []model.Op) []string {
	hosts := map[string]bool{}
	for _, op := range ops {
		hosts[op.On()] = true
	}
	return slices.Sorted(maps.Keys(hosts))
}

// ended notes what became of a task and has its hosts looked at.
func (c *Controller) ended(e end) {
	t, o := e.task, e.outcome
	running := c.busy[t.Key]
	running.ended = e.at
	running.cancel()
	for _, name := range running.hosts {
		c.atWork[name]--
	}
	for _, op := range t.Ops[:o.Performed] {
		c.event(Event{Kind: "op", App: t.Key.App, Host: op.On(), Thing: t.Key.String(), Text: engine.Doing(op) + ": " + t.Reason})
	}
	if o.Err != nil && !errors.Is(o.Err, context.Canceled) && !errors.Is(o.Err, execute.ErrDrained) && running.digest == c.digest(t.Key.App) {
		c.noteFailure(t.Key, o) // an older commit's failure is nothing to the newer one
	}
	running.unseen, running.undone = len(running.hosts), t.Ops[o.Performed:]
	for _, name := range running.hosts {
		c.over[name] = append(c.over[name], running)
		if h := c.hosts[name]; h != nil && h.engine != nil {
			poke(h.wake)
		}
	}
	c.Wake()
}

// digest is that of the app as it is held to now.
func (c *Controller) digest(app string) string {
	for i := range c.effective.Apps {
		if c.effective.Apps[i].Name == app {
			return c.effective.Apps[i].Digest
		}
	}
	return ""
}

// noteFailure keeps why a try did not work, for the next decision.
func (c *Controller) noteFailure(key plan.Key, o execute.Outcome) {
	a := c.memory.Attempts[key]
	a.Reason, a.Last = o.Err.Error(), time.Now()
	a.Permanent = permanent(o)
	attempts := maps.Clone(c.memory.Attempts)
	attempts[key] = a
	c.memory.Attempts = attempts
	c.event(Event{Kind: "failed", App: key.App, Host: o.Op.On(), Thing: key.String(), Text: o.Err.Error()})
}

// permanent says whether trying again is no use. A conflict may pass, and what
// was not found will be missing in the next look at the host; only an image
// that no registry has stays missing.
func permanent(o execute.Outcome) bool {
	switch engine.ClassOf(o.Err) {
	case engine.Invalid, engine.Denied:
		return true
	case engine.NotFound:
		_, pull := o.Op.(model.PullImage)
		return pull
	}
	return false
}

// release lets go of the ended tasks of a host whose end has been seen there, unless
// another of their hosts is still to be looked at, and says whether there were any.
// It goes through those of this host alone: with a hundred thousand tasks on a
// thousand hosts, each look would else go through all of them.
func (c *Controller) release(host string, seen func(*task) bool) (some bool) {
	unseen := c.over[host][:0]
	for _, t := range c.over[host] {
		switch {
		case !seen(t):
			unseen = append(unseen, t)
		case t.unseen > 1:
			t.unseen--
		default:
			delete(c.busy, t.key)
			c.making.giveUp(t.undone)
			some = true
		}
	}
	clear(c.over[host][len(unseen):]) // they have no other holder
	if c.over[host] = unseen; len(unseen) == 0 {
		delete(c.over, host)
	}
	return some
}

// releaseUnseen lets go of what has ended on hosts that nobody looks at any more.
func (c *Controller) releaseUnseen() {
	for name := range c.over {
		h := c.hosts[name]
		if _, lost := c.judged.Lost[name]; lost || h == nil || h.engine == nil {
			c.release(name, func(*task) bool { return true })
		}
	}
}

func (c *Controller) cancel(keys []plan.Key) {
	for _, key := range keys {
		if t := c.busy[key]; t != nil {
			t.cancel()
		}
	}
}

// drainOps begins no more ops and waits for those at work to end, or for kill.
func (c *Controller) drainOps(kill context.Context) {
	c.mu.Lock()
	c.drain = true
	c.mu.Unlock()
	c.executor.Drain()
	ended := make(chan struct{})
	go func() {
		c.executor.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-kill.Done():
	}
	c.noteEnds()
}
