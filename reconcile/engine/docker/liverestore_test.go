package docker_test

import (
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestHealthIsKnownAfterARestartWithLiveRestore: what runs on while its engine is
// restarted has its health checked afterwards, by the engine or because it is told
// to; and it is neither stopped nor started for that.
func TestHealthIsKnownAfterARestartWithLiveRestore(t *testing.T) {
	where := dockertest.Fleet(t, 1, dockertest.DaemonFlags("--live-restore"))[0]
	dockertest.Load(t, []*dockertest.Host{where}, testImage)
	h := hostOn(t, where.Part(t), model.Host{Endpoint: where.Socket})
	check := &model.HealthCheck{Test: []string{"CMD", "/server", "health"}, Interval: time.Second, Timeout: time.Second, Retries: 3}
	h.start("old", model.ContainerSpec{HealthCheck: check})
	h.until("one is healthy", func() bool { return h.must("old").Health == model.HealthHealthy })
	check = &model.HealthCheck{Test: check.Test, Interval: 4 * time.Second, Timeout: time.Second, Retries: 3}
	h.start("new", model.ContainerSpec{HealthCheck: check})
	starts := map[string]time.Time{"old": h.must("old").EngineStart, "new": h.must("new").EngineStart}

	where.KillDaemon()
	where.StartDaemon()
	told := map[string]bool{}
	resume := func() {
		h.observe(engine.Query{Resync: true})
		for name := range starts {
			if h.must(name).Unchecked {
				told[name] = true
				h.do(model.ResumeHealthCheck{Target: h.target(name)})
			}
		}
	}
	silent := h.lastProbe("old")
	h.until("both are checked again", func() bool {
		resume()
		return h.lastProbe("old").After(silent) && h.must("new").Health == model.HealthHealthy
	})
	t.Logf("told to resume: %v", told)
	for name, start := range starts {
		if c := h.must(name); c.State != model.StateRunning || !c.EngineStart.Equal(start) {
			t.Errorf("%s is %s and was started at %s, want running since %s", name, c.State, c.EngineStart, start)
		}
	}
}

// lastProbe is when the last health check of a container ended.
func (h *host) lastProbe(name string) time.Time {
	h.t.Helper()
	raw, err := h.Client.ContainerInspect(h.t.Context(), h.Name(name))
	if err != nil {
		h.t.Fatal(err)
	}
	if log := raw.State.Health.Log; len(log) > 0 {
		return log[len(log)-1].End
	}
	return time.Time{}
}
