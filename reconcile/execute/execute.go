// Package execute performs ops. It decides nothing: what to do, in which order
// and how often to try was decided in plan and rollout. It keeps the number of
// calls at work on each host in bounds, gives every op a deadline, and says
// what became of it.
package execute

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Deadlines of single ops. A stop's grace period comes on top.
const (
	callDeadline = 90 * time.Second
	pullDeadline = 15 * time.Minute
)

// Limits per host.
const (
	// callsPerCPU and maxCalls bound the heavy calls: more only adds latency
	// (docs/PERFORMANCE.md has the measurement).
	callsPerCPU = 2
	maxCalls    = 8
	// maxStops (with the removal that follows) and maxPulls bound these apart
	// from the rest: they mostly wait, and what waits must not keep others from
	// starting.
	maxStops = 8
	maxPulls = 3
)

// Outcome is what became of a task: the op that ended it, and its error.
type Outcome struct {
	Performed int      // ops that succeeded
	Op        model.Op // the one that did not; nil when all did
	Err       error
}

// Executor performs tasks in the background.
type Executor struct {
	wg    sync.WaitGroup
	drain chan struct{} // closed when no more ops are to begin
	mu    sync.Mutex
	hosts map[string]*limits
}

// ErrDrained ends a task whose next op was not begun any more.
var ErrDrained = errors.New("the controller is stopping")

// limits are one host's tokens.
type limits struct{ calls, stops, pulls chan struct{} }

// New makes an executor.
func New() *Executor {
	return &Executor{hosts: map[string]*limits{}, drain: make(chan struct{})}
}

// Task is a run of ops on one thing.
type Task struct {
	Ops   []model.Op
	Blobs model.Blobs
	// Engines gives the engine of a host, or nil.
	Engines func(host string) engine.Engine
	// CPUs gives the number of a host's CPUs, 0 when not known.
	CPUs func(host string) int
	// Done is called once, with what became of the task.
	Done func(Outcome)
}

// Go performs the task's ops one after the other until one does not succeed,
// and returns at once.
func (e *Executor) Go(ctx context.Context, task Task) {
	e.wg.Go(func() { task.Done(e.run(ctx, task)) })
}

// Drain lets the ops at work end and begins no more, but for one case: a task
// that has stopped a replica also starts the one that takes over, because
// nobody may be there to do it for a long time. It is called once.
func (e *Executor) Drain() { close(e.drain) }

func (e *Executor) drained() bool {
	select {
	case <-e.drain:
		return true
	default:
		return false
	}
}

// Wait returns when all tasks have ended.
func (e *Executor) Wait() { e.wg.Wait() }

// run performs the ops in order. A token is kept from one op to the next that
// needs the same, so that a replica that is created is also started before the
// next one is created: the first of a hundred is up at once.
func (e *Executor) run(ctx context.Context, task Task) Outcome {
	var held token
	defer held.giveBack()
	stopped := false
	for i, op := range task.Ops {
		if e.drained() && !stopped {
			return Outcome{Performed: i, Op: op, Err: ErrDrained}
		}
		if err := ctx.Err(); err != nil {
			return Outcome{Performed: i, Op: op, Err: err} // with a token free, select would toss a coin
		}
		if err := held.change(ctx, e.tokens(op, task.CPUs(op.On()))); err != nil {
			return Outcome{Performed: i, Op: op, Err: err}
		}
		if err := perform(ctx, task, op); err != nil {
			return Outcome{Performed: i, Op: op, Err: err}
		}
		if _, stop := op.(model.StopContainer); stop {
			stopped = true
		}
	}
	return Outcome{Performed: len(task.Ops)}
}

// token is the right to make a call, while it is held.
type token struct{ of chan struct{} }

// change gets a token of another kind for the one that is held.
func (t *token) change(ctx context.Context, to chan struct{}) error {
	if t.of == to {
		return nil
	}
	t.giveBack()
	select {
	case to <- struct{}{}:
		t.of = to
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *token) giveBack() {
	if t.of != nil {
		<-t.of
		t.of = nil
	}
}

func perform(ctx context.Context, task Task, op model.Op) error {
	host := task.Engines(op.On())
	if host == nil {
		return &engine.Error{Class: engine.Unreachable, Doing: engine.Doing(op), Host: op.On(), Err: fmt.Errorf("the host is not registered")}
	}
	ctx, cancel := context.WithTimeout(ctx, deadline(op))
	defer cancel()
	return host.Do(ctx, op, task.Blobs)
}

func deadline(op model.Op) time.Duration {
	switch o := op.(type) {
	case model.PullImage, model.LoadImage:
		return pullDeadline
	case model.StopContainer:
		return callDeadline + o.Grace
	}
	return callDeadline
}

func (e *Executor) tokens(op model.Op, cpus int) chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.hosts[op.On()]
	if l == nil {
		l = &limits{
			calls: make(chan struct{}, CallLimit(cpus)),
			stops: make(chan struct{}, maxStops),
			pulls: make(chan struct{}, maxPulls),
		}
		e.hosts[op.On()] = l
	}
	if n := CallLimit(cpus); cpus > 0 && cap(l.calls) != n {
		// The host has said by now how many CPUs it has. Calls at work give
		// their tokens back to the old bound.
		l.calls = make(chan struct{}, n)
	}
	switch op.(type) {
	case model.StopContainer, model.RemoveContainer:
		return l.stops
	case model.PullImage, model.LoadImage:
		return l.pulls
	}
	return l.calls
}

// CallLimit is how many heavy calls a host of so many CPUs takes at once.
func CallLimit(cpus int) int {
	if cpus <= 0 {
		return callsPerCPU
	}
	return min(callsPerCPU*cpus, maxCalls)
}
