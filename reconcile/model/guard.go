package model

import "maps"

// Guard is what a manifest says of the end of the thing that it declares. It
// counts most when the manifest has gone, so it is kept in two places: in the
// journal, which has the newest word and may be lost, and in the labels of the
// thing, which say how it was when the thing was made.
type Guard struct {
	// Orphan lets go of the containers when their manifest goes: they run on, and
	// are neither healed nor counted nor removed any more.
	Orphan bool `json:"orphan,omitempty"`
	// Protect holds the removal until a commit before has taken the protection
	// away, or a person allows it.
	Protect bool `json:"protect,omitempty"`
}

// TrailerAllowRemovals is the trailer by which a commit allows removals.
const TrailerAllowRemovals = "Tallyman-Allow-Removals"

// TrailerSeal is the trailer of a commit whose signer vouches for all that came
// before it: without one, a commit that nobody signed stays in the way for ever.
const TrailerSeal = "Tallyman-Seal"

// Guards are the manifests' last words, by app and by what GuardKey and
// VolumeKey give.
type Guards map[string]map[string]Guard

// GuardKey is a service in Guards, VolumeKey a volume by its name on the hosts.
func GuardKey(service string) string   { return "service/" + service }
func VolumeKey(hostName string) string { return "volume/" + hostName }

// Of is the guard of a thing by its labels: the last word of its manifest, and
// where nobody remembers one, what the labels say.
func (g Guards) Of(o Ownership) Guard {
	key := VolumeKey(o.Name)
	if o.Service != "" {
		key = GuardKey(o.Service)
	}
	if said, known := g[o.App][key]; known {
		return said
	}
	return o.Guard
}

// Lasting are those of an app that still count when nothing of it is in sight:
// what is on a host that is away may come back.
func (g Guards) Lasting(app string) map[string]Guard {
	lasting := map[string]Guard{}
	for key, said := range g[app] {
		if said != (Guard{}) {
			lasting[key] = said
		}
	}
	return lasting
}

// Orphans says which containers are let go of: no manifest names their service,
// and the last one that did wanted it so.
func (g Guards) Orphans(d *Desired) func(Ownership) bool {
	type service struct{ app, name string }
	declared := map[service]bool{}
	for i := range d.Apps {
		for j := range d.Apps[i].Services {
			declared[service{d.Apps[i].Name, d.Apps[i].Services[j].Name}] = true
		}
	}
	return func(o Ownership) bool { return !declared[service{o.App, o.Service}] && g.Of(o).Orphan }
}

// Said are the guards of an app with what its manifests say now. What they no
// longer name keeps what was said of it last.
func (g Guards) Said(app *App) map[string]Guard {
	said := map[string]Guard{}
	maps.Copy(said, g[app.Name])
	for i := range app.Services {
		said[GuardKey(app.Services[i].Name)] = app.Services[i].Guard
	}
	for i := range app.Volumes {
		said[VolumeKey(app.Volumes[i].HostName)] = Guard{Protect: app.Volumes[i].Protect}
	}
	return said
}
