package enginetest

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// network is the op that makes a network.
func (s *suite) network(name string) model.CreateNetwork {
	return model.CreateNetwork{
		Host:    s.Host.Name,
		Network: model.Network{App: "app", Name: name, HostName: s.name(name), Driver: "bridge"},
		Owner:   model.Ownership{Owner: s.Owner, App: "app", Name: s.name(name)},
	}
}

func (s *suite) seeNetwork(name string) *model.NetworkState {
	s.Helper()
	state := s.observe()
	i := slices.IndexFunc(state.Networks, func(n model.NetworkState) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return &state.Networks[i]
}

func (s *suite) removal(op model.CreateNetwork) model.RemoveNetwork {
	s.Helper()
	n := s.seeNetwork(op.Network.HostName)
	if n == nil {
		s.Fatalf("network %q is not observed", op.Network.HostName)
	}
	return model.RemoveNetwork{Host: s.Host.Name, ID: n.ID, Name: n.Name, Owner: s.Owner}
}

// on is a spec that joins networks.
func (s *suite) on(networks ...model.CreateNetwork) model.ContainerSpec {
	spec := s.spec()
	for _, n := range networks {
		spec.Networks = append(spec.Networks, model.Attachment{Network: n.Network.HostName})
	}
	return spec
}

func (s *suite) wantAttached(t model.Target, want ...model.Attachment) {
	s.Helper()
	if got := s.see(t).Spec.Networks; asJSON(got) != asJSON(want) {
		s.Errorf("attached to %s, want %s", asJSON(got), asJSON(want))
	}
}

func networks() []promise {
	return []promise{
		{"networks are made once, and are ours", func(s *suite) {
			op := s.network("front")
			s.do(op)
			s.do(op)
			n := s.seeNetwork(op.Network.HostName)
			if n == nil || n.Owner.Owner != s.Owner || n.Owner.App != "app" || n.ID == "" {
				s.Errorf("network %+v", n)
			}
			s.removal(op)
			state := s.observe()
			count := 0
			for _, n := range state.Networks {
				if n.Name == op.Network.HostName {
					count++
				}
			}
			if count != 1 {
				s.Errorf("%d networks of one name", count)
			}
		}},
		{"networks have the addresses that were asked for", func(s *suite) {
			third := s.port() % 250
			op := s.network("front")
			op.Network.Subnet = fmt.Sprintf("10.203.%d.0/24", third)
			op.Network.Gateway = fmt.Sprintf("10.203.%d.254", third)
			op.Network.IPRange = fmt.Sprintf("10.203.%d.64/26", third)
			s.do(op)
			n := s.seeNetwork(op.Network.HostName)
			if n == nil || n.Driver != "bridge" || n.CreatedAt.IsZero() {
				s.Errorf("network %+v", n)
			}
			s.run(s.on(op))
		}},
		{"the host's own network, and none", func(s *suite) {
			for _, name := range []string{"host", "none"} {
				spec := s.spec()
				spec.Networks = []model.Attachment{{Network: name}}
				t := s.run(spec)
				s.wantAttached(t, spec.Networks...)
				if c := s.see(t); c.Spec.Hostname != "" || !c.Running() {
					s.Errorf("on network %s: host name %q, %s", name, c.Spec.Hostname, c.State)
				}
				s.stop(t)
			}
		}},
		{"networks of others are not taken over", func(s *suite) {
			op := s.network("front")
			s.hand(s.Hands.CreateForeignNetwork(op.Network.HostName))
			s.refuses(op, engine.Conflict)
			if n := s.seeNetwork(op.Network.HostName); n == nil || n.ID == "" || n.Owner != (model.Ownership{}) {
				s.Errorf("the network that has the name: %+v", n)
			}
		}},
	}
}

func networksRemoved() []promise {
	return []promise{
		{"networks are removed, and again changes nothing", func(s *suite) {
			op := s.network("front")
			s.do(op)
			remove := s.removal(op)
			for range 2 {
				s.do(remove)
				if n := s.seeNetwork(op.Network.HostName); n != nil {
					s.Errorf("still there: %+v", n)
				}
			}
		}},
		{"networks in use are not removed", func(s *suite) {
			op := s.network("front")
			s.do(op)
			t := s.run(s.on(op))
			s.refuses(s.removal(op), engine.Conflict)
			s.wantAttached(t, model.Attachment{Network: op.Network.HostName})
		}},
		{"networks of another owner are not removed", func(s *suite) {
			op := s.network("front")
			s.do(op)
			remove := s.removal(op)
			remove.Owner = s.name("other")
			s.refuses(remove, engine.Conflict)
			s.removal(op)
		}},
	}
}

// seeNetworks are all networks of a name.
func (s *suite) seeNetworks(name string) []model.NetworkState {
	s.Helper()
	state := s.observe()
	return state.NetworksNamed(name)
}

// twin makes a second network of the op's name, and says whether it could.
func (s *suite) twin(op model.CreateNetwork) bool {
	s.Helper()
	made, err := s.Hands.TwinNetwork(op.Network.HostName)
	s.hand(err)
	want := 1
	if made {
		want = 2
	}
	if got := s.seeNetworks(op.Network.HostName); len(got) != want {
		s.Fatalf("%d networks of the name, want %d", len(got), want)
	}
	return made
}

func networksTwice() []promise {
	return []promise{
		{"of two networks of one name one can go, and then all is well", func(s *suite) {
			op := s.network("front")
			s.do(op)
			t := s.create(s.on(op))
			if !s.twin(op) {
				return
			}
			both := s.seeNetworks(op.Network.HostName)
			s.refuses(model.StartContainer{Target: t}, engine.Failed) // and not for good
			s.do(op)
			s.do(model.RemoveNetwork{Host: s.Host.Name, ID: both[1].ID, Name: both[1].Name, Owner: s.Owner})
			if left := s.seeNetworks(op.Network.HostName); len(left) != 1 || left[0].ID != both[0].ID || left[0].InUse {
				s.Errorf("left are %+v, want only %s, not in use", left, both[0].ID)
			}
			s.do(model.StartContainer{Target: t})
			s.wantAttached(t, s.on(op).Networks...)
		}},
		{"of two networks of one name the one in use stays", func(s *suite) {
			op := s.network("front")
			s.do(op)
			t := s.run(s.on(op))
			if !s.twin(op) {
				return
			}
			both := s.seeNetworks(op.Network.HostName)
			if !both[0].InUse || both[1].InUse {
				s.Errorf("in use: %v, %v", both[0].InUse, both[1].InUse)
			}
			s.refuses(model.RemoveNetwork{Host: s.Host.Name, ID: both[0].ID, Name: both[0].Name, Owner: s.Owner}, engine.Conflict)
			s.do(model.RemoveNetwork{Host: s.Host.Name, ID: both[1].ID, Name: both[1].Name, Owner: s.Owner})
			s.wantAttached(t, s.on(op).Networks...)
			s.wantState(t, model.StateRunning)
		}},
	}
}

func connecting() []promise {
	return []promise{
		{"connect and disconnect, each twice", func(s *suite) {
			front, back := s.network("a-front"), s.network("b-back")
			s.do(front)
			s.do(back)
			t := s.run(s.on(front))
			joined := model.Attachment{Network: back.Network.HostName, Aliases: []string{"api", "web"}}
			for range 2 {
				s.do(model.ConnectNetwork{Target: t, Attachment: joined})
				s.wantAttached(t, model.Attachment{Network: front.Network.HostName}, joined)
			}
			for range 2 {
				s.do(model.DisconnectNetwork{Target: t, Network: back.Network.HostName})
				s.wantAttached(t, model.Attachment{Network: front.Network.HostName})
			}
			s.wantState(t, model.StateRunning)
		}},
		{"connect gives other aliases", func(s *suite) {
			front := s.network("front")
			s.do(front)
			t := s.run(s.on(front))
			joined := model.Attachment{Network: front.Network.HostName, Aliases: []string{"web"}}
			s.do(model.ConnectNetwork{Target: t, Attachment: joined})
			s.wantAttached(t, joined)
		}},
		{"connect to a network that is not there", func(s *suite) {
			t := s.run(s.spec())
			s.refuses(model.ConnectNetwork{Target: t, Attachment: model.Attachment{Network: s.name("nowhere")}}, engine.NotFound)
		}},
		{"a disconnection by hand is seen, and connect heals it", func(s *suite) {
			front, back := s.network("a-front"), s.network("b-back")
			s.do(front)
			s.do(back)
			t := s.run(s.on(front, back))
			s.hand(s.Hands.Disconnect(t.ID, back.Network.HostName))
			s.wantAttached(t, model.Attachment{Network: front.Network.HostName})
			s.do(model.ConnectNetwork{Target: t, Attachment: model.Attachment{Network: back.Network.HostName}})
			s.wantAttached(t, s.on(front, back).Networks...)
		}},
	}
}

func networksReplaced() []promise {
	return []promise{
		{"a network removed by hand is seen, and connect heals it", func(s *suite) {
			front := s.network("front")
			s.do(front)
			t := s.run(s.on(front))
			s.hand(s.Hands.RemoveNetwork(front.Network.HostName))
			s.wantAttached(t)
			s.do(front)
			s.wantAttached(t)
			s.do(model.ConnectNetwork{Target: t, Attachment: s.on(front).Networks[0]})
			s.wantAttached(t, s.on(front).Networks...)
		}},
		{"a network that was replaced before its container started", func(s *suite) {
			front := s.network("front")
			s.do(front)
			t := s.create(s.on(front))
			s.do(s.removal(front))
			s.refuses(model.StartContainer{Target: t}, engine.NotFound)
			s.do(front)
			s.do(model.StartContainer{Target: t})
			s.wantAttached(t, s.on(front).Networks...)
		}},
		{"a stopped container whose network is gone does not start", func(s *suite) {
			front := s.network("front")
			s.do(front)
			t := s.run(s.on(front))
			s.stop(t)
			s.do(s.removal(front))
			s.wantAttached(t)
			s.refuses(model.StartContainer{Target: t}, engine.NotFound)
		}},
		{"a network that was replaced while its container was stopped", func(s *suite) {
			front := s.network("front")
			s.do(front)
			t := s.run(s.on(front))
			s.stop(t)
			s.hand(s.Hands.RemoveNetwork(front.Network.HostName))
			s.do(front)
			s.do(model.ConnectNetwork{Target: t, Attachment: s.on(front).Networks[0]})
			s.do(model.StartContainer{Target: t})
			s.wantAttached(t, s.on(front).Networks...)
		}},
	}
}
