package enginetest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func images() []promise {
	return []promise{
		{"images that are asked for are reported with their ids", func(s *suite) {
			state := s.observe(s.Image, absent)
			id := state.Images[s.Image]
			if id == "" {
				s.Errorf("image %q is not reported", s.Image)
			}
			if _, there := state.Images[absent]; there {
				s.Errorf("image %q is reported", absent)
			}
			if c := s.see(s.create(s.spec())); c.Spec.ImageID != id || c.Spec.Image != s.Image {
				s.Errorf("container of image %q (%s), want %q (%s)", c.Spec.Image, c.Spec.ImageID, s.Image, id)
			}
		}},
		{"pull of an image that is there", func(s *suite) {
			s.do(model.PullImage{Host: s.Host.Name, Image: s.Image})
		}},
		{"pull of an image that nobody has", func(s *suite) {
			if err := s.try(model.PullImage{Host: s.Host.Name, Image: absent}); err == nil {
				s.Error("it succeeded")
			}
		}},
	}
}

func others() []promise {
	return []promise{
		{"foreign containers are listed and not inspected", func(s *suite) {
			id, err := s.Hands.RunForeign(s.name("foreign"), map[string]string{"team": "db"}, nil)
			s.hand(err)
			c := s.named(s.name("foreign"))
			if c == nil || c.ID != id || c.State != model.StateRunning {
				s.Fatalf("foreign container %+v", c)
			}
			if c.Spec != nil || c.Owner != (model.Ownership{}) {
				s.Errorf("spec %v, owner %+v", c.Spec, c.Owner)
			}
		}},
		{"containers of another owner are listed and not inspected", func(s *suite) {
			labels := model.Ownership{Owner: s.name("other"), App: "app", Service: "web", Slot: "1", Name: s.name("theirs")}
			_, err := s.Hands.RunForeign(s.name("theirs"), labels.Labels(), nil)
			s.hand(err)
			c := s.named(s.name("theirs"))
			if c == nil || c.Spec != nil || c.Owner != labels {
				s.Errorf("the other owner's container %+v", c)
			}
		}},
	}
}

func logs() []promise {
	return []promise{
		{"logs are read, also of what has ended", func(s *suite) {
			t := s.run(s.spec())
			s.awaitLog(t, "starting")
			s.stop(t)
			whole := s.log(t, engine.LogOptions{})
			if !strings.Contains(whole, "starting") || !strings.Contains(whole, "stopping") {
				s.Errorf("log is %q", whole)
			}
			last := s.log(t, engine.LogOptions{Tail: 1})
			if strings.Contains(last, "starting") || !strings.Contains(last, "stopping") {
				s.Errorf("last line is %q", last)
			}
			stamp, _, _ := strings.Cut(s.log(t, engine.LogOptions{Timestamps: true}), " ")
			if _, err := time.Parse(time.RFC3339Nano, stamp); err != nil {
				s.Errorf("timestamp: %v", err)
			}
		}},
		{"logs of a container that is gone", func(s *suite) {
			t := s.create(s.spec())
			s.do(model.RemoveContainer{Target: t})
			err := s.Engine.Logs(s.ctx, t.ID, engine.LogOptions{}, &strings.Builder{})
			if engine.ClassOf(err) != engine.NotFound {
				s.Errorf("got %v, want %s", err, engine.NotFound)
			}
		}},
		{"logs are followed until the container ends", func(s *suite) {
			t := s.run(s.with("FAIL=exit", "EXIT_AFTER=1s", "EXIT_CODE=5"))
			if got := s.log(t, engine.LogOptions{Follow: true}); !strings.Contains(got, "exiting with 5") {
				s.Errorf("followed %q", got)
			}
		}},
	}
}

func (s *suite) log(t model.Target, opts engine.LogOptions) string {
	s.Helper()
	var b strings.Builder
	if err := s.Engine.Logs(s.ctx, t.ID, opts, &b); err != nil {
		s.Fatalf("read log of %q: %v", t.Name, err)
	}
	return b.String()
}

func (s *suite) awaitLog(t model.Target, text string) {
	s.Helper()
	s.await(t, "logging "+text, func(model.Container) bool { return strings.Contains(s.log(t, engine.LogOptions{}), text) })
}

func observing() []promise {
	return []promise{
		{"the host says what it is", func(s *suite) {
			before := time.Now()
			state := s.observe()
			if state.Name != s.Host.Name || !state.Reachable || state.Error != "" || state.At.Before(before) {
				s.Errorf("host %q, reachable %v, error %q, at %v", state.Name, state.Reachable, state.Error, state.At)
			}
			if i := state.Info; i.OS != "linux" || i.Arch == "" || i.NanoCPUs <= 0 || i.Memory <= 0 || i.Version == "" || i.APIVersion == "" {
				s.Errorf("info %+v", i)
			}
		}},
		{"the host gives a sign of life", func(s *suite) {
			if err := s.Engine.Ping(s.ctx); err != nil {
				s.Error(err)
			}
		}},
		{"a sign of life has a deadline", func(s *suite) {
			ended, cancel := context.WithCancel(s.ctx)
			cancel()
			if err := s.Engine.Ping(ended); err == nil {
				s.Error("there is one after its end")
			}
		}},
		{"containers are sorted by name", func(s *suite) {
			for range 3 {
				s.create(s.spec())
			}
			state := s.observe()
			if !slices.IsSortedFunc(state.Containers, func(a, b model.Container) int { return strings.Compare(a.Name, b.Name) }) {
				s.Error("they are not")
			}
		}},
		{"a resync shows the same", func(s *suite) {
			t := s.run(s.spec())
			if before, after := asJSON(s.see(t)), asJSON(s.fresh(t)); after != before {
				s.Errorf("before\n  %s\nafter\n  %s", before, after)
			}
		}},
		{"times are on the controller's clock", func(s *suite) {
			before := time.Now()
			c := s.see(s.run(s.spec()))
			const tolerance = 3 * time.Second // of clocks that are not quite the same
			for _, at := range []time.Time{c.CreatedAt, c.StartedAt} {
				if at.Before(before.Add(-tolerance)) || at.After(time.Now().Add(tolerance)) {
					s.Errorf("%v is not between %v and now", at, before)
				}
			}
		}},
		{"watch wakes when a container starts or dies, and ends when told", func(s *suite) {
			ctx, cancel := context.WithCancel(s.ctx)
			woken, done := make(chan struct{}, 1), make(chan struct{})
			go func() {
				defer close(done)
				s.Engine.Watch(ctx, func() {
					select {
					case woken <- struct{}{}:
					default:
					}
				})
			}()
			t := s.create(s.spec())
			s.wakes(woken, func() { s.do(model.StartContainer{Target: t}) })
			s.wakes(woken, func() { s.hand(s.Hands.Kill(t.ID)) })
			cancel()
			<-done
		}},
	}
}

// wakes wants a wake after an act. What woke before does not count.
func (s *suite) wakes(woken chan struct{}, act func()) {
	s.Helper()
	time.Sleep(4 * glance) // for the stream to be up and earlier events to be through
	select {
	case <-woken:
	default:
	}
	act()
	select {
	case <-woken:
	case <-time.After(patience):
		s.Fatal("no wake")
	}
}
