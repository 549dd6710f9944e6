package enginetest

import (
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// checked is a container whose health is asked for often.
func (s *suite) checked(env ...string) model.ContainerSpec {
	spec := s.with(env...)
	spec.HealthCheck = &model.HealthCheck{Test: []string{"CMD", "/server", "health"}, Interval: 200 * time.Millisecond, Timeout: 5 * time.Second, Retries: 2}
	return spec
}

func health() []promise {
	return []promise{
		{"health becomes healthy", func(s *suite) {
			t := s.create(s.checked())
			if c := s.see(t); c.Health != model.HealthNone {
				s.Errorf("health before the start is %q", c.Health)
			}
			s.do(model.StartContainer{Target: t})
			s.awaitHealth(t, model.HealthHealthy)
		}},
		{"health is starting until it is known", func(s *suite) {
			spec := s.checked("START_DELAY=2s")
			spec.HealthCheck.StartPeriod = time.Minute
			t := s.run(spec)
			if c := s.see(t); c.Health != model.HealthStarting {
				s.Errorf("health after the start is %q", c.Health)
			}
			s.awaitHealth(t, model.HealthHealthy)
		}},
		{"health becomes unhealthy, and says why", func(s *suite) {
			t := s.run(s.checked("FAIL=unhealthy"))
			c := s.awaitHealth(t, model.HealthUnhealthy)
			if c.State != model.StateRunning || c.HealthOutput == "" {
				s.Errorf("container is %s, output %q", c.State, c.HealthOutput)
			}
		}},
		{"health recovers", func(s *suite) {
			t := s.run(s.checked("START_DELAY=3s"))
			s.awaitHealth(t, model.HealthUnhealthy)
			s.awaitHealth(t, model.HealthHealthy)
		}},
		{"health after a pause is what it was before", func(s *suite) {
			spec := s.checked()
			spec.HealthCheck.Interval = 2 * time.Second
			t := s.run(spec)
			s.awaitHealth(t, model.HealthHealthy)
			s.hand(s.Hands.Pause(t.ID))
			s.wantState(t, model.StatePaused)
			s.do(model.UnpauseContainer{Target: t})
			if c := s.see(t); c.State != model.StateRunning || c.Health != model.HealthHealthy {
				s.Errorf("it is %s and %q: no check has failed", c.State, c.Health)
			}
		}},
		{"health of a container without a check is none", func(s *suite) {
			t := s.run(s.spec())
			if c := s.see(t); c.Health != model.HealthNone {
				s.Errorf("health is %q", c.Health)
			}
		}},
		{"health of a stopped container is none", func(s *suite) {
			t := s.run(s.checked())
			s.awaitHealth(t, model.HealthHealthy)
			s.stop(t)
			if c := s.see(t); c.Health != model.HealthNone {
				s.Errorf("health is %q", c.Health)
			}
		}},
	}
}

func (s *suite) awaitHealth(t model.Target, want model.Health) model.Container {
	s.Helper()
	return s.await(t, string(want), func(c model.Container) bool { return c.Health == want })
}
