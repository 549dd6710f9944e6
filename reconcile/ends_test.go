package reconcile

import (
	"context"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/execute"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// idle is a controller that nobody runs, with hosts that nobody looks at.
func idle(t *testing.T, hosts ...string) *Controller {
	w := sim.NewWorld(1)
	c, err := New(Config{Journal: &journal{world: w}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	c.ctx, c.effective = t.Context(), &model.Desired{Apps: []model.App{{Name: "shop", Digest: "d"}}}
	for _, name := range hosts {
		c.hosts[name] = &hostState{host: model.Host{Name: name}, engine: w.Host(name), wake: make(chan struct{}, 1)}
	}
	return c
}

func slotKey(n int) plan.Key {
	return plan.Key{Kind: plan.KindReplica, App: "shop", Service: "web", Slot: strconv.Itoa(n)}
}

// TestTheEndOfATaskWaitsForNobody ends tasks while the controller is busy with a
// pass: none of them may wait for that, and each is noted afterwards.
func TestTheEndOfATaskWaitsForNobody(t *testing.T) {
	const tasks = 100
	c := idle(t)
	c.mu.Lock()
	for n := range tasks {
		op := model.StopContainer{Target: model.Target{Host: "gone"}} // which fails at once
		c.begin([]rollout.Task{{Key: slotKey(n), Digest: "d", Ops: []model.Op{op}}})
	}
	ended := make(chan struct{})
	go func() { c.executor.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("tasks wait for the pass to end")
	}
	c.mu.Unlock()
	c.noteEnds()
	if len(c.memory.Attempts) != tasks {
		t.Errorf("%d of %d failures are noted", len(c.memory.Attempts), tasks)
	}
	c.releaseUnseen()
	if len(c.busy) > 0 || len(c.over) > 0 {
		t.Errorf("%d tasks are still in hand, on %d hosts that nobody looks at", len(c.busy), len(c.over))
	}
}

// TestAnEndedTaskIsInHandUntilItsHostsAreSeen ends a task on two hosts: a pass that
// decided before both are looked at would begin it again.
func TestAnEndedTaskIsInHandUntilItsHostsAreSeen(t *testing.T) {
	since := func(*task) bool { return true }
	before := func(*task) bool { return false }
	for _, tc := range []struct {
		name string
		seen func(c *Controller)
		held bool
	}{
		{"neither is seen", func(*Controller) {}, true},
		{"one is seen", func(c *Controller) { c.release("host-1", since) }, true},
		{"one is seen twice", func(c *Controller) { c.release("host-1", since); c.release("host-1", since) }, true},
		{"one look began before", func(c *Controller) { c.release("host-1", since); c.release("host-2", before) }, true},
		{"both are seen", func(c *Controller) { c.release("host-1", since); c.release("host-2", since) }, false},
		{"one is seen, the other is lost", func(c *Controller) {
			c.release("host-1", since)
			c.judged.Lost["host-2"] = time.Now()
			c.releaseUnseen()
		}, false},
		{"one is seen, the other is gone", func(c *Controller) {
			c.release("host-1", since)
			delete(c.hosts, "host-2")
			c.releaseUnseen()
		}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := idle(t, "host-1", "host-2")
			c.busy[slotKey(1)] = &task{key: slotKey(1), cancel: func() {}, hosts: []string{"host-1", "host-2"}}
			c.ended(end{task: rollout.Task{Key: slotKey(1)}, outcome: execute.Outcome{Err: context.Canceled}})
			tc.seen(c)
			if _, held := c.busy[slotKey(1)]; held != tc.held {
				t.Errorf("the task is in hand: %v, want %v", held, tc.held)
			}
		})
	}
}
