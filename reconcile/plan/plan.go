// Package plan says what is different between what Git asks for and what the
// hosts report, and which engine calls would end the difference.
//
// A Plan is the full difference, as plain data: every desired or owned thing
// is in it exactly once, with a verdict and the reasons for it, also when
// nothing is to be done. It is the same value that `tallyman plan` prints and
// that the controller works from; there is no second path for a dry run.
//
// When a step may be taken, and how many at once, is not decided here but in
// package rollout, from the gates that the steps carry. This package knows no
// clock, and the same input gives the same bytes.
package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/place"
)

// Kind is the kind of thing that a change is about.
type Kind string

// The kinds, in the order in which a plan lists them.
const (
	KindImage   Kind = "image"
	KindNetwork Kind = "network"
	KindVolume  Kind = "volume"
	KindReplica Kind = "replica"
	KindRun     Kind = "run"
)

// Key names one thing: a replica by app, service and slot (wherever it runs), a
// try of a job's run by app, the job as service, and run and try as slot,
// the others by app, host and name.
type Key struct {
	Kind    Kind   `json:"kind"`
	App     string `json:"app,omitempty"`
	Service string `json:"service,omitempty"`
	Slot    string `json:"slot,omitempty"`
	Host    string `json:"host,omitempty"`
	Name    string `json:"name,omitempty"`
}

// String is the key for people: `shop/web-2`, `network shop-front-1a2b3c4d on edge-1`.
func (k Key) String() string {
	if k.Kind == KindReplica || k.Kind == KindRun {
		return k.App + "/" + k.Service + "-" + k.Slot
	}
	return string(k.Kind) + " " + model.ShortImage(k.Name) + " on " + k.Host
}

// Verdict is what the diff says of one thing.
type Verdict string

// The verdicts.
const (
	Unchanged Verdict = "unchanged"
	Update    Verdict = "update"  // put right where it is
	Replace   Verdict = "replace" // by a new one
	Create    Verdict = "create"
	Remove    Verdict = "remove"
	Blocked   Verdict = "blocked" // something is to be done and can't be
	Unowned   Verdict = "unowned" // looks like ours and is not; never touched
	Run       Verdict = "run"     // of a job's run: it begins
	Waits     Verdict = "waits"   // of a job: nothing is to be done yet
)

// Gate is what a step waits for, besides the steps before it.
type Gate string

// The gates.
const (
	// Now waits for nothing.
	Now Gate = ""
	// Healthy waits until the replica that takes over is healthy.
	Healthy Gate = "healthy"
	// InTurn waits for the containers of the pod before it: for an init container
	// to exit with code 0, for a sidecar to run and be healthy.
	InTurn Gate = "in turn"
	// Idle waits until nothing of the app uses the thing any more: its
	// replicas are where they should be, healthy.
	Idle Gate = "idle"
)

// Step is one op and what it waits for.
type Step struct {
	Op    model.Op
	After Gate
}

// MarshalJSON writes the step as {"op", "args", "after"}.
func (s Step) MarshalJSON() ([]byte, error) {
	op, err := json.Marshal(model.OpJSON{Op: s.Op})
	if err != nil || s.After == Now {
		return op, err
	}
	return fmt.Appendf(op[:len(op)-1], `,"after":%q}`, s.After), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Step) UnmarshalJSON(data []byte) error {
	var op model.OpJSON
	if err := json.Unmarshal(data, &op); err != nil {
		return err
	}
	var gate struct {
		After Gate `json:"after"`
	}
	if err := json.Unmarshal(data, &gate); err != nil {
		return err
	}
	s.Op, s.After = op.Op, gate.After
	return nil
}

// Change is one thing's verdict, why, and the steps that make it right.
type Change struct {
	Key     Key      `json:"key"`
	Host    string   `json:"host,omitempty"` // where the thing is or goes; "" when no host fits
	Verdict Verdict  `json:"verdict"`
	Reasons []string `json:"reasons,omitempty"`
	Steps   []Step   `json:"steps,omitempty"`

	// Current is the id of the replica's container that is to stay, "" when
	// there is none yet.
	Current string `json:"current,omitempty"`
	// Old are the ids of the replica's other containers, which go.
	Old []string `json:"old,omitempty"`
	// Drift is in what the replica differs from what it was made as: somebody or
	// something has changed it since. A limit that the manifest has changed looks
	// the same.
	Drift []Difference `json:"drift,omitempty"`
	// Ignored are differences that the manifest wants to be left alone.
	Ignored []Difference `json:"ignored,omitempty"`

	// Yields says that the old containers stop although the new one can't start
	// yet: they hold the ports of others, which hold its own.
	Yields bool `json:"yields,omitempty"`
	// Displaced says for whom the replica leaves its host: it stays until that one
	// has been made.
	Displaced *place.Displaced `json:"displaced,omitempty"`
	// Onward says that the steps only carry on with a pod that is being brought
	// up: nothing had to be put right.
	Onward bool `json:"onward,omitempty"`
	// Swaps are the ids of sidecars that are replaced, or go, where their pod is.
	Swaps []string `json:"swaps,omitempty"`

	// Stays says why the replica is still on a host that it is to leave.
	Stays string `json:"stays,omitempty"`

	// Removal says that the change is the end of the thing, also while a guard
	// holds it back.
	Removal bool `json:"removal,omitempty"`
	// Kept says that the app's policy leaves the removal to people.
	Kept bool `json:"kept,omitempty"`
	// Preview says that the thing is a preview's: no guard holds its end back.
	Preview bool `json:"preview,omitempty"`
	// HeldBy is the guard that holds the removal until somebody agrees to it.
	HeldBy string `json:"heldBy,omitempty"`
	// LeftAlone says that the change is drift that the app does not want to be
	// put right by itself.
	LeftAlone bool `json:"leftAlone,omitempty"`
	// Orphaned says that the replica is let go of: its manifest has gone, and it
	// runs on.
	Orphaned bool `json:"orphaned,omitempty"`
}

// OnlyReported is the reason why drift is left alone.
const OnlyReported = "drift is only reported: sync.selfHeal is off for this app"

// Wanted says whether the change has anything to do.
func (c *Change) Wanted() bool {
	return c.Verdict != Unchanged && c.Verdict != Unowned && c.Verdict != Waits
}

// Plan is the whole difference at one revision.
type Plan struct {
	Revision string   `json:"revision"`
	Changes  []Change `json:"changes"`
	// Held are the apps that are held to another revision, with why.
	Held []HeldApp `json:"held,omitempty"`
	// Later are the apps that a controller does not roll yet, with why; whoever
	// applies the plan need not wait.
	Later []HeldApp `json:"later,omitempty"`
	// Pinned are the hosts that people cordoned or drained without a commit.
	Pinned []PinnedHost `json:"pinned,omitempty"`
}

// PinnedHost is a host that is not as its manifest says.
type PinnedHost struct {
	Host string        `json:"host"`
	Pin  model.HostPin `json:"pin"`
}

// HeldApp is an app that does not go to the plan's revision.
type HeldApp struct {
	App    string `json:"app"`
	At     string `json:"at,omitempty"` // the revision that it is held to; "" where there is none yet
	Kind   string `json:"kind"`
	Reason string `json:"reason"`
}

// Empty says whether nothing is to be done and nothing is blocked.
func (p *Plan) Empty() bool {
	for i := range p.Changes {
		if p.Changes[i].Wanted() {
			return false
		}
	}
	return true
}

// Ops are all ops of the plan in an order in which they could be performed one
// after the other: what is made, what goes, and what that was on.
func (p *Plan) Ops() []model.Op {
	var staged [stages][]model.Op
	for i := range p.Changes {
		for _, step := range p.Changes[i].Steps {
			n := p.Changes[i].stage(step)
			staged[n] = append(staged[n], step.Op)
		}
	}
	return slices.Concat(staged[:]...)
}

// stages are those of Ops.
const stages = 4

func (c *Change) stage(s Step) int {
	_, starts := s.Op.(model.StartContainer)
	switch {
	case c.Yields && (starts || s.After == Healthy):
		return 1 // the others have to give up their ports first
	case s.After != Idle:
		return 0
	case c.Key.Kind == KindReplica:
		return 2
	}
	return 3
}

// String is one line per change that is wanted, with its steps: the form that
// golden tests compare.
func (p *Plan) String() string {
	var b strings.Builder
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Verdict == Unchanged {
			continue
		}
		fmt.Fprintf(&b, "%s %s", c.Verdict, c.Key)
		if (c.Key.Kind == KindReplica || c.Key.Kind == KindRun) && c.Host != "" {
			fmt.Fprintf(&b, " on %s", c.Host)
		}
		fmt.Fprintf(&b, ": %s\n", strings.Join(c.Reasons, "; "))
		for _, s := range c.Steps {
			gate := ""
			if s.After != Now {
				gate = " when " + string(s.After)
			}
			fmt.Fprintf(&b, "  %s %s%s\n", model.Verb(s.Op), opTarget(s.Op), gate)
		}
	}
	return b.String()
}

func opTarget(op model.Op) string {
	switch o := op.(type) {
	case model.PullImage:
		return o.Image
	case model.LoadImage:
		return o.Image
	case model.CreateNetwork:
		return o.Network.HostName
	case model.RemoveNetwork:
		return o.Name
	case model.CreateVolume:
		return o.Volume.HostName
	case model.RemoveVolume:
		return o.Name
	case model.CreateContainer:
		return o.Owner.Name
	case interface{ Container() string }:
		return o.Container()
	}
	return ""
}

// CompareKeys orders keys as a plan lists them: by app, then what replicas need
// before the replicas.
func CompareKeys(a, b Key) int {
	return cmp.Or(
		cmp.Compare(a.App, b.App),
		cmp.Compare(kindOrder(a.Kind), kindOrder(b.Kind)),
		cmp.Compare(a.Service, b.Service),
		CompareSlots(a.Slot, b.Slot),
		cmp.Compare(a.Host, b.Host),
		cmp.Compare(a.Name, b.Name),
	)
}

func kindOrder(k Kind) int {
	switch k {
	case KindImage:
		return 0
	case KindNetwork:
		return 1
	case KindVolume:
		return 2
	case KindRun:
		return 4
	}
	return 3
}

// CompareSlots orders slots as people count: 2 before 10, numbers before host
// names.
func CompareSlots(a, b string) int {
	if numeric(a) && numeric(b) {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	}
	return cmp.Compare(a, b)
}

func numeric(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
