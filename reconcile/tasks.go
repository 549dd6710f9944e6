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
	digest string
	cancel context.CancelFunc
	hosts  []string
	ended  time.Time
	pulls  bool // images
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
		c.busy[t.Key] = &task{digest: t.Digest, cancel: cancel, hosts: hostsOf(t.Ops), pulls: pulls(t.Ops)}
		for _, name := range c.busy[t.Key].hosts {
			c.atWork[name]++
		}
		if c.busy[t.Key].pulls {
			c.tellPullsLater()
		}
		c.executor.Go(ctx, execute.Task{
			Ops: t.Ops, Blobs: c.effective.Blobs,
			Engines: func(host string) engine.Engine { return engines[host] },
			CPUs:    func(host string) int { return cpus[host] },
			Done:    func(o execute.Outcome) { c.ended(t, o) },
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
func (c *Controller) ended(t rollout.Task, o execute.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	running := c.busy[t.Key]
	running.ended = time.Now()
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
	for _, name := range running.hosts {
		if h := c.hosts[name]; h != nil && h.engine != nil {
			poke(h.wake)
		} else {
			delete(c.busy, t.Key)
		}
	}
	if c.busy[t.Key] == running {
		c.over[t.Key] = running
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

// releaseEnded lets go of ended tasks whose hosts have been looked at since, and
// says whether there were any.
func (c *Controller) releaseEnded() (some bool) {
	for key, t := range c.over {
		seen := true
		for _, name := range t.hosts {
			h := c.hosts[name]
			_, lost := c.judged.Lost[name] // nothing is to be seen there
			seen = seen && (h == nil || lost || h.state.At.After(t.ended))
		}
		if seen {
			delete(c.busy, key)
			delete(c.over, key)
			some = true
		}
	}
	return some
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
}
