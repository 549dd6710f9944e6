package model

import (
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/schedule"
)

// Desired is what one revision asks for, of all apps and hosts. It is built by
// reconcile/desired; every slice is sorted by name.
type Desired struct {
	// Revision is the full commit id; for people and labels, never compared.
	Revision string `json:"revision"`
	Owner    string `json:"owner"`
	// AllowRemovals is how many removals the commit itself allows, by its trailer.
	AllowRemovals int    `json:"allowRemovals,omitempty"`
	Fleet         Fleet  `json:"fleet"`
	Hosts         []Host `json:"hosts"`
	Apps          []App  `json:"apps"`
	// Unverified says of apps why this revision must not be rolled out to them:
	// nobody vouches for it who has to. Verified is the last revision of each app
	// for which somebody did, the fleet's under the empty name.
	Unverified map[string]string `json:"unverified,omitempty"`
	Verified   map[string]string `json:"-"`
	// PlanRules are what policies ask of the plan.
	PlanRules []PlanRule `json:"planRules,omitempty"`
	// Notifications are who is told what becomes of commits. No rollout knows of
	// them.
	Notifications []Notification `json:"notifications,omitempty"`
	Blobs         Blobs          `json:"-"`
	// PreviewsKnown says that every preview which is to run is among the apps. Where
	// it is not known, as before anybody has asked a forge, what runs of previews
	// is left as it is.
	PreviewsKnown bool `json:"previewsKnown,omitempty"`
	// PreviewsKept are those that do not run and are not over: they may run again,
	// and their volumes stay.
	PreviewsKept []string `json:"previewsKept,omitempty"`
	// DigestKey made the digests of secret values; the zero value where there
	// are none.
	DigestKey DigestKey `json:"-"`
}

// PlanRule is a policy's rule about plans: an expression that is true where it is
// kept, and what to say where it is not.
type PlanRule struct {
	Policy  string `json:"policy"`
	Assert  string `json:"assert"`
	Message string `json:"message"`
}

// Images are the references that services and jobs name, sorted, each once.
func (d *Desired) Images() []string {
	var refs []string
	for i := range d.Apps {
		refs = append(refs, d.Apps[i].Images()...)
	}
	slices.Sort(refs)
	return slices.Compact(refs)
}

// Images are the references that the app's services and jobs name.
func (a *App) Images() []string {
	var refs []string
	for i := range a.Services {
		refs = append(refs, a.Services[i].Images()...)
	}
	for i := range a.Jobs {
		refs = append(refs, a.Jobs[i].Work.Container.Image)
	}
	return refs
}

// Host is a registered Docker Engine.
type Host struct {
	Name        string            `json:"name"`
	Endpoint    string            `json:"endpoint"` // unix://, tcp:// or ssh://
	TLS         TLS               `json:"tls,omitzero"`
	SSH         SSH               `json:"ssh,omitzero"`
	Labels      map[string]string `json:"labels,omitempty"`
	Schedulable bool              `json:"schedulable"`
	Drain       bool              `json:"drain,omitempty"`
	// Pin is what a person ordered of the host without a commit; Schedulable and
	// Drain have it in them.
	Pin      *HostPin  `json:"pin,omitempty"`
	Taints   []Taint   `json:"taints,omitempty"`
	Reserved Resources `json:"reserved,omitzero"`
	// Capacity is what people say that the host has, where that is not what its
	// engine reports.
	Capacity Resources `json:"capacity,omitzero"`
	// Grace is how long it may give no answer, where nothing is said the fleet's.
	Grace Grace `json:"grace,omitzero"`
}

// TLS names the files of a mutually authenticated connection, on the
// controller's own disk.
type TLS struct {
	CA   string `json:"ca,omitempty"`
	Cert string `json:"cert,omitempty"`
	Key  string `json:"key,omitempty"`
}

// SSH names the files of an ssh connection, on the controller's own disk. What
// is empty comes from the ssh configuration of the controller's user.
type SSH struct {
	IdentityFile string `json:"identityFile,omitempty"`
	KnownHosts   string `json:"knownHosts,omitempty"`
}

// App is the unit of rollout.
type App struct {
	Name string `json:"name"`
	// Digest is the hash of the rendered app: it changes exactly when
	// something that the hosts would notice, or the way to get there, changes.
	Digest string `json:"digest"`
	Sync   Sync   `json:"sync"`
	// Revision is the commit that this rendering of the app is of; Author and
	// Subject are that commit's. They are for people and never compared.
	Revision string `json:"revision,omitempty"`
	Author   string `json:"author,omitempty"`
	Subject  string `json:"subject,omitempty"`
	// Held says why the app is held to this rendering, where the branch has
	// another one.
	Held *Held `json:"held,omitempty"`
	// Waits says why no rollout of the app may begin now, Frozen why nothing at
	// all may be done to it.
	Waits  string `json:"waits,omitempty"`
	Frozen string `json:"frozen,omitempty"`
	// Stuck says that it is frozen because something can't be read, which may
	// last, and not because it is just being read.
	Stuck bool `json:"stuck,omitempty"`
	// Unresolved says that this rendering is not to be rolled out, because it is
	// not known which image a reference stands for.
	Unresolved string `json:"unresolved,omitempty"`
	OnFailure  string `json:"onFailure"` // see the constants
	// DependsOn are the apps that come first; WaitsFor is one of them that is not
	// there yet, so that no rollout of this one may begin.
	DependsOn []string `json:"dependsOn,omitempty"`
	WaitsFor  string   `json:"waitsFor,omitempty"`
	// Promotion is where a commit has to prove itself before the app gets it.
	Promotion *Promotion `json:"promotion,omitempty"`
	// Stale tells of recorded digests that stand in, because a registry does not
	// give out what a reference stands for.
	Stale string `json:"stale,omitempty"`
	// PullSecrets are the Docker configurations with which its images are pulled,
	// in the order in which they are tried. They are no part of Digest.
	PullSecrets []SecretRef `json:"pullSecrets,omitempty"`
	// ImageRetention is how many good revisions' images stay on the hosts; 0 is
	// all of them.
	ImageRetention int `json:"imageRetention,omitempty"`
	// Preview is the number of the pull request that the app is a preview of; ""
	// for any other app.
	Preview string `json:"preview,omitempty"`
	// Previews are the rules for the app's own. They are no part of Digest.
	Previews *Previews `json:"previews,omitempty"`
	Services []Service `json:"services,omitempty"`
	Jobs     []Job     `json:"jobs,omitempty"`
	Networks []Network `json:"networks,omitempty"`
	Volumes  []Volume  `json:"volumes,omitempty"`
}

// Promotion lets a commit into an app when another one, From, has been healthy
// with it for the time of Soak.
type Promotion struct {
	From string        `json:"from"`
	Soak time.Duration `json:"soak"`
}

// Previews are the rules for which pull requests run beside an app: those with the
// label, Max at a time, each for TTL after its last commit.
type Previews struct {
	Label string        `json:"label"`
	TTL   time.Duration `json:"ttl"`
	Max   int           `json:"max"`
}

// PreviewPriority is that of what belongs to previews: everything else goes before.
const PreviewPriority = -1

// What a failed rollout leads to.
const (
	OnFailureRollback = "rollback" // the whole app goes back to its last good revision
	OnFailureRevert   = "revert"   // the same, and the commit is reverted in Git
	OnFailurePause    = "pause"    // everything stays as it is
	OnFailureContinue = "continue" // the app's other services go on
)

// Why an app is held to another revision than the branch's.
const (
	HeldRollback = "rollback" // what the branch says has failed
	HeldPin      = "pin"      // a person pinned it
	HeldPause    = "pause"    // a person paused it
	HeldManual   = "manual"   // it does not follow the branch by itself
	HeldWindow   = "window"   // it follows the branch at certain times only
	HeldBehind   = "behind"   // an app that comes first is not there yet
	// HeldUnverified is for a revision that nobody signed who has to.
	HeldUnverified = "unverified"
	// HeldSoak is for a revision that has not proved itself yet where it has to.
	HeldSoak = "soak"
	// HeldUnresolved is for a revision of which no registry said what its images
	// are.
	HeldUnresolved = "unresolved"
)

// Held says why an app is held to another revision than the branch's.
type Held struct {
	Kind string `json:"kind"`
	// Revision is the one that the branch says.
	Revision string `json:"revision"`
	Reason   string `json:"reason"`
	// Waits is why the branch's revision is not tried, where another one is what
	// has failed.
	Waits string `json:"waits,omitempty"`
}

// Why tells all of it.
func (h *Held) Why() string {
	if h.Waits == "" {
		return h.Reason
	}
	return h.Reason + "; what the branch says now waits: " + h.Waits
}

// Sync says what may be done without a person.
type Sync struct {
	Auto        bool `json:"auto"`
	Prune       bool `json:"prune"`
	SelfHeal    bool `json:"selfHeal"`
	MaxRemovals int  `json:"maxRemovals"`
	// Windows are when rollouts may begin; none is always.
	Windows []schedule.Window `json:"windows,omitempty"`
}

// DefaultSync is the policy of apps that do not say, and of an app whose
// manifests have gone altogether.
func DefaultSync() Sync {
	return Sync{Auto: true, Prune: true, SelfHeal: true, MaxRemovals: 10}
}

// Service modes.
const (
	ModeReplicated = "replicated"
	ModeGlobal     = "global"
)

// Service is a long-running workload of an app.
type Service struct {
	App  string `json:"app"`
	Name string `json:"name"`
	Mode string `json:"mode"`
	// Replicas is a decided number: today the manifest's, later perhaps the
	// autoscaler's. ReplicasCause says whose it is.
	Replicas      int    `json:"replicas"`
	ReplicasCause string `json:"replicasCause,omitempty"`
	// Pull is always, missing or never.
	Pull        string        `json:"pull"`
	Container   ContainerSpec `json:"container"`
	Fingerprint string        `json:"fingerprint"`
	// Platforms are those of its images, as far as they are known. No commit asks
	// for them: they are no part of a rendering.
	Platforms Platforms `json:"-"`
	// Members are the containers of each replica besides the main one, which
	// Container is: init containers and sidecars, each in their order.
	Members []Member `json:"members,omitempty"`
	// Reserve is what is set aside for each replica on its host.
	Reserve Resources `json:"reserve,omitzero"`
	// Priority decides who gets room where there is too little.
	Priority  int       `json:"priority,omitempty"`
	Placement Placement `json:"placement,omitzero"`
	Update    Update    `json:"update"`
	// MinAvailable is how many replicas nothing that is done on purpose goes below:
	// no rollout, no drain, no move. As in Kubernetes a share is rounded up, and
	// what is down by accident counts as not available; unlike there, rollouts and
	// removals keep to it too.
	MinAvailable Portion  `json:"minAvailable,omitzero"`
	DependsOn    []string `json:"dependsOn,omitempty"`
	// Ignore are paths of fields in which a container may differ from Container,
	// in the form in which plan prints them.
	Ignore []string `json:"ignore,omitempty"`
	// Holds are the exclusive volumes that it mounts, sorted by name.
	Holds []Hold `json:"holds,omitempty"`
	// OnHostLoss is what becomes of replicas on a lost host: wait or move.
	OnHostLoss string `json:"onHostLoss,omitempty"`
	// Guard is what happens when the service's manifest goes.
	Guard Guard `json:"guard,omitzero"`
	// Preview is that of the app.
	Preview string `json:"preview,omitempty"`
}

// NoneToSpare says whether the budget lets none of the replicas be stopped, even
// when all of them are available.
func (s *Service) NoneToSpare() bool {
	if s.Mode == ModeGlobal {
		return s.MinAvailable == Portion{N: 100, Percent: true}
	}
	return s.Replicas > 0 && s.MinAvailable.Up(s.Replicas) >= s.Replicas
}

// Update orders. Auto is start-first, and stop-first where two copies of one
// replica can't coexist.
const (
	OrderAuto       = "auto"
	OrderStartFirst = "start-first"
	OrderStopFirst  = "stop-first"
)

// Update is how replicas are replaced. Portions are of all replicas; for mode
// global, of the hosts that get one.
type Update struct {
	Order string `json:"order"`
	// Parallelism is how many replicas are in hand at once. It bounds how many
	// may be away, so a share is rounded down as Kubernetes' maxUnavailable is,
	// but never to none; a plain 0 is all at once, as in Swarm.
	Parallelism Portion `json:"parallelism"`
	// Delay is how long after a replica became ready the next one is begun. In
	// Swarm each of the parallel workers waits for itself; here nothing of the
	// service is begun while any of its replicas became ready so recently.
	Delay time.Duration `json:"delay,omitempty"`
	// Monitor is how long a replica is watched from its start. In Swarm it is
	// watched from when it became healthy; engines don't report when that was, so
	// that time would begin anew with each controller. And in Swarm what fails
	// after that is no failure of the update; here it is until the rollout ends.
	Monitor time.Duration `json:"monitor"`
	// MinHealthy has to be there, so a share is rounded up.
	MinHealthy Portion `json:"minHealthy,omitzero"`
	// Deadline is how long no replica may become ready, as in Nomad, and not how
	// long the rollout may take.
	Deadline time.Duration `json:"deadline"`
	// MaxFailures is how many replicas may fail; a share is rounded down.
	MaxFailures Portion `json:"maxFailures"`
	Canary      Canary  `json:"canary,omitzero"`
}

// Canary is how many replicas are new before the others follow, and when they
// do. As in Nomad they run beside the old ones until then; they are the first
// slots and not further ones.
type Canary struct {
	Replicas Portion `json:"replicas,omitzero"`
	// PromoteAfter is how long all of them have to have been ready.
	PromoteAfter time.Duration `json:"promoteAfter,omitempty"`
	Manual       bool          `json:"manual,omitempty"` // a person promotes them
}

// Wanted says whether there is to be a canary.
func (c Canary) Wanted() bool { return c.Replicas != Portion{} }

// Of is how many of so many replicas are the canary: a share is rounded up, so
// that there is one.
func (c Canary) Of(total int) int { return max(c.Replicas.Up(total), 1) }

// AtOnce is how many of so many replicas are in hand at once.
func (u Update) AtOnce(total int) int {
	if u.Parallelism == (Portion{}) {
		return max(total, 1)
	}
	return max(u.Parallelism.Down(total), 1)
}

// Network is a network of an app; it is made on the hosts whose replicas join
// it. HostName carries a hash of the settings, so a changed network is another
// network, which the replicas move to as they are replaced.
type Network struct {
	App      string            `json:"app"`
	Name     string            `json:"name"`
	HostName string            `json:"hostName"`
	Driver   string            `json:"driver"`
	Internal bool              `json:"internal,omitempty"`
	Subnet   string            `json:"subnet,omitempty"`
	Gateway  string            `json:"gateway,omitempty"`
	IPRange  string            `json:"ipRange,omitempty"`
	Options  map[string]string `json:"options,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	// External says that somebody else makes and removes it; HostName is its
	// name there.
	External bool `json:"external,omitempty"`
}

// Volume is a volume of an app; it is made on the hosts whose replicas mount
// it and never removed, unless it is a preview's.
type Volume struct {
	App      string            `json:"app"`
	Name     string            `json:"name"`
	HostName string            `json:"hostName"`
	Driver   string            `json:"driver"`
	Options  map[string]string `json:"options,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	// Protect refuses its removal, which only people ask for.
	Protect bool `json:"protect,omitempty"`
	// External says that somebody else makes it; HostName is its name there.
	External bool `json:"external,omitempty"`
	// Exclusive says that one container may have it at a time, see Hold.
	Exclusive bool `json:"exclusive,omitempty"`
}
