package manifest

import "strings"

// dependent is a document that may depend on others of its kind.
type dependent interface {
	document
	needs() []string
}

// cycles refuses services and apps that depend on themselves by way of others.
// Each cycle is reported once, at the one with the first name.
func (k *linker) cycles() {
	findCycles(k, KindService, k.set.Services)
	findCycles(k, KindApp, k.set.Apps)
}

func findCycles[D dependent](k *linker, kind string, docs []D) {
	f := cycleFinder{k: k, kind: kind, docs: map[string]dependent{}, state: map[string]visit{}}
	for _, d := range docs {
		if d.name() != "" {
			f.docs[d.name()] = d
		}
	}
	for _, d := range docs {
		f.follow(d, nil)
	}
}

type visit int

const (
	unvisited visit = iota
	onPath
	finished
)

type cycleFinder struct {
	k     *linker
	kind  string
	docs  map[string]dependent
	state map[string]visit
}

func (f *cycleFinder) follow(d dependent, trail []string) {
	name := d.name()
	if f.state[name] == finished {
		return
	}
	f.state[name] = onPath
	trail = append(trail, name)
	for _, next := range d.needs() {
		switch t := f.docs[next]; {
		case t == nil:
		case f.state[next] == onPath:
			f.report(t, trail)
		default:
			f.follow(t, trail)
		}
	}
	f.state[name] = finished
}

// report names the cycle that begins where the trail first came by d.
func (f *cycleFinder) report(d dependent, trail []string) {
	for trail[0] != d.name() {
		trail = trail[1:]
	}
	at, path := d.origin().namePlace, "metadata.name"
	for _, r := range d.origin().refs {
		if r.kind == f.kind && (len(trail) == 1 || r.name == trail[1]) {
			at, path = r.place, r.path
			break
		}
	}
	cycle := strings.Join(append(append([]string(nil), trail...), d.name()), " → ")
	f.k.errorAt(d, at, path, strings.ToLower(f.kind)+"s depend on each other in a circle: "+cycle)
}
