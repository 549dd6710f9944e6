package plan

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/place"
)

// Input is all that a plan is made from.
type Input struct {
	Desired   *model.Desired
	Live      *model.Live
	Placement place.Result
	// Runs is what is to become of the runs of jobs, of every app that has some.
	Runs []Runs
	// Known says whether a container id was once seen under the name that its
	// label gives, see model.Container.OwnedBy.
	Known func(id string) bool
	// Policies are those of apps that have gone, as their manifests said last.
	Policies map[string]model.Sync
	// Rolling says whether the app is on its way to this revision. Only then does
	// it matter which image a host has under a service's reference: when the app
	// is there, a tag that moves is left alone until its next change. Nil says no.
	Rolling func(app string) bool
	// Guards are what the manifests said last of the end of services.
	Guards model.Guards
	// AllowRemovals lets through what the guards hold.
	AllowRemovals bool
}

// Build makes the plan. It changes nothing of its input, and it gives the same
// plan for the same input in any order.
func Build(in Input) Plan {
	p := newPlanner(&in)
	for i := range in.Desired.Apps {
		app := &in.Desired.Apps[i]
		p.networks(app)
		p.volumes(app)
	}
	p.noteRings()
	p.replicas()
	p.leftovers()
	guards := newGuards(p)
	guards.hold(p.changes)
	p.noteStaying()
	replicas := len(p.changes)
	p.unusedThings()
	guards.hold(p.changes[replicas:])
	p.runChanges()
	p.images()
	p.leaveAlone()
	slices.SortFunc(p.changes, func(a, b Change) int { return CompareKeys(a.Key, b.Key) })
	return Plan{Revision: in.Desired.Revision, Changes: p.changes, Held: held(in.Desired), Pinned: pinned(in.Desired)}
}

func pinned(d *model.Desired) []PinnedHost {
	var out []PinnedHost
	for i := range d.Hosts {
		if pin := d.Hosts[i].Pin; pin != nil {
			out = append(out, PinnedHost{d.Hosts[i].Name, *pin})
		}
	}
	return out
}

func held(d *model.Desired) []HeldApp {
	var out []HeldApp
	for i := range d.Apps {
		a := &d.Apps[i]
		if a.Held != nil {
			out = append(out, HeldApp{App: a.Name, At: a.Revision, Kind: a.Held.Kind, Reason: a.Held.Why()})
		}
	}
	return out
}

// leaveAlone marks what is not put right: an app that is where it should be and
// has sync.selfHeal off.
func (p *planner) leaveAlone() {
	off := map[string]bool{}
	for i := range p.in.Desired.Apps {
		app := &p.in.Desired.Apps[i]
		off[app.Name] = !app.Sync.SelfHeal && (p.in.Rolling == nil || !p.in.Rolling(app.Name))
	}
	for i := range p.changes {
		if c := &p.changes[i]; off[c.Key.App] && c.Wanted() && c.Verdict != Blocked {
			c.LeftAlone, c.Reasons = true, append(c.Reasons, OnlyReported)
		}
	}
}

// slot is the identity of a replica.
type slot struct{ app, service, slot string }

// thing is a network or volume by its name on the hosts, as an app needs it;
// with app "" as any app does. An external one may be that of several apps.
type thing struct{ app, name string }

// planner gathers the changes of one plan.
type planner struct {
	in          *Input
	hosts       map[string]*model.HostState
	services    map[slot]*model.Service // keyed without slot
	revisions   map[string]string       // by app, which may be held to different ones
	previews    map[string]string       // by app: of which pull request, where it is of one
	slots       map[slot][]*model.Container
	runs        map[slot][]*model.Container // of jobs; keyed without slot
	told        map[string]bool             // containers of runs that have a change already, by id
	names       map[string]bool             // every container name on any host; made when first needed
	users       map[thing]map[string]bool   // network or volume → hosts that need it
	attached    map[attachment]string       // why networks stay that nobody is placed for
	asked       map[slot]bool               // services that ask for a replica; keyed without slot
	protected   map[Key]bool                // leftover replicas whose end is held
	yields      map[slot]bool               // replicas in a ring, each on the next one's ports
	displaces   map[slot][]string           // whom a replica sends away, in words
	rooms       map[string]*model.Room      // by host
	evicted     map[slot]string             // from which lost host, see missing
	blocked     map[Key]string              // networks and volumes that can't be had, with the reason
	pulls       map[Key]Change
	named       map[string]bool              // volumes that the manifests have, by their names on hosts
	unresolved  map[string]string            // app → why its images are not known
	pullSecrets map[string][]model.SecretRef // app → its credentials for registries
	resolutions map[resolution]*model.Service
	// networkNames are the networks' names in the manifests by those on the hosts.
	networkNames map[string]string
	changes      []Change
}

func newPlanner(in *Input) *planner {
	p := &planner{
		in:           in,
		hosts:        map[string]*model.HostState{},
		services:     map[slot]*model.Service{},
		revisions:    map[string]string{},
		previews:     map[string]string{},
		named:        map[string]bool{},
		slots:        make(map[slot][]*model.Container, len(in.Placement.Assignments)),
		runs:         map[slot][]*model.Container{},
		told:         map[string]bool{},
		users:        map[thing]map[string]bool{},
		attached:     map[attachment]string{},
		asked:        map[slot]bool{},
		protected:    map[Key]bool{},
		blocked:      map[Key]string{},
		yields:       map[slot]bool{},
		displaces:    map[slot][]string{},
		rooms:        map[string]*model.Room{},
		pulls:        map[Key]Change{},
		unresolved:   map[string]string{},
		pullSecrets:  map[string][]model.SecretRef{},
		resolutions:  map[resolution]*model.Service{},
		networkNames: map[string]string{},
		changes:      make([]Change, 0, len(in.Placement.Assignments)+16),
	}
	for i := range in.Desired.Apps {
		p.revisions[in.Desired.Apps[i].Name] = in.Desired.Apps[i].Revision
		p.previews[in.Desired.Apps[i].Name] = in.Desired.Apps[i].Preview
		p.unresolved[in.Desired.Apps[i].Name] = in.Desired.Apps[i].Unresolved
		p.pullSecrets[in.Desired.Apps[i].Name] = in.Desired.Apps[i].PullSecrets
		for j := range in.Desired.Apps[i].Volumes {
			p.named[in.Desired.Apps[i].Volumes[j].HostName] = true
		}
		for _, n := range in.Desired.Apps[i].Networks {
			p.networkNames[n.HostName] = n.Name
		}
		for j := range in.Desired.Apps[i].Services {
			s := &in.Desired.Apps[i].Services[j]
			p.services[slot{app: s.App, service: s.Name}] = s
		}
	}
	for i := range in.Placement.Rooms {
		p.rooms[in.Placement.Rooms[i].Host] = &in.Placement.Rooms[i]
	}
	for i := range in.Live.Hosts {
		p.readHost(&in.Live.Hosts[i])
	}
	p.noteUsers()
	p.noteHomeless()
	return p
}

// readHost sorts a host's containers into ours, look-alikes and the rest.
func (p *planner) readHost(h *model.HostState) {
	p.hosts[h.Name] = h
	for i := range h.Containers {
		c := &h.Containers[i]
		switch {
		case c.OwnedBy(p.in.Desired.Owner, p.in.Known) && c.Owner.Job != "":
			key := slot{app: c.Owner.App, service: c.Owner.Job}
			p.runs[key] = append(p.runs[key], c)
		case c.OwnedBy(p.in.Desired.Owner, p.in.Known):
			key := slot{c.Owner.App, c.Owner.Service, c.Owner.Slot}
			p.slots[key] = append(p.slots[key], c)
		case c.Owner.Owner != "":
			p.lookAlike(c)
		}
	}
}

// lookAlike reports a container that carries our kind of labels and is not
// ours. Only those of this owner or of an app of this installation are worth a
// line; the others are simply a neighbour's.
func (p *planner) lookAlike(c *model.Container) {
	reason := fmt.Sprintf("belongs to owner %q, this installation is %q; if the repository moved, run with --owner %s",
		c.Owner.Owner, p.in.Desired.Owner, c.Owner.Owner)
	if c.Owner.Owner == p.in.Desired.Owner {
		reason = fmt.Sprintf("its label says that it is container %q: a copy of our labels, never touched", c.Owner.Name)
	} else if p.services[slot{app: c.Owner.App, service: c.Owner.Service}] == nil {
		return
	}
	p.changes = append(p.changes, Change{
		Key:     Key{Kind: KindReplica, App: c.Owner.App, Service: c.Owner.Service, Slot: c.Owner.Slot, Host: c.Host, Name: c.Name},
		Host:    c.Host,
		Verdict: Unowned,
		Reasons: []string{reason},
	})
}

// noteUsers finds out which hosts need which networks and volumes.
func (p *planner) noteUsers() {
	for _, a := range p.in.Placement.Assignments {
		for _, spec := range p.services[slot{app: a.App, service: a.Service}].Specs() {
			p.uses(a.App, spec, a.Host)
		}
	}
	p.noteRunUsers()
}

// uses notes what a container on a host needs there.
func (p *planner) uses(app string, c *model.ContainerSpec, host string) {
	need := func(name string) {
		for _, t := range []thing{{app, name}, {"", name}} {
			if p.users[t] == nil {
				p.users[t] = map[string]bool{}
			}
			p.users[t][host] = true
		}
	}
	for i := range c.Networks {
		need(c.Networks[i].Network)
	}
	for i := range c.Mounts {
		if c.Mounts[i].Kind == model.MountVolume {
			need(c.Mounts[i].Source)
		}
	}
}

// replicas gives every placed and every refused replica its change.
func (p *planner) replicas() {
	p.noteDisplaced()
	for _, a := range p.in.Placement.Assignments {
		key := slot{a.App, a.Service, a.Slot}
		s := p.services[slot{app: a.App, service: a.Service}]
		p.asked[slot{app: a.App, service: a.Service}] = true
		c := p.replica(s, a.Slot, a.Host)
		c.Stays = a.Stays
		c.Reasons = append(c.Reasons, p.displaces[key]...)
		if a.Why != "" && c.Wanted() {
			c.Reasons = append(c.Reasons, a.Why)
		}
		if a.Displaced != nil {
			c.Displaced, c.Reasons = a.Displaced, append(c.Reasons, a.Displaced.String())
		}
		p.changes = append(p.changes, c)
	}
	for _, r := range p.in.Placement.Refusals {
		key := slot{r.App, r.Service, r.Slot}
		p.asked[slot{app: r.App, service: r.Service}] = true
		c := Change{Key: replicaKey(key), Host: r.Host, Verdict: Blocked, Reasons: []string{r.Reason}}
		containers := sorted(p.slots[key])
		for _, old := range containers {
			c.Old = append(c.Old, old.ID)
		}
		if r.Displaced != nil {
			p.vacate(&c, r.Displaced, containers)
		}
		delete(p.slots, key)
		p.changes = append(p.changes, c)
	}
}

func replicaKey(s slot) Key {
	return Key{Kind: KindReplica, App: s.app, Service: s.service, Slot: s.slot}
}

// images adds one change for each image and host that a new replica lacks.
func (p *planner) images() {
	for _, c := range p.pulls {
		p.changes = append(p.changes, c)
	}
}
