package enginetest

import (
	"strconv"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// publishing is a spec that publishes a port.
func (s *suite) publishing(port uint16) model.ContainerSpec {
	spec := s.spec()
	spec.Ports = []model.Port{{Container: 8080, Published: port, Protocol: "tcp"}}
	return spec
}

func ports() []promise {
	return []promise{
		{"a published port is held while it runs", func(s *suite) {
			spec := s.publishing(s.port())
			t := s.run(spec)
			if c := s.see(t); asJSON(c.Ports) != asJSON(spec.Ports) {
				s.Errorf("holds %v, want %v", c.Ports, spec.Ports)
			}
		}},
		{"a published port that another container of ours holds", func(s *suite) {
			spec := s.publishing(s.port())
			first, second := s.run(spec), s.create(spec)
			err := s.refuses(model.StartContainer{Target: second}, engine.Conflict)
			if !strings.Contains(err.Error(), strconv.Itoa(int(s.port()))) {
				s.Errorf("the error does not name the port: %v", err)
			}
			if c := s.see(second); c.Running() {
				s.Errorf("it is %s", c.State)
			}
			s.stop(first)
			s.do(model.StartContainer{Target: second})
			s.wantState(second, model.StateRunning)
		}},
		{"a published port that a foreign container holds", func(s *suite) {
			spec := s.publishing(s.port())
			_, err := s.Hands.RunForeign(s.name("foreign"), nil, spec.Ports)
			s.hand(err)
			t := s.create(spec)
			s.refuses(model.StartContainer{Target: t}, engine.Conflict)
			if c := s.named(s.name("foreign")); c == nil || asJSON(c.Ports) != asJSON(spec.Ports) {
				s.Errorf("the foreign container's ports are not listed: %+v", c)
			}
		}},
		{"a published port that the engine chooses", func(s *suite) {
			spec := s.publishing(0)
			first, second := s.see(s.run(spec)), s.see(s.run(spec))
			// Some engines choose apart for each kind of address, so that one container's
			// number for IPv6 may be another one's for IPv4.
			chosen := func(p model.Port) bool { return p.Published != 0 && p.Container == spec.Ports[0].Container }
			if n := len(first.Ports); n == 0 || n > 2 || !chosen(first.Ports[0]) || !chosen(first.Ports[n-1]) || asJSON(first.Ports) == asJSON(second.Ports) {
				s.Errorf("chosen ports %v and %v", first.Ports, second.Ports)
			}
			if asJSON(first.Spec.Ports) != asJSON(spec.Ports) {
				s.Errorf("the choice shows in the spec: %v", first.Spec.Ports)
			}
		}},
	}
}
