package bench

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// failing is what containers of a bad commit end with.
const failing = 3

// BenchmarkWayBack is the time from the end of the first container that fails
// until the old state is complete: ten replicas, four of them at once. Beside it
// is what the raw client takes to remove four that fail and, where the old ones
// were stopped first, to start those again.
func BenchmarkWayBack(b *testing.B) {
	for _, order := range []string{"start-first", "stop-first"} {
		b.Run(order, func(b *testing.B) {
			const n, parallelism = 10, 4
			for b.Loop() {
				best := rawBest(b, func(r *raw, concurrency int) time.Duration {
					return r.goBack(order == "stop-first", parallelism, concurrency)
				})
				i := newInstallation(b)
				with := "order: " + order + ", monitor"
				good := strings.Replace(service("web", "tallyman/hello:1", n, parallelism), "monitor", with, 1)
				i.commit(map[string]string{"web.yaml": good})
				i.converged(n)
				ended := i.ending()
				bad := strings.Replace(good, "hello:1", "hello:2", 1) + "  environment: {FAIL: exit, EXIT_CODE: \"" + strconv.Itoa(failing) + "\"}\n"
				i.commit(map[string]string{"web.yaml": bad})
				failed := <-ended
				i.back(n)
				reportRatio(b, time.Since(failed), best)
			}
		})
	}
}

// goBack removes n containers that end again and again, and starts n others again
// if those were stopped.
func (r *raw) goBack(stopped bool, n, concurrency int) time.Duration {
	ctx, old := context.Background(), []string(nil)
	if stopped {
		old, _ = r.start("old", "tallyman/hello:1", n, concurrency)
		for _, id := range old {
			check(r.b, r.client.ContainerStop(ctx, id, container.StopOptions{}))
		}
	}
	r.env = []string{"FAIL=exit"}
	bad, _ := r.start("bad", "tallyman/hello:2", n, concurrency)
	begun := time.Now()
	each(n, concurrency, func(i int) {
		r.end(bad[i])
		if stopped {
			check(r.b, r.client.ContainerStart(ctx, old[i], container.StartOptions{}))
		}
	})
	return time.Since(begun)
}

// ending gives the moment at which the first container fails, by the engine's
// clock.
func (i *installation) ending() <-chan time.Time {
	ctx, stop := context.WithCancel(context.Background())
	i.b.Cleanup(stop)
	deaths, failed := i.engine.Client.Events(ctx, events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("label", "tallyman.owner="+i.engine.Owner), filters.Arg("event", "die"))})
	first := make(chan time.Time, 1)
	go func() {
		for {
			select {
			case e := <-deaths:
				if e.Actor.Attributes["exitCode"] == strconv.Itoa(failing) {
					first <- time.Unix(0, e.TimeNano)
					return
				}
			case <-failed:
				close(first) // the zero time, which no figure would be mistaken for
				return
			}
		}
	}()
	return first
}

// back waits until the app is where it was before the commit that failed: all
// replicas serve, and nothing of the commit is left.
func (i *installation) back(n int) {
	changed, stop := i.controller.Subscribe()
	defer stop()
	deadline := time.After(5 * time.Minute)
	for {
		s := i.controller.Status()
		if isBack(&s) && ready(s) == n {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			i.b.Fatalf("the app does not go back: %+v", s.Apps)
		}
	}
}

func isBack(s *report.Status) bool {
	if len(s.Apps) != 1 || s.Busy > 0 || len(s.Changes) > 0 {
		return false
	}
	a := &s.Apps[0]
	return a.Hold != nil && a.Held != nil && a.Phase == rollout.Complete && a.Health == report.Healthy
}
