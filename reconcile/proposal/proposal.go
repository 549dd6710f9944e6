package proposal

import (
	"errors"
	"time"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/policy"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
	"github.com/tallyman-io/tallyman/reconcile/whatif"
)

// Proposal is what merging one commit into another would do.
type Proposal struct {
	Base Commit `json:"base"`
	Head Commit `json:"head"`
	// Invalid says of a base that is refused what stands in for it.
	Invalid *Invalid `json:"invalid,omitempty"`
	// Failure says why there is no answer, Errors the mistakes in the manifests
	// where it is these.
	Failure string            `json:"failure,omitempty"`
	Errors  []*manifest.Error `json:"errors,omitempty"`
	// Unverified says why the controller would refuse it although it is good: commits
	// that nobody signed.
	Unverified string `json:"unverified,omitempty"`
	// Violations are the rules that it breaks, of the base and of its own, Warnings
	// what a person should look at twice.
	Violations []policy.Violation `json:"violations,omitempty"`
	Warnings   []Warning          `json:"warnings,omitempty"`
	Counts     Counts             `json:"counts"`
	// Apps are those of which something would change.
	Apps []AppEffects `json:"apps,omitempty"`
	// Drift is what differs between the base and the hosts, whatever becomes of
	// the proposal.
	Drift Drift `json:"drift"`
	// Unknown are hosts that could not be looked at. They are taken to be what
	// their manifests say, with nothing amiss.
	Unknown []string `json:"unknown,omitempty"`
}

// Refused is a proposal that can't be merged, or is not good.
func Refused(base, head Commit, why error) Proposal {
	p := Proposal{Base: base, Head: head, Failure: why.Error()}
	var mistakes manifest.Errors
	if errors.As(why, &mistakes) {
		p.Errors = mistakes
	}
	return p
}

// Empty says whether there is nothing to tell: it changes nothing that concerns
// the hosts.
func (p *Proposal) Empty() bool {
	return len(p.Apps) == 0 && len(p.Warnings) == 0 && len(p.Violations) == 0 && p.Unverified == "" && p.Failure == ""
}

// Refused says whether the controller would refuse what it leads to, or could not be
// told.
func (p *Proposal) Refused() bool {
	return len(p.Violations) > 0 || p.Unverified != "" || p.Failure != ""
}

// Commit is one side of a proposal. Name is what it was called when it was asked
// for, such as a branch.
type Commit struct {
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Subject string `json:"subject,omitempty"`
	Author  string `json:"author,omitempty"`
}

// Invalid is a base that no hosts are held to. What is proposed is told against what
// is in its place.
type Invalid struct {
	// Since is the first of the commits, up to the base, that are not valid; Error is
	// what is wrong with the base.
	Since Commit `json:"since"`
	Error string `json:"error"`
	// Against is what it is compared with: what the hosts are held to, or else the
	// newest commit before that is valid.
	Against Commit `json:"against"`
	InForce bool   `json:"inForce,omitempty"`
}

// Counts are how many replicas, runs of jobs, networks and volumes there are of
// each verdict. Images are not counted: they come with what needs them.
type Counts struct {
	Create  int `json:"create"`
	Update  int `json:"update"`
	Replace int `json:"replace"`
	Remove  int `json:"remove"`
	Run     int `json:"run"`
	// Held are removals that wait for a person. They are not among the others.
	Held    int `json:"held"`
	Blocked int `json:"blocked"`
}

// Add counts one more.
func (c *Counts) Add(of *Effect) {
	switch {
	case of.Key.Kind == plan.KindImage:
	case of.HeldBy != "":
		c.Held++
	case of.Verdict == plan.Create:
		c.Create++
	case of.Verdict == plan.Update:
		c.Update++
	case of.Verdict == plan.Replace:
		c.Replace++
	case of.Verdict == plan.Remove:
		c.Remove++
	case of.Verdict == plan.Run:
		c.Run++
	case of.Verdict == plan.Blocked:
		c.Blocked++
	}
}

// AppEffects is what would become of an app.
type AppEffects struct {
	Name    string   `json:"name"`
	Counts  Counts   `json:"counts"`
	Effects []Effect `json:"effects"`
}

// Effect is one thing that would be different: a change of a plan, without the
// engine calls.
type Effect struct {
	Key     plan.Key     `json:"key"`
	Host    string       `json:"host,omitempty"`
	Verdict plan.Verdict `json:"verdict"`
	Reasons []string     `json:"reasons,omitempty"`
	Removal bool         `json:"removal,omitempty"`
	HeldBy  string       `json:"heldBy,omitempty"`
	// Displaced says that the replica gives way to one of higher priority.
	Displaced bool `json:"displaced,omitempty"`

	kept bool // its removal is left to people
}

// Drift is what differs between the base and the hosts. Its changes have no
// reasons: what somebody has set by hand on a host is nothing to be published.
type Drift struct {
	// Known says whether any host could be looked at.
	Known bool `json:"known"`
	// Absent is the owner, where nothing of theirs is on any of these hosts. Then
	// nothing else is said: these are likely not the hosts, or that is not the owner.
	Absent string       `json:"absent,omitempty"`
	Counts Counts       `json:"counts"`
	Apps   []AppEffects `json:"apps,omitempty"`
}

// Side is one of the two states that a proposal is made of.
type Side struct {
	Commit  Commit
	Set     *manifest.Set
	Desired *model.Desired
}

// Ask is one of the questions that Decide is asked.
type Ask struct {
	Desired *model.Desired
	// Leaving are hosts that the desired state no longer has.
	Leaving []model.Host
	Guards  model.Guards
	// Manual says that a person wants all of it, AllowRemovals that no removal is
	// held.
	Manual, AllowRemovals bool
}

// Input is what a proposal is made from.
type Input struct {
	// Base is what is there, Merged what there would be. Their images are those
	// that the base's were resolved to, and nothing of the proposal is resolved.
	Base, Merged Side
	// Live is what the hosts reported, in a form that may be changed. Asked are
	// the images that they were asked for: whether they have others is not known,
	// and taken for granted.
	Live  model.Live
	Asked []string
	// Machine is what a host has of which nobody knows, and whose manifest does
	// not say.
	Machine model.HostInfo
	// State, Guards and Leaving are what the controller remembers.
	State   rollout.State
	Guards  model.Guards
	Leaving []model.Host
	Now     time.Time
	// AllowedRemovals are how many the proposal's commit wants to be let through.
	AllowedRemovals int
	// Signatures are those that are asked for, by the names of apps.
	Signatures []Signature
	// Decide is one pass over a moment, of which Live may be changed. It is asked
	// in the order in which things would happen.
	Decide func(Ask, whatif.Moment) whatif.Decision
}
