package enginetest

import (
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// member is the op that makes a container of a pod; without a holder's name it
// is the holder.
func (s *suite) member(name, pod string, spec model.ContainerSpec) model.CreateContainer {
	op := s.creation(spec)
	op.Owner.Name, op.Owner.Pod, op.Owner.Member, op.Owner.Role = s.name(name), s.name("holder"), name, model.RoleSidecar
	if pod == "" {
		op.Owner.Role = model.RoleHolder
	}
	return op
}

// joined makes a container of the pod, and gives it as a target.
func (s *suite) joined(name string, spec model.ContainerSpec) model.Target {
	s.Helper()
	op := s.member(name, "holder", spec)
	s.do(op)
	return s.target(op)
}

// holder makes and starts the container that holds a pod's network.
func (s *suite) holder() model.Target {
	s.Helper()
	op := s.member("holder", "", s.spec())
	s.do(op)
	t := s.target(op)
	s.do(model.StartContainer{Target: t})
	return t
}

// sandbox is what tells the network of a running container from others.
func (s *suite) sandbox(t model.Target) string {
	s.Helper()
	n, err := s.Hands.Network(t.ID)
	s.hand(err)
	return n
}

func pods() []promise {
	return []promise{
		{"a pod's container shares the network of its holder", func(s *suite) {
			holder := s.holder()
			t := s.joined("proxy", s.with("LISTEN=:8081"))
			if c := s.see(t); c.Joined != holder.ID || c.Owner.Pod != holder.Name || c.Owner.Role != model.RoleSidecar || c.Owner.Member != "proxy" {
				s.Errorf("it is observed as %+v, joined to %q", c.Owner, c.Joined)
			}
			s.do(model.StartContainer{Target: t})
			if s.sandbox(t) != s.sandbox(holder) {
				s.Error("it has a network of its own")
			}
			if c := s.see(t); c.Spec.Hostname != "" || len(c.Spec.Networks) > 0 {
				s.Errorf("what is the holder's shows as its own: %+v", c.Spec)
			}
			if c := s.see(holder); c.Joined != "" {
				s.Errorf("the holder shares the network of %q", c.Joined)
			}
		}},
	}
}

// podsThatComeBack are promises about the death of a pod's containers.
func podsThatComeBack() []promise {
	return []promise{
		{"a pod's container comes back on the same network, its holder on another one", func(s *suite) {
			holder := s.holder()
			t := s.joined("proxy", s.with("LISTEN=:8081"))
			s.do(model.StartContainer{Target: t})
			was := s.sandbox(holder)
			s.hand(s.Hands.Kill(t.ID))
			s.awaitState(t, model.StateExited)
			s.do(model.StartContainer{Target: t})
			if s.sandbox(t) != was || s.sandbox(holder) != was {
				s.Error("the network is another one")
			}
			s.hand(s.Hands.Kill(holder.ID))
			s.awaitState(holder, model.StateExited)
			s.wantState(t, model.StateRunning)
			s.do(model.StartContainer{Target: holder})
			if s.sandbox(holder) == s.sandbox(t) {
				s.Error("the member runs on the holder's new network without having been started on it")
			}
			if s.see(t).StartedAt.After(s.see(holder).StartedAt) {
				s.Error("the times do not tell that the member started before its holder")
			}
			s.stop(t)
			s.do(model.StartContainer{Target: t})
			if s.sandbox(holder) != s.sandbox(t) {
				s.Error("the member is not on its holder's network")
			}
		}},
		{"a pod's container does not start without its holder", func(s *suite) {
			holder := s.holder()
			t := s.joined("proxy", s.with("LISTEN=:8081"))
			s.stop(holder)
			if err := s.try(model.StartContainer{Target: t}); err == nil {
				s.Error("it started")
			}
			s.do(model.StartContainer{Target: holder})
			s.do(model.StartContainer{Target: t})
			s.awaitState(t, model.StateRunning)
		}},
	}
}

// podParts are promises about the making of a pod's containers and what they have.
func podParts() []promise {
	return []promise{
		{"a pod's container is made again without effect, and not for another holder of that name", func(s *suite) {
			holder := s.holder()
			op := s.member("proxy", "holder", s.spec())
			s.do(op)
			s.do(op)
			s.stop(holder)
			s.do(model.RemoveContainer{Target: holder})
			s.refuses(op, engine.NotFound)
			s.holder()
			s.refuses(op, engine.Conflict)
		}},
		{"a pod's container is not made on what holds no network", func(s *suite) {
			op := s.creation(s.spec())
			op.Owner.Name = s.name("holder")
			s.do(op)
			s.refuses(s.member("proxy", "holder", s.spec()), engine.Conflict)
		}},
		{"an init container's exit code is seen", func(s *suite) {
			s.holder()
			t := s.joined("init", s.with("FAIL=exit", "EXIT_CODE=0"))
			s.do(model.StartContainer{Target: t})
			if c := s.awaitState(t, model.StateExited); c.ExitCode != 0 || c.Error != "" {
				s.Errorf("exit code %d, error %q", c.ExitCode, c.Error)
			}
			started := s.see(t).StartedAt
			time.Sleep(glance)
			s.do(model.StartContainer{Target: t})
			s.await(t, "started again", func(c model.Container) bool { return c.StartedAt.After(started) })
		}},
		{"containers of one pod may have an exclusive volume together", func(s *suite) {
			op := s.volume("data")
			s.do(op)
			holds := []string{op.Volume.HostName}
			s.holder()
			spec := s.with("LISTEN=:8081")
			spec.Mounts = []model.Mount{{Kind: model.MountVolume, Source: op.Volume.HostName, Target: "/data"}}
			s.do(model.StartContainer{Target: s.joined("one", spec), Holds: holds})
			spec.Env = map[string]string{"LISTEN": ":8082"}
			s.do(model.StartContainer{Target: s.joined("two", spec), Holds: holds})
			s.refuses(model.StartContainer{Target: s.mounting(op.Volume.HostName), Holds: holds}, engine.Conflict)
		}},
		{"an image that is made here is loaded once", func(s *suite) {
			op := model.LoadImage{Host: s.Host.Name, Image: s.name("hold") + ":1"}
			if id := s.observe(op.Image).Images[op.Image]; id != "" {
				s.Fatalf("it is there before: %s", id)
			}
			s.do(op)
			id := s.observe(op.Image).Images[op.Image]
			if id == "" {
				s.Fatal("it is not there")
			}
			s.do(op)
			if again := s.observe(op.Image).Images[op.Image]; again != id {
				s.Errorf("it was %s and is %s", id, again)
			}
		}},
	}
}
