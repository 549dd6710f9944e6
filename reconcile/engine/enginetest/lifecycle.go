package enginetest

import (
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func starting() []promise {
	return []promise{
		{"start runs it, and again changes nothing", func(s *suite) {
			t := s.run(s.spec())
			first := s.see(t)
			if first.State != model.StateRunning || first.StartedAt.IsZero() {
				s.Errorf("started container is %s since %v", first.State, first.StartedAt)
			}
			s.do(model.StartContainer{Target: t})
			if second := s.see(t); !second.StartedAt.Equal(first.StartedAt) {
				s.Errorf("started again: %v, then %v", first.StartedAt, second.StartedAt)
			}
		}},
		{"start by name, before the id is known", func(s *suite) {
			t := s.create(s.spec())
			byName := t
			byName.ID = ""
			s.do(model.StartContainer{Target: byName})
			s.wantState(t, model.StateRunning)
		}},
		{"start of a command that is not there fails and says so", func(s *suite) {
			spec := s.spec()
			spec.Entrypoint = []string{"/no/such/program"}
			t := s.create(spec)
			s.refuses(model.StartContainer{Target: t}, engine.Invalid)
			if c := s.see(t); c.Running() || c.Error == "" {
				s.Errorf("container is %s, error %q", c.State, c.Error)
			}
		}},
	}
}

func stopping() []promise {
	return []promise{
		{"stop ends it, and again changes nothing", func(s *suite) {
			t := s.run(s.spec())
			s.awaitLog(t, "starting") // before that it does not know how to end well
			s.stop(t)
			first := s.see(t)
			if first.State != model.StateExited || first.ExitCode != 0 || first.FinishedAt.IsZero() {
				s.Errorf("stopped container is %s with %d at %v", first.State, first.ExitCode, first.FinishedAt)
			}
			s.stop(t)
			if second := s.see(t); !second.FinishedAt.Equal(first.FinishedAt) {
				s.Errorf("ended twice: %v, then %v", first.FinishedAt, second.FinishedAt)
			}
		}},
		{"stop holds against the restart policy", func(s *suite) {
			spec := s.spec()
			spec.Adjustable.Restart.Name = "always"
			t := s.run(spec)
			s.stop(t)
			s.stays(t, model.StateExited)
		}},
		{"stop kills what does not end within the grace period", func(s *suite) {
			t := s.run(s.with("FAIL=hang-stop"))
			s.awaitLog(t, "starting")
			s.do(model.StopContainer{Target: t, Grace: time.Second})
			if c := s.see(t); c.State != model.StateExited || c.ExitCode != 137 {
				s.Errorf("container is %s with %d, want exited with 137", c.State, c.ExitCode)
			}
		}},
		{"stop of a paused container", func(s *suite) {
			t := s.run(s.spec())
			s.hand(s.Hands.Pause(t.ID))
			s.wantState(t, model.StatePaused)
			s.stop(t)
			s.wantState(t, model.StateExited)
		}},
		{"stop of a container that never ran", func(s *suite) {
			t := s.create(s.spec())
			s.stop(t)
			s.wantState(t, model.StateCreated)
		}},
		{"stop and start again", func(s *suite) {
			t := s.run(s.spec())
			s.stop(t)
			s.do(model.StartContainer{Target: t})
			s.wantState(t, model.StateRunning)
		}},
	}
}

func removing() []promise {
	return []promise{
		{"remove takes it away, and again changes nothing", func(s *suite) {
			t := s.run(s.spec())
			s.stop(t)
			s.do(model.RemoveContainer{Target: t})
			if c := s.named(t.Name); c != nil {
				s.Errorf("still there: %s", c.State)
			}
			s.do(model.RemoveContainer{Target: t})
			s.do(model.StopContainer{Target: t})
		}},
		{"remove of a container that never ran", func(s *suite) {
			t := s.create(s.spec())
			s.do(model.RemoveContainer{Target: t})
			if c := s.named(t.Name); c != nil {
				s.Errorf("still there: %s", c.State)
			}
		}},
		{"remove refuses a running container", func(s *suite) {
			t := s.run(s.spec())
			s.refuses(model.RemoveContainer{Target: t}, engine.Conflict)
			s.wantState(t, model.StateRunning)
		}},
	}
}

func pausing() []promise {
	return []promise{
		{"start refuses a paused container", func(s *suite) {
			t := s.run(s.spec())
			s.hand(s.Hands.Pause(t.ID))
			s.refuses(model.StartContainer{Target: t}, engine.Conflict)
			s.wantState(t, model.StatePaused)
		}},
		{"unpause refuses what does not run", func(s *suite) {
			t := s.create(s.spec())
			s.refuses(model.UnpauseContainer{Target: t}, engine.Conflict)
			s.wantState(t, model.StateCreated)
		}},
		{"unpause lets it go on, and again changes nothing", func(s *suite) {
			t := s.run(s.spec())
			s.hand(s.Hands.Pause(t.ID))
			s.wantState(t, model.StatePaused)
			for range 2 {
				s.do(model.UnpauseContainer{Target: t})
				s.wantState(t, model.StateRunning)
			}
		}},
		{"a health check that is resumed goes on, and so does the container", func(s *suite) {
			t := s.run(s.checked())
			begun := s.see(t).StartedAt
			for range 2 {
				s.do(model.ResumeHealthCheck{Target: t})
				if c := s.see(t); c.State != model.StateRunning || !c.StartedAt.Equal(begun) {
					s.Errorf("it is %s since %s, want running since %s", c.State, c.StartedAt, begun)
				}
			}
			s.awaitHealth(t, model.HealthHealthy)
		}},
		{"a health check of a paused container is resumed with it", func(s *suite) {
			t := s.run(s.checked())
			s.hand(s.Hands.Pause(t.ID))
			s.do(model.ResumeHealthCheck{Target: t})
			s.awaitHealth(t, model.HealthHealthy)
		}},
		{"a health check is not resumed where nothing runs", func(s *suite) {
			t := s.create(s.checked())
			s.refuses(model.ResumeHealthCheck{Target: t}, engine.Conflict)
			s.wantState(t, model.StateCreated)
		}},
	}
}

func crashing() []promise {
	return []promise{
		{"exit codes are reported", func(s *suite) {
			t := s.run(s.with("FAIL=exit", "EXIT_CODE=3"))
			c := s.awaitState(t, model.StateExited)
			if c.ExitCode != 3 || c.FinishedAt.IsZero() {
				s.Errorf("exit code %d at %v, want 3", c.ExitCode, c.FinishedAt)
			}
			s.stays(t, model.StateExited)
		}},
		{"what ends well by itself stays ended, with its log", func(s *suite) {
			t := s.run(s.with("FAIL=exit", "EXIT_CODE=0", "EXIT_AFTER=50ms"))
			c := s.awaitState(t, model.StateExited)
			if c.ExitCode != 0 || c.FinishedAt.IsZero() || c.Spec == nil {
				s.Errorf("exit code %d at %v, inspected %v; want 0", c.ExitCode, c.FinishedAt, c.Spec != nil)
			}
			s.stays(t, model.StateExited)
		}},
		{"the restart policy restarts what crashes", func(s *suite) {
			spec := s.with("FAIL=exit", "EXIT_AFTER=50ms")
			spec.Adjustable.Restart.Name = "always"
			t := s.run(spec)
			s.await(t, "restarted twice", func(c model.Container) bool { return c.RestartCount >= 2 })
			s.stop(t)
			s.stays(t, model.StateExited)
		}},
		{"a bounded restart policy gives up", func(s *suite) {
			spec := s.with("FAIL=exit", "EXIT_CODE=4")
			spec.Adjustable.Restart = model.Restart{Name: "on-failure", MaxRetries: 2}
			t := s.run(spec)
			c := s.await(t, "given up", func(c model.Container) bool { return c.State == model.StateExited && c.RestartCount == 2 })
			if c.ExitCode != 4 {
				s.Errorf("exit code %d, want 4", c.ExitCode)
			}
		}},
		{"a kill by hand is seen, and start heals it", func(s *suite) {
			spec := s.spec()
			spec.Adjustable.Restart.Name = "unless-stopped"
			t := s.run(spec)
			s.hand(s.Hands.Kill(t.ID))
			if c := s.awaitState(t, model.StateExited); c.ExitCode != 137 {
				s.Errorf("exit code %d, want 137", c.ExitCode)
			}
			s.do(model.StartContainer{Target: t})
			s.wantState(t, model.StateRunning)
		}},
		{"a removal by hand is seen", func(s *suite) {
			t := s.run(s.spec())
			s.hand(s.Hands.RemoveContainer(t.ID))
			if c := s.named(t.Name); c != nil {
				s.Errorf("still observed as %s", c.State)
			}
		}},
	}
}
