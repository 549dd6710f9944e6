package reconcile

import (
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
	Accept(revision string) error
	// Record keeps the newest state of an app's rollout; a rollout with
	// another start is another entry of the app's history.
	Record(r rollout.Record) error
	// Host keeps which containers of ours a host was last seen with.
	Host(name string, containers []model.Container) error
	// Place keeps where an app's slots were put.
	Place(app string, hosts map[string]string) error
	// Event appends to the log of what was done.
	Event(e Event) error
}

// Memory is a journal's content, as far as the controller needs it.
type Memory struct {
	Accepted string
	Records  map[string]rollout.Record // the newest per app
	// Hosts are the containers of ours that each host was last seen with;
	// only identity and ownership are kept.
	Hosts map[string][]model.Container
	// Placed is where slots were put.
	Placed Placements
}

// Event is one line of the log of what was done and what happened.
type Event struct {
	Time time.Time `json:"time"`
	// Kind is one of revision, refused, rollout, op, failed, host.
	Kind string `json:"kind"`
	App  string `json:"app,omitempty"`
	Host string `json:"host,omitempty"`
	// Thing is what it is about, as `shop/web-2`.
	Thing string `json:"thing,omitempty"`
	Text  string `json:"text"`
}
