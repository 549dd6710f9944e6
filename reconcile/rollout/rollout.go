// Package rollout says which steps of a plan may be taken now, and in what
// state each app is on its way to its revision.
//
// It decides from the plan, the live state, the time and what the journal
// remembers, and from nothing else: how far a rollout has come is read off the
// containers in every pass, so a controller that is killed between any two ops
// goes on where it was. Time is an argument, and the answer says when to ask
// again if nothing happens before.
//
// An app in phase Progressing is being taken to its revision: what fails there
// fails the rollout. In phase Complete the same steps are healing: what fails
// is tried again, ever more slowly, and given up in the end. In phase Failed
// nothing new is begun until the manifests change.
//
// Which revision an app is on its way to is decided first, by Choose: going back
// after a failure is another rollout, to the app as it was when it was good, and
// a hold keeps what has failed from being tried again.
package rollout

import (
	"maps"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// Phase is where an app is on its way to a revision.
type Phase string

// The phases.
const (
	Progressing Phase = "progressing"
	Complete    Phase = "complete"
	Failed      Phase = "failed"
)

// Record is one rollout of an app, as the journal keeps it.
type Record struct {
	App      string `json:"app"`
	Revision string `json:"revision"`
	// Author and Subject are the commit's.
	Author  string `json:"author,omitempty"`
	Subject string `json:"subject,omitempty"`
	// RollbackOf is the revision whose failure this rollout goes back from. One
	// that fails itself leads to no other.
	RollbackOf string `json:"rollbackOf,omitempty"`
	// Because says why the app goes to this revision, where that is not simply
	// what the branch says.
	Because string `json:"because,omitempty"`
	// Changed says what the rollout changes, service by service.
	Changed []string `json:"changed,omitempty"`
	// Images are the digests that the app's image references were resolved to.
	Images map[string]string `json:"images,omitempty"`
	// Undigested are its references that have none, as with pull never.
	Undigested []string `json:"undigested,omitempty"`
	// Digest is the rendered app's; another commit with the same digest is
	// not another rollout.
	Digest    string    `json:"digest"`
	StartedAt time.Time `json:"startedAt"`
	EndedAt   time.Time `json:"endedAt,omitzero"`
	Phase     Phase     `json:"phase"`
	// Again says that this rendering has been tried before: its containers may be
	// there, and are to be judged like those that the rollout makes.
	Again bool `json:"again,omitempty"`
	// Retry says that a person wants a rollout that has failed to be begun anew,
	// as soon as one may begin.
	Retry bool `json:"retry,omitempty"`
	// Reason says why it failed: which replica, which host, what happened.
	Reason string `json:"reason,omitempty"`
	// Service and Container are what failed, when it was one container's fault.
	Service   string `json:"service,omitempty"`
	Container string `json:"container,omitempty"`
	Host      string `json:"host,omitempty"`
	// PulledWith stands for the pull secrets with which an image could not be
	// had, when that is why it failed: with other ones it is worth another try.
	PulledWith string `json:"pulledWith,omitempty"`
	// Log are the container's last log lines, which whoever can read logs fills
	// in.
	Log string `json:"log,omitempty"`
	// Courses are how far the services have come, by name, while they are on
	// their way.
	Courses map[string]Course `json:"courses,omitempty"`
	// Sync is the app's policy as its manifests last said it. It goes on
	// guarding what is left when the manifests have gone.
	Sync model.Sync `json:"sync,omitzero"`
	// Gone says that no manifest names the app any more. Should it come back, it
	// is rolled out, and not taken for one that is merely healed.
	Gone bool `json:"gone,omitempty"`
	// Preview is the number of the pull request that the app is a preview of.
	Preview string `json:"preview,omitempty"`
}

// News says whether r is another rollout than old, or has come further.
func (r Record) News(old Record) bool {
	return !r.StartedAt.Equal(old.StartedAt) || r.Phase != old.Phase || r.Gone != old.Gone || r.Reason != old.Reason
}

// end closes the rollout; failure has what failed, if anything did.
func (r *Record) end(phase Phase, now time.Time, failure Record) {
	r.Phase, r.EndedAt, r.Log = phase, now, ""
	if phase == Complete {
		r.Courses = nil
	}
	r.Reason, r.Service, r.Container, r.Host = failure.Reason, failure.Service, failure.Container, failure.Host
	r.PulledWith = failure.PulledWith
}

// Attempt is what became of the tries to put one thing right.
type Attempt struct {
	Count int       `json:"count"`
	Last  time.Time `json:"last"`
	// Reason is why the last try failed; "" while it runs or when it worked.
	Reason string `json:"reason,omitempty"`
	// Recurs says that what was put right may come back by itself.
	Recurs bool `json:"recurs,omitempty"`
	// Permanent says that trying again is no use.
	Permanent bool `json:"permanent,omitempty"`
}

// State is what is remembered between passes: the rollouts and what apps are
// held to, which the journal keeps, and the tries, which may be lost without
// harm.
type State struct {
	Records   map[string]Record
	Standings map[string]Standing
	// Pins are people's orders about hosts, by name; the journal keeps them too.
	Pins     map[string]model.HostPin
	Attempts map[plan.Key]Attempt
	// Well are apps on which others depend, and which were healthy where they
	// should be when they were looked at last. That too may be lost: then they
	// are looked at before anything that depends on them begins.
	Well map[string]bool
}

// Clone is a copy whose maps are its own.
func (s State) Clone() State {
	return State{Records: cloned(s.Records), Standings: cloned(s.Standings), Pins: cloned(s.Pins), Attempts: cloned(s.Attempts), Well: cloned(s.Well)}
}

func cloned[K comparable, V any](m map[K]V) map[K]V {
	out := make(map[K]V, len(m))
	maps.Copy(out, m)
	return out
}

// Input is all that a decision is made from.
type Input struct {
	Desired *model.Desired
	Live    *model.Live
	Plan    *plan.Plan
	// Rooms are how much of the hosts is set aside.
	Rooms []model.Room
	// Runs is what is to become of the runs of jobs.
	Runs  []plan.Runs
	Now   time.Time
	State State
	// Busy are the things that a task is at work on, each with the digest of
	// its app when the task began.
	Busy map[plan.Key]string
	// Manual says that a person asked for this revision, so apps that do not
	// follow the branch by themselves are rolled too.
	Manual bool
}

// Task is a run of ops on one thing, to be performed one after the other.
type Task struct {
	Key    plan.Key
	Digest string // of the app, see Input.Busy
	Ops    []model.Op
	Reason string
}

// Result is a decision.
type Result struct {
	// Tasks may begin now.
	Tasks []Task
	// Cancel are tasks at work that nobody wants any more.
	Cancel []plan.Key
	// State is the input's state, carried on.
	State State
	// Held says of things with something to do why it is not done now.
	Held map[plan.Key]string
	// Canaries are those that wait to be promoted, by app.
	Canaries map[string]Canary
	// Wake is when to decide again if nothing happens before; zero is never.
	Wake time.Time
}

// Decide says what may be done now. It changes nothing of its input.
func Decide(in Input) Result {
	d := newDecider(&in)
	var gone [][]plan.Change
	changes := in.Plan.Changes
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].Key.App == changes[0].Key.App {
			n++
		}
		if app := d.apps[changes[0].Key.App]; app != nil {
			d.roll(app, changes[:n])
		} else {
			gone = append(gone, changes[:n])
		}
		changes = changes[n:]
	}
	d.emptyApps()
	d.markGone(gone)
	for _, changes := range gone {
		d.goneApp(changes)
	}
	d.cancelStale()
	return d.out
}

// decider carries one decision.
type decider struct {
	in         *Input
	out        Result
	apps       map[string]*model.App
	hosts      map[string]*model.HostState
	containers map[string]*model.Container // by id; made when first needed
	seen       map[string]bool             // apps that the plan speaks of
	unsettled  string                      // an app that is on its way: what has gone may be needed in its place
	depended   map[string]bool             // apps on which others depend
	proving    map[string]bool             // apps from which others are promoted
	tried      map[string]bool             // apps that had tries when the pass began; made when first needed
	waiting    []room                      // what new containers can't start without
	going      map[string][]*plan.Change   // see goingFrom
	ended      map[plan.Key]bool           // of these, those that go now to make room
	crowded    map[string]model.Resources  // by host, see crowd
	copies     map[string]model.Resources  // see secondCopies
	leaving    []*plan.Change              // replicas with containers that are to go; made when first needed
}

func newDecider(in *Input) *decider {
	d := &decider{in: in, apps: map[string]*model.App{}, hosts: map[string]*model.HostState{}, seen: map[string]bool{}, depended: map[string]bool{}, proving: map[string]bool{}}
	d.out.Held = map[plan.Key]string{}
	d.out.Canaries = map[string]Canary{}
	d.out.State = in.State.Clone()
	d.out.State.Well = map[string]bool{}
	for i := range in.Desired.Apps {
		for _, name := range comesFirst(&in.Desired.Apps[i]) {
			d.depended[name] = true
		}
		if p := in.Desired.Apps[i].Promotion; p != nil {
			d.proving[p.From] = true
		}
		d.apps[in.Desired.Apps[i].Name] = &in.Desired.Apps[i]
	}
	for i := range in.Live.Hosts {
		d.hosts[in.Live.Hosts[i].Name] = &in.Live.Hosts[i]
	}
	return d
}

func (d *decider) container(id string) *model.Container {
	if d.containers == nil {
		d.containers = map[string]*model.Container{}
		for _, h := range d.in.Live.Hosts {
			for i := range h.Containers {
				if h.Containers[i].Owner.Owner == d.in.Desired.Owner {
					d.containers[h.Containers[i].ID] = &h.Containers[i]
				}
			}
		}
	}
	return d.containers[id]
}

// wakeAt asks for another decision at t.
func (d *decider) wakeAt(t time.Time) {
	if t.After(d.in.Now) && (d.out.Wake.IsZero() || t.Before(d.out.Wake)) {
		d.out.Wake = t
	}
}

// soon asks for another decision at once, by another choice.
func (d *decider) soon() { d.wakeAt(d.in.Now.Add(time.Millisecond)) }

// emptyApps ends the rollouts of apps that ask for nothing on any host.
func (d *decider) emptyApps() {
	for name, app := range d.apps {
		if !d.seen[name] {
			d.roll(app, nil)
		}
	}
}

// markGone notes which apps no manifest names any more. Their rollouts are
// forgotten with the last that is left of them: until then their policies count.
func (d *decider) markGone(left [][]plan.Change) {
	for name, record := range d.out.State.Records {
		if d.apps[name] != nil || record.Preview != "" && !d.in.Desired.PreviewsKnown {
			continue
		}
		if !slices.ContainsFunc(left, func(changes []plan.Change) bool { return changes[0].Key.App == name }) {
			delete(d.out.State.Records, name)
			delete(d.out.State.Standings, name)
			continue
		}
		record.Gone = true
		d.out.State.Records[name] = record
	}
}

// cancelStale ends tasks that were begun for another rendering of their app:
// a newer commit does not wait for an older one's ops.
func (d *decider) cancelStale() {
	for key, digest := range d.in.Busy {
		current := ""
		if app := d.apps[key.App]; app != nil {
			current = app.Digest
		}
		if digest != current {
			d.out.Cancel = append(d.out.Cancel, key)
		}
	}
	slices.SortFunc(d.out.Cancel, plan.CompareKeys)
	d.out.Cancel = slices.Compact(d.out.Cancel)
}
