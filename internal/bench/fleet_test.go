package bench

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// newFleet is an installation on n hosts side by side, with a controller. fleet
// is what its manifest says of how hosts that give no answer are dealt with.
func newFleet(b *testing.B, n int, fleet string) (*installation, []*dockertest.Host) {
	hosts := dockertest.Fleet(b, n)
	dockertest.Load(b, hosts, "tallyman/hello:1", "tallyman/hello:2")
	i := emptyRepository(b)
	i.owner = "bench"
	files := map[string]string{"fleet.yaml": "apiVersion: tallyman/v1\nkind: Fleet\nmetadata: {name: all}\nspec: {" + fleet + "}\n"}
	for _, h := range hosts {
		files[h.Name+".yaml"] = fmt.Sprintf("apiVersion: tallyman/v1\nkind: Host\nmetadata: {name: %s}\nspec: {endpoint: %q}\n", h.Name, h.Endpoint)
	}
	i.commit(files)
	i.control()
	return i, hosts
}

// BenchmarkLossToReplacement is the time from the moment at which a host goes
// until as many replicas as before are healthy without it. With a power loss the
// host's connections break; with a partition nobody says anything.
func BenchmarkLossToReplacement(b *testing.B) {
	const n = 9
	for _, times := range []string{"15s+15s", "5s+5s"} {
		unreachable, lost, _ := strings.Cut(times, "+")
		b.Run(times, func(b *testing.B) {
			i, hosts := newFleet(b, 3, "unreachableAfter: "+unreachable+", lostAfter: "+lost+", warmUp: 0s")
			i.commit(map[string]string{"web.yaml": service("web", "tallyman/hello:1", n, n)})
			i.converged(n)
			b.Run("power", func(b *testing.B) { i.lose(b, hosts, (*dockertest.Host).PowerOff, (*dockertest.Host).Boot) })
			b.Run("silence", func(b *testing.B) { i.lose(b, hosts, (*dockertest.Host).Partition, (*dockertest.Host).Heal) })
		})
	}
}

// lose measures how long it takes until the replicas of a host that goes run
// elsewhere, again and again, each time the host that has the most.
func (i *installation) lose(b *testing.B, hosts []*dockertest.Host, away, back func(*dockertest.Host)) {
	s := i.controller.Status()
	n := ready(s)
	var total time.Duration
	for b.Loop() {
		s := i.controller.Status()
		at := 0
		for j := range s.Hosts {
			if s.Hosts[j].Replicas > s.Hosts[at].Replicas {
				at = j
			}
		}
		is := func(c model.Condition) func(*report.Status) bool {
			return func(s *report.Status) bool { return s.Hosts[at].Condition == c && whole(s, n) }
		}
		begun := time.Now()
		away(hosts[at]) // both are sorted by name
		i.await("the replicas run elsewhere", is(model.Lost))
		took := time.Since(begun)
		b.Logf("%d replicas run elsewhere after %s", s.Hosts[at].Replicas, took.Round(100*time.Millisecond))
		total += took
		back(hosts[at])
		i.await("the host is back", is(model.Ready))
	}
	b.ReportMetric(total.Seconds()/float64(b.N), "s/replaced")
}

// BenchmarkScale commits REPLICAS replicas (100 unless said) of a service on eight
// hosts, and then twice as many, and tells how many were healthy per second.
// Beside it is the rate at which the raw client starts a fifth of the first half
// on the same engines, which is what these can do.
func BenchmarkScale(b *testing.B) {
	const fleet, concurrency = 8, 4
	n := 100
	if text := os.Getenv("REPLICAS"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		check(b, err)
	}
	for b.Loop() {
		i, hosts := newFleet(b, fleet, "warmUp: 0s")
		begun := time.Now()
		rawStart(b, hosts, n/5, concurrency)
		perSecond(b, "raw", n/5, begun)
		rawRemove(b, hosts)
		for _, replicas := range []int{n, 2 * n} {
			begun := time.Now()
			// A container's program takes fewer threads so: a machine has some ten
			// thousand of them.
			i.commit(map[string]string{"web.yaml": service("web", "tallyman/hello:1", replicas, replicas) + "  environment: {GOMAXPROCS: \"1\"}\n"})
			i.converged(replicas)
			perSecond(b, fmt.Sprintf("to-%d", replicas), n, begun)
		}
	}
}

// perSecond reports at which rate something was done.
func perSecond(b *testing.B, what string, n int, begun time.Time) {
	took := time.Since(begun)
	b.Logf("%s: %d in %s", what, n, took.Round(100*time.Millisecond))
	b.ReportMetric(float64(n)/took.Seconds(), what+"/s")
}

// rawName is what the raw client's containers begin with.
const rawName = "raw-"

// rawStart creates and starts n containers on all hosts together.
func rawStart(b *testing.B, hosts []*dockertest.Host, n, concurrency int) {
	each(len(hosts), len(hosts), func(h int) {
		each(n/len(hosts), concurrency, func(i int) {
			ctx, c := context.Background(), hosts[h].Client
			made, err := c.ContainerCreate(ctx, &container.Config{Image: "tallyman/hello:1", Env: []string{"GOMAXPROCS=1"}}, nil, nil, nil, rawName+strconv.Itoa(i))
			check(b, err)
			check(b, c.ContainerStart(ctx, made.ID, container.StartOptions{}))
		})
	})
}

// rawRemove removes what rawStart has made.
func rawRemove(b *testing.B, hosts []*dockertest.Host) {
	each(len(hosts), len(hosts), func(h int) {
		list, err := hosts[h].Client.ContainerList(context.Background(), container.ListOptions{All: true})
		check(b, err)
		list = slices.DeleteFunc(list, func(c container.Summary) bool { return !strings.HasPrefix(c.Names[0], "/"+rawName) })
		each(len(list), 8, func(i int) {
			check(b, hosts[h].Client.ContainerRemove(context.Background(), list[i].ID, container.RemoveOptions{Force: true}))
		})
	})
}
