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

// BenchmarkController is the whole controller on 1,000 simulated hosts, in real
// time: from its start to the first decision and to all running, what it takes when
// there is nothing to do, and a commit that changes one service, and one that
// changes all.
func BenchmarkController(b *testing.B) {
	for _, perHost := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("hosts=%d/replicas=%d", benchHosts, benchHosts*perHost), func(b *testing.B) {
			for range b.N {
				benchController(b, perHost)
			}
		})
	}
}

func benchController(b *testing.B, perHost int) {
	w := sim.NewWorld(1)
	w.KeepCalls(false)
	for i := range benchHosts {
		w.Host(fmt.Sprintf("host-%d", i+1), sim.With(sim.TestImage("web:1"), sim.TestImage("web:2")))
	}
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
	began := time.Now()
	go func() { _ = c.Run(ctx, ctx); close(ended) }()
	defer func() { cancel(); <-ended }()
	measured := func(what string, until func(report.Status) bool) {
		from, cpu := time.Now(), cpuTime()
		for !until(c.Status()) {
			time.Sleep(100 * time.Millisecond)
		}
		b.Logf("%s: %.1f s, %.1f s of CPU", what, time.Since(from).Seconds(), (cpuTime() - cpu).Seconds())
		b.ReportMetric((cpuTime() - cpu).Seconds(), what+"-cpu-s")
	}
	measured("decided", func(report.Status) bool { c.mu.Lock(); defer c.mu.Unlock(); return c.passed() })
	b.Logf("first decision after %.1f s", time.Since(began).Seconds())
	done := func(image string) func(report.Status) bool {
		return func(s report.Status) bool {
			return s.Target.ID == commitOf(len(source.commits)-1).ID && s.Sync == report.Synced && s.Health == report.Healthy && s.Busy == 0
		}
	}
	measured("all-running", done("web:1"))
	cpu := cpuTime()
	const idle = 60 * time.Second
	time.Sleep(idle)
	b.ReportMetric((cpuTime()-cpu).Seconds()/idle.Seconds(), "idle-cores")
	b.ReportMetric(resident(b), "MB-resident")
	b.ReportMetric(resident(b)*1e6/float64(perHost*benchHosts), "bytes/replica")
	source.commit(benchTree(perHost, "web:1", 0))
	measured("one-changed", done("web:1"))
	source.commit(benchTree(perHost, "web:2", -1))
	measured("all-changed", done("web:2"))
}

// benchTree is 5 services of 20 replicas per app; the one that is changed has
// another variable.
func benchTree(perHost int, image string, changed int) fstest.MapFS {
	const replicas, perApp = 20, 5
	files := map[string]string{"hosts.yaml": hostManifests(benchHosts)}
	for n := range benchHosts * perHost / replicas {
		app := fmt.Sprintf("app%d", n/perApp)
		m := strings.Replace(serviceManifest(fmt.Sprintf("s%d", n), image, replicas), "parallelism: 1, ", "parallelism: 10, ", 1)
		if n == changed {
			m = strings.Replace(m, "spec:\n", "spec:\n  environment: {CHANGED: \"yes\"}\n", 1)
		}
		files[app+"/app.yaml"] = "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: " + app + "}\nspec: {}\n"
		files[fmt.Sprintf("%s/s%d.yaml", app, n)] = m
	}
	return tree(files)
}
