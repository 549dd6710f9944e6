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
