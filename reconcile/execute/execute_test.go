package execute

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// host is an engine whose calls take as long as a function says. It keeps
// count of the calls at work, and of the most there were at once.
type host struct {
	do func(ctx context.Context, op model.Op) error

	mu      sync.Mutex
	atWork  map[string]int
	most    map[string]int
	began   []string
	ended   []string
	blobs   model.Blobs
	allowed time.Duration // the last call's deadline, from its beginning
}

func newHost(do func(context.Context, model.Op) error) *host {
	return &host{do: do, atWork: map[string]int{}, most: map[string]int{}}
}

func (h *host) Do(ctx context.Context, op model.Op, blobs model.Blobs) error {
	verb := model.Verb(op)
	h.mu.Lock()
	h.began = append(h.began, verb)
	h.blobs = blobs
	h.atWork[verb]++
	h.most[verb] = max(h.most[verb], h.atWork[verb])
	if deadline, ok := ctx.Deadline(); ok {
		h.allowed = time.Until(deadline)
	}
	h.mu.Unlock()
	err := h.do(ctx, op)
	h.mu.Lock()
	h.atWork[verb]--
	h.ended = append(h.ended, verb)
	h.mu.Unlock()
	return err
}

func (h *host) Ping(context.Context) error { return nil }

func (h *host) Observe(context.Context, engine.Query) (model.HostState, error) {
	return model.HostState{}, nil
}
func (h *host) Logs(context.Context, string, engine.LogOptions, io.Writer) error { return nil }
func (h *host) Watch(context.Context, func())                                    {}
func (h *host) Pulls() []model.Pull                                              { return nil }
func (h *host) Close() error                                                     { return nil }

// takes is a call that lasts, or ends with its context.
func takes(d time.Duration) func(context.Context, model.Op) error {
	return func(ctx context.Context, _ model.Op) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func hangs(ctx context.Context, _ model.Op) error {
	<-ctx.Done()
	return ctx.Err()
}

// fleet hands the hosts to an executor and gathers what became of the tasks.
type fleet struct {
	*Executor
	hosts    map[string]*host
	cpus     int
	outcomes chan Outcome
}

func newFleet(cpus int, hosts map[string]*host) *fleet {
	return &fleet{Executor: New(), hosts: hosts, cpus: cpus, outcomes: make(chan Outcome, 1000)}
}

func (f *fleet) begin(ctx context.Context, ops ...model.Op) {
	f.Go(ctx, Task{
		Ops: ops,
		Engines: func(name string) engine.Engine {
			if h := f.hosts[name]; h != nil {
				return h
			}
			return nil
		},
		CPUs: func(string) int { return f.cpus },
		Done: func(o Outcome) { f.outcomes <- o },
	})
}

func start(host string) model.Op {
	return model.StartContainer{Target: model.Target{Host: host, Name: "web"}}
}
func stop(host string) model.Op {
	return model.StopContainer{Target: model.Target{Host: host, Name: "web"}, Grace: time.Minute}
}
func remove(host string) model.Op {
	return model.RemoveContainer{Target: model.Target{Host: host, Name: "web"}}
}
func pull(host string) model.Op { return model.PullImage{Host: host, Image: "web:1"} }

func TestOpsOfATaskComeOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(takes(time.Second))
		f := newFleet(4, map[string]*host{"h1": h})
		f.begin(t.Context(), pull("h1"), start("h1"), stop("h1"), remove("h1"))
		f.Wait()
		if want := []string{"pull", "start", "stop", "remove"}; !slices.Equal(h.began, want) || !slices.Equal(h.ended, want) {
			t.Errorf("began %v, ended %v", h.began, h.ended)
		}
		if o := <-f.outcomes; o.Performed != 4 || o.Op != nil || o.Err != nil {
			t.Errorf("came out as %+v", o)
		}
	})
}

func TestATaskEndsWithTheOpThatDoesNotSucceed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusal := &engine.Error{Class: engine.Conflict, Doing: "stop", Host: "h1", Err: errors.New("not ours")}
		h := newHost(func(_ context.Context, op model.Op) error {
			if model.Verb(op) == "stop" {
				return refusal
			}
			return nil
		})
		f := newFleet(4, map[string]*host{"h1": h})
		f.begin(t.Context(), start("h1"), stop("h1"), remove("h1"))
		f.Wait()
		o := <-f.outcomes
		if o.Performed != 1 || o.Op != stop("h1") || engine.ClassOf(o.Err) != engine.Conflict {
			t.Errorf("came out as %+v", o)
		}
		if slices.Contains(h.began, "remove") {
			t.Error("went on after the failure")
		}
	})
}

func TestCallsOfOneHostAreBounded(t *testing.T) {
	for _, tc := range []struct {
		cpus, starts, stops, pulls int
	}{{0, 2, 8, 3}, {1, 2, 8, 3}, {2, 4, 8, 3}, {64, 8, 8, 3}} {
		t.Run(fmt.Sprintf("%d cpus", tc.cpus), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHost(takes(time.Second))
				f := newFleet(tc.cpus, map[string]*host{"h1": h})
				for range 40 {
					f.begin(t.Context(), start("h1"))
					f.begin(t.Context(), stop("h1"))
					f.begin(t.Context(), pull("h1"))
				}
				f.Wait()
				if h.most["start"] != tc.starts || h.most["stop"] != tc.stops || h.most["pull"] != tc.pulls {
					t.Errorf("at once there were %v", h.most)
				}
			})
		})
	}
}

func TestTheBoundFollowsWhatTheHostSaysOfItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(takes(time.Second))
		f := newFleet(0, map[string]*host{"h1": h})
		f.begin(t.Context(), start("h1"))
		f.Wait()
		f.cpus = 3
		for range 40 {
			f.begin(t.Context(), start("h1"))
		}
		f.Wait()
		if h.most["start"] != 6 {
			t.Errorf("at once there were %d", h.most["start"])
		}
	})
}

func TestPullsAndStopsDoNotKeepOthersFromStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(func(ctx context.Context, op model.Op) error {
			if verb := model.Verb(op); verb == "pull" || verb == "stop" {
				return hangs(ctx, op)
			}
			return nil
		})
		f := newFleet(1, map[string]*host{"h1": h})
		ctx, cancel := context.WithCancel(t.Context())
		for range 20 {
			f.begin(ctx, pull("h1"))
			f.begin(ctx, stop("h1"))
		}
		synctest.Wait()
		f.begin(t.Context(), start("h1"))
		if o := <-f.outcomes; o.Performed != 1 || o.Err != nil {
			t.Errorf("came out as %+v", o)
		}
		cancel()
		f.Wait()
	})
}

func TestAHungHostDoesNotDelayAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung, well := newHost(hangs), newHost(takes(time.Second))
		f := newFleet(2, map[string]*host{"hung": hung, "well": well})
		ctx, cancel := context.WithCancel(t.Context())
		for range 50 {
			f.begin(ctx, start("hung"))
		}
		synctest.Wait()
		began := time.Now()
		f.begin(t.Context(), start("well"))
		if o := <-f.outcomes; o.Err != nil || time.Since(began) != time.Second {
			t.Errorf("came out as %+v after %s", o, time.Since(began))
		}
		cancel()
		f.Wait()
	})
}

func TestEveryOpHasADeadline(t *testing.T) {
	for _, tc := range []struct {
		op   model.Op
		want time.Duration
	}{
		{start("h1"), 90 * time.Second},
		{pull("h1"), 15 * time.Minute},
		{stop("h1"), 90*time.Second + time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHost(hangs)
			f := newFleet(1, map[string]*host{"h1": h})
			began := time.Now()
			f.begin(t.Context(), tc.op)
			f.Wait()
			if took := time.Since(began); took != tc.want || h.allowed != tc.want {
				t.Errorf("%s ended after %s, want %s", model.Verb(tc.op), took, tc.want)
			}
			if o := <-f.outcomes; engine.ClassOf(o.Err) != engine.Timeout || !reflect.DeepEqual(o.Op, tc.op) {
				t.Errorf("%s came out as %+v", model.Verb(tc.op), o)
			}
		})
	}
}

// TestWaitingForATokenIsNotCounted: the deadline is the call's own, however
// long the host was busy with others.
func TestWaitingForATokenIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(takes(80 * time.Second))
		f := newFleet(1, map[string]*host{"h1": h})
		for range 8 {
			f.begin(t.Context(), start("h1"))
		}
		f.Wait()
		for range 8 {
			if o := <-f.outcomes; o.Err != nil {
				t.Errorf("came out as %+v", o)
			}
		}
	})
}

func TestCancelEndsTheCallAndBeginsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(hangs)
		f := newFleet(1, map[string]*host{"h1": h})
		ctx, cancel := context.WithCancel(t.Context())
		for range 6 {
			f.begin(ctx, start("h1"), remove("h1"))
		}
		synctest.Wait()
		cancel()
		f.Wait()
		if len(h.began) != 2 {
			t.Errorf("began %v: only two had a token when it was cancelled", h.began)
		}
		for range 6 {
			if o := <-f.outcomes; !errors.Is(o.Err, context.Canceled) || !reflect.DeepEqual(o.Op, start("h1")) {
				t.Errorf("came out as %+v", o)
			}
		}
		h.do = takes(0)
		f.begin(t.Context(), start("h1"))
		if o := <-f.outcomes; o.Err != nil {
			t.Errorf("a token was lost: %v", o.Err)
		}
	})
}

func TestACancelledTaskDoesNothingEvenIfItCould(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(takes(0))
		f := newFleet(4, map[string]*host{"h1": h})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 50 {
			f.begin(ctx, start("h1"))
		}
		f.Wait()
		if len(h.began) != 0 {
			t.Errorf("began %d calls", len(h.began))
		}
	})
}

func TestAHostThatIsNotRegisteredIsUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(4, nil)
		f.begin(t.Context(), start("gone"))
		o := <-f.outcomes
		if engine.ClassOf(o.Err) != engine.Unreachable || o.Err.Error() != `start container "web" on host "gone": the host is not registered` {
			t.Errorf("came out as %v", o.Err)
		}
	})
}

func TestFilesTravelWithTheTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(takes(0))
		e := New()
		e.Go(t.Context(), Task{
			Ops: []model.Op{start("h1")}, Blobs: model.Blobs{"sha256:aa": []byte("x")},
			Engines: func(string) engine.Engine { return h }, CPUs: func(string) int { return 1 }, Done: func(Outcome) {},
		})
		e.Wait()
		if string(h.blobs["sha256:aa"]) != "x" {
			t.Errorf("got %v", h.blobs)
		}
	})
}

func TestDrainBeginsNoMoreOps(t *testing.T) {
	for _, tc := range []struct {
		name string
		ops  []model.Op
		want []string
	}{
		{"a replica that is created is not started", []model.Op{pull("h1"), start("h1")}, []string{"pull"}},
		{"one that was stopped for another gets the other", []model.Op{stop("h1"), start("h1")}, []string{"stop", "start"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHost(takes(time.Second))
				f := newFleet(4, map[string]*host{"h1": h})
				f.begin(t.Context(), tc.ops...)
				synctest.Wait()
				f.Drain()
				f.Wait()
				if !slices.Equal(h.ended, tc.want) {
					t.Errorf("performed %v, want %v", h.ended, tc.want)
				}
			})
		})
	}
}
