package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// BenchmarkController is the whole controller on 1,000 simulated hosts that have no
// image yet and whose engines take no time, in real time: from its start to the first
// decision and to all running, what it takes when there is nothing to do, and a
// commit that changes one service, and one that changes all.
func BenchmarkController(b *testing.B) {
	for _, perHost := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("hosts=%d/replicas=%d", benchHosts, benchHosts*perHost), func(b *testing.B) {
			for range b.N {
				benchController(b, perHost)
			}
		})
	}
}

const (
	// longestBench ends a benchmark that gets nowhere, before all are ended.
	longestBench = 15 * time.Minute
	// betweenLooks is how often the benchmark asks for the status, which of a
	// hundred thousand replicas takes a good part of a second.
	betweenLooks = time.Second
)

func benchController(b *testing.B, perHost int) {
	w := sim.NewWorld(1)
	w.KeepCalls(false)
	for i := range benchHosts {
		w.Host(fmt.Sprintf("host-%d", i+1))
	}
	w.Publish(sim.TestImage("web:1"), sim.TestImage("web:2"))
	source := &branch{}
	source.commit(benchTree(perHost, "web:1", -1))
	c, err := New(Config{
		Source: source, Owner: owner, Journal: &journal{world: w, forgetful: true}, Log: slog.New(slog.DiscardHandler),
		Open: func(h model.Host) (engine.Engine, error) { return w.On(h.Name), nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	began, before := time.Now(), cpuTime()
	go func() { _ = c.Run(ctx, ctx); close(ended) }()
	defer func() { cancel(); <-ended }()
	measured := func(what string, until func(report.Status) bool) {
		from, cpu := time.Now(), cpuTime()
		for !until(c.Status()) {
			if time.Since(began) > longestBench {
				b.Fatalf("%s: not reached %s after the start, of which this took %s", what, longestBench, time.Since(from))
			}
			time.Sleep(betweenLooks)
		}
		b.Logf("%s: %.1f s, %.1f s of CPU", what, time.Since(from).Seconds(), (cpuTime() - cpu).Seconds())
		b.ReportMetric((cpuTime() - cpu).Seconds(), what+"-cpu-s")
	}
	c.Decided(b.Context())
	b.Logf("first decision after %.1f s, %.1f s of CPU", time.Since(began).Seconds(), (cpuTime() - before).Seconds())
	b.ReportMetric((cpuTime() - before).Seconds(), "decided-cpu-s")
	done := func(s report.Status) bool {
		return s.Target.ID == commitOf(len(source.commits)-1).ID && s.Sync == report.Synced && s.Health == report.Healthy && s.Busy == 0
	}
	measured("all-running", done)
	cpu := cpuTime()
	const idle = 30 * time.Second
	time.Sleep(idle)
	cores, size := (cpuTime()-cpu).Seconds()/idle.Seconds(), resident(b)
	b.Logf("nothing to do: %.3f cores, %.0f MB resident", cores, size)
	b.ReportMetric(cores, "idle-cores")
	b.ReportMetric(size, "MB-resident")
	b.ReportMetric(size*1e6/float64(perHost*benchHosts), "bytes/replica")
	source.commit(benchTree(perHost, "web:1", 0))
	measured("one-changed", done)
	source.commit(benchTree(perHost, "web:2", -1))
	measured("all-changed", done)
}

// benchTree is 5 services of 20 replicas per app; the one that is changed has
// another variable.
func benchTree(perHost int, image string, changed int) fstest.MapFS {
	const replicas, perApp = 20, 5
	files := map[string]string{"hosts.yaml": hostManifests(benchHosts)}
	for n := range benchHosts * perHost / replicas {
		app := fmt.Sprintf("app%d", n/perApp)
		m := strings.Replace(serviceManifest(fmt.Sprintf("s%d", n), image, replicas), "parallelism: 1, ", "parallelism: 10, ", 1)
		m = strings.Replace(m, "pull: never", "pull: missing", 1)
		if n == changed {
			m = strings.Replace(m, "spec:\n", "spec:\n  environment: {CHANGED: \"yes\"}\n", 1)
		}
		files[app+"/app.yaml"] = "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: " + app + "}\nspec: {}\n"
		files[fmt.Sprintf("%s/s%d.yaml", app, n)] = m
	}
	return tree(files)
}
