package docker

import (
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
)

// TestASilentHealthCheckIsNoticed: an engine that runs no check any more is known
// by its silence alone, which begins when the last probe was first seen.
func TestASilentHealthCheckIsNoticed(t *testing.T) {
	at := func(seconds int) time.Time { return time.Unix(1000+int64(seconds), 0) }
	type look struct {
		at     int
		change func(*container.InspectResponse)
		want   bool
	}
	probed := func(seconds int) func(*container.InspectResponse) {
		return func(c *container.InspectResponse) {
			c.State.Health.Log = append(c.State.Health.Log, &container.HealthcheckResult{End: at(seconds)})
		}
	}
	started := func(when string) func(*container.InspectResponse) {
		return func(c *container.InspectResponse) { c.State.StartedAt = when }
	}
	paused := func(paused bool) func(*container.InspectResponse) {
		return func(c *container.InspectResponse) { c.State.Paused = paused }
	}
	same := func(*container.InspectResponse) {}
	for name, looks := range map[string][]look{
		"no first probe comes":                    {{0, same, false}, {17, same, false}, {18, same, true}, {99, same, true}},
		"probes come":                             {{0, same, false}, {15, probed(10), false}, {32, same, false}, {33, probed(32), false}, {50, same, false}},
		"probes end":                              {{0, same, false}, {15, probed(10), false}, {32, same, false}, {33, same, true}},
		"it was started again":                    {{0, same, false}, {30, started("later"), false}, {47, same, false}, {48, same, true}},
		"a paused one has none":                   {{0, same, false}, {30, paused(true), false}, {40, paused(false), false}, {57, same, false}, {58, same, true}},
		"an engine whose clock is wrong tells it": {{0, probed(100000), false}, {18, same, true}},
	} {
		var p probes
		raw := &container.InspectResponse{
			ContainerJSONBase: &container.ContainerJSONBase{ID: "a", State: &container.State{Running: true, StartedAt: "once", Health: &container.Health{Status: "starting"}}},
			Config:            &container.Config{Healthcheck: &container.HealthConfig{Interval: 10 * time.Second, Timeout: 2 * time.Second}},
		}
		for _, l := range looks {
			l.change(raw)
			if got := p.overdue(raw, at(l.at)); got != l.want {
				t.Errorf("%s: after %d s: overdue %t, want %t", name, l.at, got, l.want)
			}
		}
	}
}

func TestSilenceCountsOnlyWhileTheEngineIsThere(t *testing.T) {
	raw := &container.InspectResponse{
		ContainerJSONBase: &container.ContainerJSONBase{ID: "a", State: &container.State{Running: true, Health: &container.Health{Status: "healthy"}}},
		Config:            &container.Config{Healthcheck: &container.HealthConfig{}},
	}
	begun := time.Unix(1000, 0)
	for what, again := range map[string]func(*probes){
		"the engine was away":    (*probes).forgetAll,
		"the check was resumed":  func(p *probes) { p.forget("a") },
		"the container was gone": func(p *probes) { p.retain(func(string) bool { return false }) },
	} {
		var p probes
		p.overdue(raw, begun)
		if !p.overdue(raw, begun.Add(66*time.Second)) {
			t.Error("a check with the engine's own interval and timeout is not overdue after 66 s")
		}
		again(&p)
		if p.overdue(raw, begun.Add(67*time.Second)) {
			t.Errorf("overdue although %s", what)
		}
	}
}
