package reconcile

import (
	"maps"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// Journal is what survives the controller. Losing it loses history and never a
// container: everything that matters is read back from the hosts.
type Journal interface {
	// Load reads what the last controller left, the zero Memory if there was
	// none.
	Load() (Memory, error)
	// Accept notes the revision whose manifests were last found good.
	Accept(a Accepted) error
	// Record keeps the newest state of an app's rollout and what the app is held
	// to, both or neither; a rollout with another start is another entry of the
	// app's history.
	Record(r rollout.Record, s rollout.Standing) error
	// Amend adds a log to an entry of an app's history, by the start of the
	// rollout; it need not be the newest.
	Amend(app string, started time.Time, log string) error
	// History are an app's last rollouts, at most n, the newest first.
	History(app string, n int) ([]rollout.Record, error)
	// Host keeps which containers of ours a host was last seen with; a host
	// that has none is forgotten.
	Host(seen SeenHost) error
	// Forget ends an app's records: nothing of it is wanted and nothing is left.
	// Its history stays.
	Forget(app string) error
	// Place keeps where an app's slots were put.
	Place(app string, hosts map[string]string) error
	// Guard keeps what an app's manifests said last of the end of its services;
	// nothing said is nothing kept. Forget leaves it.
	Guard(app string, said map[string]model.Guard) error
	// Pin keeps what a person ordered of a host without a commit; nil ends it.
	Pin(host string, p *model.HostPin) error
	// Previews keeps the list of previews that a forge gave last.
	Previews(list []Preview) error
	// Event appends to the log of what was done.
	Event(e Event) error
}

// Memory is a journal's content, as far as the controller needs it.
type Memory struct {
	Accepted Accepted
	Records  map[string]rollout.Record // the newest per app
	// Standings are what apps are held to besides.
	Standings map[string]rollout.Standing
	// Pins are people's orders about hosts, by name.
	Pins map[string]model.HostPin
	// Hosts are those that were last seen with containers of ours, by name.
	Hosts map[string]SeenHost
	// Placed is where slots were put.
	Placed Placements
	// Guards are what the manifests said last of the end of services.
	Guards model.Guards
	// Previews are those that a forge gave last; nil when none ever has.
	Previews []Preview
}

// State is what rollouts are decided from.
func (m *Memory) State() rollout.State {
	return rollout.State{Records: m.Records, Standings: m.Standings, Pins: m.Pins}
}

// Accepted is the revision whose manifests were last found good, and what its
// images were resolved to, by app and reference: for one revision that is asked
// once, however often the controller starts.
type Accepted struct {
	Revision string                       `json:"revision"`
	Images   map[string]map[string]string `json:"images,omitempty"`
	// Verified is the last revision that somebody vouched for who has to, by app; the
	// whole repository's under the empty name.
	Verified map[string]string `json:"verified,omitempty"`
	// Platforms are what is known of these images, and of those that apps may have
	// to go back to.
	Platforms model.Platforms `json:"platforms,omitempty"`
	// HostsDeclared says that this revision or one accepted before it has declared
	// hosts: from then on the local engine stands in for none.
	HostsDeclared bool `json:"hostsDeclared,omitempty"`
}

// SeenHost is a host and the containers of ours that it was last seen with, and
// the volumes that are ours or that a service of ours holds. Of both only
// identity and ownership are kept.
type SeenHost struct {
	Host       model.Host          `json:"host"`
	Containers []model.Container   `json:"containers"`
	Volumes    []model.VolumeState `json:"volumes,omitempty"`
	// Lost is when it was given up; zero when it was not.
	Lost time.Time `json:"lost,omitzero"`
}

// Leaving are hosts that are no longer in the manifests and were last seen with
// containers of ours. They are still looked at, so that what runs there is
// replaced elsewhere first and then removed; afterwards they are let go.
func Leaving(d *model.Desired, seen map[string]SeenHost) []model.Host {
	declared := make(map[string]bool, len(d.Hosts))
	for i := range d.Hosts {
		declared[d.Hosts[i].Name] = true
	}
	var out []model.Host
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		if !declared[name] && len(seen[name].Containers) > 0 {
			out = append(out, seen[name].Host)
		}
	}
	return out
}

// Event is one line of the log of what was done and what happened.
type Event struct {
	Time time.Time `json:"time"`
	// Kind is one of revision, refused, rollout, order, op, failed, host, preview.
	Kind string `json:"kind"`
	App  string `json:"app,omitempty"`
	Host string `json:"host,omitempty"`
	// Thing is what it is about, as `shop/web-2`.
	Thing string `json:"thing,omitempty"`
	Text  string `json:"text"`
}
