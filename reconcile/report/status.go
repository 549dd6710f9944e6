// Package report folds what a pass found into what people and programs read:
// the status, the plan's text, progress and exit codes. It is pure, and the
// only place that knows colours and widths. It decides nothing.
package report

import (
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// Sync says whether what runs is what Git says.
type Sync string

// The sync statuses.
const (
	Synced      Sync = "Synced"
	OutOfSync   Sync = "OutOfSync"
	SyncUnknown Sync = "Unknown"
)

// Health says whether what runs works.
type Health string

// The health statuses, best first; a whole is as healthy as its worst part.
const (
	Healthy     Health = "Healthy"
	Suspended   Health = "Suspended"
	Progressing Health = "Progressing"
	Missing     Health = "Missing"
	Degraded    Health = "Degraded"
	Unknown     Health = "Unknown"
)

// Status is the answer to: what runs, is it what Git says, is it healthy,
// since when, and if not, why. It is a stable JSON document.
type Status struct {
	Time  time.Time `json:"time"`
	Owner string    `json:"owner"`
	// Simulated says that nothing of this is real, and what it is.
	Simulated string `json:"simulated,omitempty"`
	// Target is what the branch says, Effective what the hosts are held to.
	Target    Revision `json:"target"`
	Effective Revision `json:"effective"`
	// SourceError says why the target is not in force.
	SourceError string `json:"sourceError,omitempty"`
	// FetchError says why Git could not be read the last time; what is held to
	// may be out of date.
	FetchError string    `json:"fetchError,omitempty"`
	Fetched    time.Time `json:"fetched,omitzero"`
	// Unattended says that no controller holds the hosts to this, and what does it
	// instead or would.
	Unattended string `json:"unattended,omitempty"`
	// Undecided says why it is not known yet what there is and what should be:
	// what is missing here may well be there.
	Undecided string `json:"undecided,omitempty"`

	Sync   Sync   `json:"sync"`
	Health Health `json:"health"`
	Apps   []App  `json:"apps"`
	// Previews are the pull requests that run beside their apps, or would. Neither
	// Sync nor Health is about them.
	Previews []Preview `json:"previews,omitempty"`
	Hosts    []Host    `json:"hosts"`
	// Volumes and Networks are those of ours on the hosts, and the external ones
	// that the manifests name.
	Volumes  []VolumeOnHost  `json:"volumes,omitempty"`
	Networks []NetworkOnHost `json:"networks,omitempty"`
	// Notifications are how those fare that are told what becomes of commits.
	Notifications []Notification `json:"notifications,omitempty"`
	// ImagePolicies are how those fare that follow images.
	ImagePolicies []ImagePolicy `json:"imagePolicies,omitempty"`
	// Forge is how the forge fares that is told and asked.
	Forge *Forge `json:"forge,omitempty"`
	// Busy is how many things are being worked on at this moment, without those of
	// previews.
	Busy int `json:"busy"`
	// Changes are the plan's entries that want something, with why it is not
	// being done, if it is not.
	Changes []Change `json:"changes,omitempty"`
	// Ignored are replicas that differ in nothing but what is ignored.
	Ignored []Change `json:"ignored,omitempty"`
	// Unowned are containers that look like ours and are not.
	Unowned []Change `json:"unowned,omitempty"`
	// Orphaned are replicas that were let go of and run on.
	Orphaned []Change `json:"orphaned,omitempty"`
}

// Revision is a commit.
type Revision struct {
	ID      string    `json:"id"`
	Subject string    `json:"subject,omitempty"`
	Author  string    `json:"author,omitempty"`
	Time    time.Time `json:"time,omitzero"`
}

// App is an app's status.
type App struct {
	Name     string        `json:"name"`
	Sync     Sync          `json:"sync"`
	Health   Health        `json:"health"`
	Phase    rollout.Phase `json:"phase"`
	Revision string        `json:"revision"` // of the rollout
	Since    time.Time     `json:"since,omitzero"`
	Reason   string        `json:"reason,omitempty"`
	// Gone says that no manifest names the app any more.
	Gone bool `json:"gone,omitempty"`
	// Unresolved says why it is not known which images the branch's revision
	// means.
	Unresolved string   `json:"unresolved,omitempty"`
	Failure    *Failure `json:"failure,omitempty"`
	// Held says why the app is held to another revision than the branch's; Hold
	// is about what failed before, Pin and Pause are people's orders.
	Held *model.Held `json:"held,omitempty"`
	// Reverted is what was done in Git about the hold, where that is to be done.
	Reverted *Reverted `json:"reverted,omitempty"`
	// Stuck says that the revision it is to be held to can't be read.
	Stuck bool           `json:"stuck,omitempty"`
	Hold  *rollout.Hold  `json:"hold,omitempty"`
	Pin   *rollout.Pin   `json:"pin,omitempty"`
	Pause *rollout.Pause `json:"pause,omitempty"`
	// Preview is the number of the pull request that the app is a preview of.
	Preview string `json:"preview,omitempty"`
	// WaitsFor is the app that comes first and is not there yet.
	WaitsFor string `json:"waitsFor,omitempty"`
	// Canary waits to be promoted.
	Canary   *rollout.Canary `json:"canary,omitempty"`
	Services []Service       `json:"services"`
	Jobs     []Job           `json:"jobs,omitempty"`
}

// Failure is the container that made a rollout fail, when it was one
// container's fault.
type Failure struct {
	Service   string `json:"service"`
	Container string `json:"container"` // its id
	Host      string `json:"host"`
	Log       string `json:"log,omitempty"` // its last lines
}

// Service is a service's status. Of is how many replicas there should be, New
// how many of them run as asked for, Old how many still run otherwise, Ready
// how many serve.
type Service struct {
	App      string    `json:"app"`
	Name     string    `json:"name"`
	Image    string    `json:"image"`
	Mode     string    `json:"mode"`
	Of       int       `json:"of"`
	New      int       `json:"new"`
	Old      int       `json:"old"`
	Ready    int       `json:"ready"`
	Sync     Sync      `json:"sync"`
	Health   Health    `json:"health"`
	Reason   string    `json:"reason,omitempty"`
	Replicas []Replica `json:"replicas"`
}

// Replica is one replica's status.
type Replica struct {
	App       string       `json:"app"`
	Service   string       `json:"service"`
	Slot      string       `json:"slot"`
	Host      string       `json:"host,omitempty"`
	Container string       `json:"container,omitempty"` // its name
	ID        string       `json:"id,omitempty"`
	Image     string       `json:"image,omitempty"`
	Revision  string       `json:"revision,omitempty"` // that made it
	State     string       `json:"state,omitempty"`
	Health    Health       `json:"health"`
	Since     time.Time    `json:"since,omitzero"`
	Restarts  int          `json:"restarts,omitempty"`
	Verdict   plan.Verdict `json:"verdict"`
	Reason    string       `json:"reason,omitempty"`
	// Members are the containers of a replica that is a pod. Container and ID are
	// then those of the one that the service is about, when it is there.
	Members []Member `json:"members,omitempty"`
}

// Host is a host's status.
type Host struct {
	Name      string    `json:"name"`
	Endpoint  string    `json:"endpoint,omitempty"`
	Reachable bool      `json:"reachable"`
	Error     string    `json:"error,omitempty"`
	Seen      time.Time `json:"seen,omitzero"`
	// Condition is what is made of its answers: ready, unreachable or lost.
	// AwaySince is when it first gave none, and Withheld why it is not given up
	// although that is long ago.
	Condition model.Condition `json:"condition,omitempty"`
	AwaySince time.Time       `json:"awaySince,omitzero"`
	Withheld  string          `json:"withheld,omitempty"`
	// SameAs is the host of the same engine that is used in its place.
	SameAs      string `json:"sameAs,omitempty"`
	Schedulable bool   `json:"schedulable"`
	Drain       bool   `json:"drain,omitempty"`
	// Leaving says that no manifest names the host any more.
	Leaving bool `json:"leaving,omitempty"`
	// Pin is a cordon or drain that a person ordered without a commit.
	Pin *model.HostPin `json:"pin,omitempty"`
	// Left is what is still on a host that is to be empty, Staying are the replicas
	// of global services there, which stay.
	Left    []Left   `json:"left,omitempty"`
	Staying []string `json:"staying,omitempty"`
	Version string   `json:"version,omitempty"`
	Arch    string   `json:"arch,omitempty"`
	CPUs    float64  `json:"cpus,omitempty"`
	Memory  int64    `json:"memory,omitempty"`
	// Capacity is what replicas can have of it, all together, as far as that is
	// known, and Reserved what is set aside for those that are placed here.
	Capacity Amounts `json:"capacity,omitzero"`
	Reserved Amounts `json:"reserved,omitzero"`
	Replicas int     `json:"replicas"`
	// Pulls are the pulls at work.
	Pulls []model.Pull `json:"pulls,omitempty"`
}

// Amounts are amounts of CPUs and of memory, in bytes.
type Amounts struct {
	CPUs   float64 `json:"cpus,omitempty"`
	Memory int64   `json:"memory,omitempty"`
}

func amounts(r model.Resources) Amounts { return Amounts{float64(r.NanoCPUs) / 1e9, r.Memory} }

// Change is an entry of the plan, and why it waits.
type Change struct {
	Key     plan.Key     `json:"key"`
	Host    string       `json:"host,omitempty"`
	Verdict plan.Verdict `json:"verdict"`
	Reasons []string     `json:"reasons,omitempty"`
	Held    string       `json:"held,omitempty"`
	// Drift is in what the replica differs from what it was made as, Ignored in
	// what it may differ.
	Drift   []plan.Difference `json:"drift,omitempty"`
	Ignored []plan.Difference `json:"ignored,omitempty"`
	// Removal says that the thing is to go, Kept that its app's policy leaves
	// that to people.
	Removal bool `json:"removal,omitempty"`
	Kept    bool `json:"kept,omitempty"`
	// LeftAlone says that it is drift that the app does not want to be put right
	// by itself.
	LeftAlone bool `json:"leftAlone,omitempty"`
	// HeldBy is the guard that holds the removal until somebody agrees to it.
	HeldBy string `json:"heldBy,omitempty"`
}
