package enginetest

import (
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// absent is a reference that no host has and no registry serves.
const absent = "tallyman.invalid/nobody/has-this:1"

func creating() []promise {
	return []promise{
		{"create makes a container and does not start it", func(s *suite) {
			op := s.creation(s.spec())
			s.do(op)
			c := s.see(s.target(op))
			if c.State != model.StateCreated || c.Host != s.Host.Name || c.CreatedAt.IsZero() || !c.StartedAt.IsZero() {
				s.Errorf("container is %+v", c)
			}
			if c.Owner != op.Owner {
				s.Errorf("ownership %+v, want %+v", c.Owner, op.Owner)
			}
			for key := range c.Spec.Labels {
				if strings.HasPrefix(key, "tallyman.") {
					s.Errorf("label %q is ours and not the user's", key)
				}
			}
		}},
		{"create twice is one container", func(s *suite) {
			op := s.creation(s.spec())
			s.do(op)
			first := s.target(op)
			s.do(op)
			if second := s.target(op); second.ID != first.ID {
				s.Errorf("a second container: %s, then %s", first.ID, second.ID)
			}
			s.do(model.StartContainer{Target: first})
			s.do(op)
			s.wantState(first, model.StateRunning)
		}},
	}
}

func namesTaken() []promise {
	return []promise{
		{"create does not take the name of another generation", func(s *suite) {
			op := s.creation(s.spec())
			s.do(op)
			first := s.target(op)
			op.Owner.Fingerprint = "another"
			s.refuses(op, engine.Conflict)
			if c := s.see(first); c.Owner.Fingerprint != first.Fingerprint {
				s.Errorf("fingerprint is now %q", c.Owner.Fingerprint)
			}
		}},
		{"create does not take the name of another owner", func(s *suite) {
			op := s.creation(s.spec())
			s.do(op)
			first := s.target(op)
			op.Owner.Owner = s.name("other")
			s.refuses(op, engine.Conflict)
			s.see(first)
		}},
		{"create does not take the name of a foreign container", func(s *suite) {
			op := s.creation(s.spec())
			id, err := s.Hands.RunForeign(op.Owner.Name, nil, nil)
			s.hand(err)
			s.refuses(op, engine.Conflict)
			if c := s.named(op.Owner.Name); c == nil || c.ID != id || c.State != model.StateRunning {
				s.Errorf("the foreign container was touched: %+v", c)
			}
		}},
	}
}

func lacking() []promise {
	return []promise{
		{"create without the image", func(s *suite) {
			op := s.creation(model.ContainerSpec{Image: absent})
			s.refuses(op, engine.NotFound)
			if c := s.named(op.Owner.Name); c != nil {
				s.Errorf("left %+v", c)
			}
		}},
		{"create without the network, and again with it", func(s *suite) {
			network := s.network("front")
			spec := s.spec()
			spec.Networks = []model.Attachment{{Network: network.Network.HostName}}
			op := s.creation(spec)
			s.refuses(op, engine.NotFound)
			s.do(network)
			s.do(op)
			if c := s.see(s.target(op)); len(c.Spec.Networks) != 1 {
				s.Errorf("attached to %v", c.Spec.Networks)
			}
		}},
	}
}
