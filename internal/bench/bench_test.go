package bench

import (
	"context"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// concurrencies are tried by the raw client, and its best one counts.
var concurrencies = []int{4, 8}

// BenchmarkCommitToHealthy100 is the time from a commit to 100 replicas running
// and healthy, against the raw client making and starting as many.
func BenchmarkCommitToHealthy100(b *testing.B) {
	const n = 100
	for b.Loop() {
		best := rawBest(b, func(r *raw, concurrency int) time.Duration {
			_, took := r.start("start", "tallyman/hello:1", n, concurrency)
			return took
		})
		i := newInstallation(b)
		begun := time.Now()
		i.commit(map[string]string{"web.yaml": service("web", "tallyman/hello:1", n, n)})
		i.converged(n)
		reportRatio(b, time.Since(begun), best)
	}
}

// BenchmarkReplace50 is the time from a commit that changes the image of 50 of
// 100 replicas until all are running and healthy.
func BenchmarkReplace50(b *testing.B) {
	const n, parallelism = 50, 16
	for b.Loop() {
		best := rawBest(b, func(r *raw, concurrency int) time.Duration {
			r.start("other", "tallyman/hello:1", n, concurrency)
			ids, _ := r.start("old", "tallyman/hello:1", n, concurrency)
			return r.replace(ids, "new", "tallyman/hello:2", concurrency)
		})
		i := newInstallation(b)
		i.commit(map[string]string{
			"web.yaml":   service("web", "tallyman/hello:1", n, parallelism),
			"other.yaml": service("other", "tallyman/hello:1", n, parallelism),
		})
		i.converged(2 * n)
		begun := time.Now()
		i.commit(map[string]string{"web.yaml": service("web", "tallyman/hello:2", n, parallelism)})
		i.converged(2 * n)
		reportRatio(b, time.Since(begun), best)
	}
}

// BenchmarkKillToRestarted is the time from a container's death to its being
// started again, less the engine's own time for a start.
func BenchmarkKillToRestarted(b *testing.B) {
	i := newInstallation(b)
	i.commit(map[string]string{"web.yaml": service("web", "tallyman/hello:1", 1, 1)})
	i.converged(1)
	ctx := context.Background()
	list, err := i.engine.Client.ContainerList(ctx, container.ListOptions{Filters: filters.NewArgs(filters.Arg("label", "tallyman.owner="+i.engine.Owner))})
	check(b, err)
	id := list[0].ID
	var healed, own time.Duration
	for b.Loop() {
		time.Sleep(11 * time.Second) // the tries are forgotten, so there is no backoff in what is measured
		check(b, i.engine.Client.ContainerKill(ctx, id, "KILL"))
		begun := time.Now()
		for before := i.startedAt(id); i.startedAt(id) == before; {
			time.Sleep(2 * time.Millisecond)
		}
		healed += time.Since(begun)
		check(b, i.engine.Client.ContainerKill(ctx, id, "KILL"))
		begun = time.Now()
		check(b, i.engine.Client.ContainerStart(ctx, id, container.StartOptions{}))
		own += time.Since(begun)
	}
	b.ReportMetric(healed.Seconds()/float64(b.N), "s/healed")
	b.ReportMetric(own.Seconds()/float64(b.N), "s/raw-start")
	b.ReportMetric((healed-own).Seconds()/float64(b.N), "s/added")
}

func (i *installation) startedAt(id string) string {
	info, err := i.engine.Client.ContainerInspect(context.Background(), id)
	check(i.b, err)
	return info.State.StartedAt
}

// rawBest is the raw client's best time over the concurrencies.
func rawBest(b *testing.B, measure func(r *raw, concurrency int) time.Duration) time.Duration {
	e := dockertest.Local(b)
	e.Images("tallyman/hello:1", "tallyman/hello:2")
	var best time.Duration
	for _, c := range concurrencies {
		r := newRaw(b, e)
		took := measure(r, c)
		r.clear()
		b.Logf("raw client, %d at once: %s", c, took.Round(time.Millisecond))
		if best == 0 || took < best {
			best = took
		}
	}
	return best
}

// reportRatio reports ours, the raw client's, and their ratio.
func reportRatio(b *testing.B, ours, raw time.Duration) {
	b.Logf("ours %s, raw %s", ours.Round(time.Millisecond), raw.Round(time.Millisecond))
	b.ReportMetric(ours.Seconds(), "s/ours")
	b.ReportMetric(raw.Seconds(), "s/raw")
	b.ReportMetric(ours.Seconds()/raw.Seconds(), "ratio")
}
