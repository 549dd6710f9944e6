package enginetest

import (
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func renaming() []promise {
	return []promise{
		{"rename gives the name back", func(s *suite) {
			t := s.run(s.spec())
			s.hand(s.Hands.Rename(t.ID, s.name("stray")))
			if c := s.see(t); c.Name != s.name("stray") || c.Owner.Name != t.Name {
				s.Errorf("renamed by hand it is %q, labelled %q", c.Name, c.Owner.Name)
			}
			for range 2 {
				s.do(model.RenameContainer{Target: t})
				if c := s.see(t); c.Name != t.Name || c.State != model.StateRunning {
					s.Errorf("container is %q and %s", c.Name, c.State)
				}
			}
		}},
		{"rename does not take a name from another", func(s *suite) {
			t := s.run(s.spec())
			s.hand(s.Hands.Rename(t.ID, s.name("stray")))
			_, err := s.Hands.RunForeign(t.Name, nil, nil)
			s.hand(err)
			s.refuses(model.RenameContainer{Target: t}, engine.Conflict)
			if c := s.see(t); c.Name != s.name("stray") {
				s.Errorf("container is %q", c.Name)
			}
		}},
	}
}

func updating() []promise {
	return []promise{
		{"update changes limits and restart policy in place", func(s *suite) {
			spec := s.spec()
			spec.Adjustable = model.Adjustable{NanoCPUs: 5e8, Memory: 64 << 20, Pids: 100, Restart: model.Restart{Name: "always"}}
			t := s.run(spec)
			first := s.see(t)
			for _, want := range []model.Adjustable{
				{NanoCPUs: 2e8, Memory: 32 << 20, Pids: 50, Restart: model.Restart{Name: "on-failure", MaxRetries: 2}},
				{NanoCPUs: 8e8, Memory: 96 << 20, MemoryReservation: 48 << 20, Pids: 200, Restart: model.Restart{Name: "unless-stopped"}},
			} {
				for range 2 {
					s.do(model.UpdateContainer{Target: t, Adjustable: want})
					c := s.see(t)
					if c.Spec.Adjustable != want {
						s.Errorf("limits %+v, want %+v", c.Spec.Adjustable, want)
					}
					if c.ID != first.ID || !c.StartedAt.Equal(first.StartedAt) || c.State != model.StateRunning {
						s.Errorf("it was not changed in place: %s, started %v", c.State, c.StartedAt)
					}
				}
			}
		}},
		{"update can't take a CPU or memory limit away", func(s *suite) {
			spec := s.spec()
			spec.Adjustable = model.Adjustable{NanoCPUs: 5e8, Memory: 64 << 20}
			t := s.run(spec)
			for _, without := range []model.Adjustable{{NanoCPUs: 5e8}, {Memory: 64 << 20}, {}} {
				s.refuses(model.UpdateContainer{Target: t, Adjustable: without}, engine.Invalid)
			}
			if got := s.fresh(t).Spec.Adjustable; got != spec.Adjustable {
				s.Errorf("limits %+v, want %+v", got, spec.Adjustable)
			}
		}},
		{"update gives limits to what had none", func(s *suite) {
			t := s.run(s.spec())
			want := model.Adjustable{NanoCPUs: 5e8, Memory: 64 << 20, Pids: 100, Restart: model.Restart{Name: "always"}}
			s.do(model.UpdateContainer{Target: t, Adjustable: want})
			if got := s.see(t).Spec.Adjustable; got != want {
				s.Errorf("limits %+v, want %+v", got, want)
			}
		}},
		{"an update by hand is seen, and update heals it", func(s *suite) {
			spec := s.spec()
			spec.Adjustable.Memory = 64 << 20
			t := s.run(spec)
			s.see(t)
			s.hand(s.Hands.UpdateMemory(t.ID, 32<<20))
			if c := s.fresh(t); c.Spec.Adjustable.Memory != 32<<20 {
				s.Errorf("memory limit %d, want the one set by hand", c.Spec.Adjustable.Memory)
			}
			s.do(model.UpdateContainer{Target: t, Adjustable: spec.Adjustable})
			if c := s.see(t); c.Spec.Adjustable != spec.Adjustable {
				s.Errorf("limits %+v, want %+v", c.Spec.Adjustable, spec.Adjustable)
			}
		}},
	}
}

// fresh is a container looked at anew, for changes that a list does not show.
func (s *suite) fresh(t model.Target) model.Container {
	s.Helper()
	if _, err := s.Engine.Observe(s.ctx, engine.Query{Owner: s.Owner, Resync: true}); err != nil {
		s.Fatalf("observe: %v", err)
	}
	return s.see(t)
}

// targeted are the ops on one container. Except for those whose effect is that
// something is not there, they need the container.
func targeted() []targetOp {
	return []targetOp{
		{"start", true, func(t model.Target) model.Op { return model.StartContainer{Target: t} }},
		{"unpause", true, func(t model.Target) model.Op { return model.UnpauseContainer{Target: t} }},
		{"resume health check", true, func(t model.Target) model.Op { return model.ResumeHealthCheck{Target: t} }},
		{"rename", true, func(t model.Target) model.Op { return model.RenameContainer{Target: t} }},
		{"copy files", true, func(t model.Target) model.Op { return model.CopyFiles{Target: t} }},
		{"update", true, func(t model.Target) model.Op {
			return model.UpdateContainer{Target: t, Adjustable: model.Adjustable{Memory: 32 << 20}}
		}},
		{"connect", true, func(t model.Target) model.Op {
			return model.ConnectNetwork{Target: t, Attachment: model.Attachment{Network: "bridge"}}
		}},
		{"disconnect", false, func(t model.Target) model.Op { return model.DisconnectNetwork{Target: t, Network: "bridge"} }},
		{"stop", false, func(t model.Target) model.Op { return model.StopContainer{Target: t} }},
		{"remove", false, func(t model.Target) model.Op { return model.RemoveContainer{Target: t} }},
	}
}

type targetOp struct {
	name  string
	needs bool
	op    func(model.Target) model.Op
}

func targets() []promise {
	var all []promise
	for _, t := range targeted() {
		all = append(all, promise{t.name + " does not touch what is not as expected", func(s *suite) { s.touchesNothing(t.op) }})
		if t.needs {
			all = append(all, promise{t.name + " of a container that is gone", func(s *suite) {
				target := s.create(s.spec())
				s.hand(s.Hands.RemoveContainer(target.ID))
				s.refuses(t.op(target), engine.NotFound)
			}})
		}
	}
	return all
}

// touchesNothing performs an op on a container with the wrong owner, the wrong
// fingerprint, and no label at all.
func (s *suite) touchesNothing(op func(model.Target) model.Op) {
	s.Helper()
	t := s.create(s.spec())
	before := asJSON(s.see(t))
	owner, generation, foreign := t, t, t
	owner.Owner = s.name("other")
	generation.Fingerprint = "another"
	id, err := s.Hands.RunForeign(s.name("foreign"), nil, nil)
	s.hand(err)
	foreign.ID, foreign.Name = id, s.name("foreign")
	for _, wrong := range []model.Target{owner, generation, foreign} {
		s.refuses(op(wrong), engine.Conflict)
	}
	if after := asJSON(s.fresh(t)); after != before {
		s.Errorf("it was touched\nfrom %s\nto   %s", before, after)
	}
	if c := s.named(foreign.Name); c == nil || c.State != model.StateRunning {
		s.Errorf("the foreign container was touched: %+v", c)
	}
}
