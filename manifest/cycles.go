package manifest

import "strings"

// cycles refuses services that depend on themselves by way of others. Each
// cycle is reported once, at the service with the first name.
func (k *linker) cycles() {
	f := cycleFinder{k: k, services: map[string]*Service{}, state: map[string]visit{}}
	for _, s := range k.set.Services {
		if s.Metadata.Name != "" {
			f.services[s.Metadata.Name] = s
		}
	}
	for _, s := range k.set.Services {
		f.follow(s, nil)
	}
}

type visit int

const (
	unvisited visit = iota
	onPath
	finished
)

type cycleFinder struct {
	k        *linker
	services map[string]*Service
	state    map[string]visit
}

func (f *cycleFinder) follow(s *Service, trail []string) {
	name := s.Metadata.Name
	if f.state[name] == finished {
		return
	}
	f.state[name] = onPath
	trail = append(trail, name)
	for _, next := range s.Spec.DependsOn {
		switch t := f.services[next]; {
		case t == nil:
		case f.state[next] == onPath:
			f.report(t, trail)
		default:
			f.follow(t, trail)
		}
	}
	f.state[name] = finished
}

// report names the cycle that begins where the trail first came by s.
func (f *cycleFinder) report(s *Service, trail []string) {
	name := s.Metadata.Name
	for trail[0] != name {
		trail = trail[1:]
	}
	at := s.namePlace
	for _, r := range s.refs {
		if r.kind == KindService && (len(trail) == 1 || r.name == trail[1]) {
			at = r.place
			break
		}
	}
	cycle := strings.Join(append(append([]string(nil), trail...), name), " → ")
	f.k.errorAt(s, at, "spec.dependsOn", "services depend on each other in a circle: "+cycle)
}
