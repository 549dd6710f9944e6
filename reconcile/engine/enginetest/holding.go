package enginetest

import (
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// mounting makes a container that mounts volumes.
func (s *suite) mounting(volumes ...string) model.Target {
	s.Helper()
	spec := s.spec()
	for _, name := range volumes {
		spec.Mounts = append(spec.Mounts, model.Mount{Kind: model.MountVolume, Source: name, Target: "/" + name})
	}
	return s.create(spec)
}

func holding() []promise {
	return []promise{
		{"a container that holds a volume starts alone", func(s *suite) {
			op, other := s.volume("data"), s.volume("other")
			s.do(op)
			s.do(other)
			holds := []string{op.Volume.HostName}
			first, second := s.mounting(op.Volume.HostName), s.mounting(op.Volume.HostName, other.Volume.HostName)
			third := s.mounting(other.Volume.HostName)
			for range 2 {
				s.do(model.StartContainer{Target: first, Holds: holds})
			}
			s.refuses(model.StartContainer{Target: second, Holds: holds}, engine.Conflict)
			s.do(model.StartContainer{Target: third, Holds: []string{other.Volume.HostName}})
			s.hand(s.Hands.Pause(first.ID))
			s.refuses(model.StartContainer{Target: second, Holds: holds}, engine.Conflict)
			s.wantState(second, model.StateCreated)
			s.stop(first)
			s.do(model.StartContainer{Target: second, Holds: holds})
			s.refuses(model.StartContainer{Target: first, Holds: holds}, engine.Conflict)
		}},
	}
}

func (s *suite) removeVolume(name, owner string) error {
	s.Helper()
	remover, ok := s.Engine.(engine.VolumeRemover)
	if !ok {
		s.Fatal("the engine can't remove volumes")
	}
	return remover.RemoveVolume(s.ctx, name, owner)
}

// keepsVolume asks for a removal that must be refused.
func (s *suite) keepsVolume(name, owner string) {
	s.Helper()
	if err := s.removeVolume(name, owner); err == nil || engine.ClassOf(err) != engine.Conflict {
		s.Errorf("remove volume %q for %q: %v, want a conflict", name, owner, err)
	}
	if s.seeVolume(name) == nil {
		s.Errorf("volume %q is gone", name)
	}
}

func removingVolumes() []promise {
	return []promise{
		{"a volume is removed when a person asks, and again changes nothing", func(s *suite) {
			op := s.volume("data")
			s.do(op)
			for range 2 {
				s.hand(s.removeVolume(op.Volume.HostName, s.Owner))
				if v := s.seeVolume(op.Volume.HostName); v != nil {
					s.Errorf("still there: %+v", v)
				}
			}
		}},
		{"a volume that a container mounts is not removed", func(s *suite) {
			op := s.volume("data")
			s.do(op)
			t := s.mounting(op.Volume.HostName)
			s.keepsVolume(op.Volume.HostName, s.Owner)
			s.do(model.StartContainer{Target: t})
			s.keepsVolume(op.Volume.HostName, s.Owner)
			s.stop(t)
			s.keepsVolume(op.Volume.HostName, s.Owner)
			s.do(model.RemoveContainer{Target: t})
			s.hand(s.removeVolume(op.Volume.HostName, s.Owner))
		}},
		{"an op removes a preview's own volume, when nothing mounts it, and no other", func(s *suite) {
			plain, own := s.volume("data"), s.volume("own")
			own.Owner.App, own.Owner.Preview = "app-pr-42", "42"
			s.do(plain)
			s.do(own)
			remove := func(name string, owner model.Ownership) model.RemoveVolume {
				owner.Name = name
				return model.RemoveVolume{Host: s.Host.Name, Name: name, Owner: owner}
			}
			s.refuses(remove(plain.Volume.HostName, plain.Owner), engine.Conflict)
			s.refuses(remove(plain.Volume.HostName, own.Owner), engine.Conflict)
			other := own.Owner
			other.Preview = "4"
			s.refuses(remove(own.Volume.HostName, other), engine.Conflict)
			t := s.mounting(own.Volume.HostName)
			s.refuses(remove(own.Volume.HostName, own.Owner), engine.Conflict)
			s.do(model.RemoveContainer{Target: t})
			for range 2 {
				s.do(remove(own.Volume.HostName, own.Owner))
			}
			if s.seeVolume(own.Volume.HostName) != nil || s.seeVolume(plain.Volume.HostName) == nil {
				s.Errorf("the preview's is there: %v, the other: %v", s.seeVolume(own.Volume.HostName) != nil, s.seeVolume(plain.Volume.HostName) != nil)
			}
		}},
		{"a volume of another owner, or of nobody, is not removed", func(s *suite) {
			op := s.volume("data")
			s.do(op)
			s.keepsVolume(op.Volume.HostName, s.name("other"))
			s.keepsVolume(op.Volume.HostName, "")
			foreign := s.name("foreign")
			s.hand(s.Hands.CreateForeignVolume(foreign))
			s.keepsVolume(foreign, s.Owner)
		}},
	}
}
