package docker

import (
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/reconcile/model"
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

// TestWhoseStartIsAwaitedIsToldOfOnce: no event tells that a probe stays out.
func TestWhoseStartIsAwaitedIsToldOfOnce(t *testing.T) {
	begun := time.Unix(1000, 0)
	var p probes
	for id, status := range map[string]container.HealthStatus{"starting": container.Starting, "healthy": container.Healthy} {
		p.overdue(&container.InspectResponse{
			ContainerJSONBase: &container.ContainerJSONBase{ID: id, State: &container.State{Running: true, Health: &container.Health{Status: status}}},
			Config:            &container.Config{Healthcheck: &container.HealthConfig{Interval: time.Second, Timeout: time.Second}},
		}, begun)
	}
	for _, look := range []struct {
		after time.Duration
		want  int
	}{{7 * time.Second, 0}, {8 * time.Second, 1}, {9 * time.Second, 0}} {
		if got := p.missed(begun.Add(look.after)); len(got) != look.want || look.want > 0 && got[0] != "starting" {
			t.Errorf("after %s: %q, want %d", look.after, got, look.want)
		}
	}
}

// TestUnhealthyIsWhoseChecksFail: an engine also calls unhealthy whose check it has
// stopped, and has not begun anew yet.
func TestUnhealthyIsWhoseChecksFail(t *testing.T) {
	good, bad := &container.HealthcheckResult{}, &container.HealthcheckResult{ExitCode: 1, Output: "refused"}
	for name, tc := range map[string]struct {
		health  container.Health
		retries int
		want    model.Health
		output  string
	}{
		"checks have failed":                       {container.Health{Status: "unhealthy", FailingStreak: 2, Log: []*container.HealthcheckResult{bad, bad}}, 2, model.HealthUnhealthy, "refused"},
		"as many as the engine takes by itself":    {container.Health{Status: "unhealthy", FailingStreak: 3, Log: []*container.HealthcheckResult{bad}}, 0, model.HealthUnhealthy, "refused"},
		"it was paused when the last one was good": {container.Health{Status: "unhealthy", Log: []*container.HealthcheckResult{bad, good}}, 2, model.HealthHealthy, ""},
		"it was paused before there was one":       {container.Health{Status: "unhealthy"}, 2, model.HealthStarting, ""},
		"it was paused when the last one was bad":  {container.Health{Status: "unhealthy", FailingStreak: 1, Log: []*container.HealthcheckResult{good, bad}}, 2, model.HealthStarting, ""},
		"a check that fails and not often enough":  {container.Health{Status: "healthy", FailingStreak: 1, Log: []*container.HealthcheckResult{bad}}, 2, model.HealthHealthy, "refused"},
	} {
		raw := &container.InspectResponse{
			ContainerJSONBase: &container.ContainerJSONBase{State: &container.State{Health: &tc.health}},
			Config:            &container.Config{Healthcheck: &container.HealthConfig{Retries: tc.retries}},
		}
		if health, output := healthOf(raw); health != tc.want || output != tc.output {
			t.Errorf("%s: %q, %q; want %q, %q", name, health, output, tc.want, tc.output)
		}
	}
}
