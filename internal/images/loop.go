package images

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/internal/registry"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// Registry is what registries are asked.
type Registry interface {
	Tags(ctx context.Context, image string, keys registry.Keychain) ([]string, error)
	Resolve(ctx context.Context, ref string, keys registry.Keychain) (string, error)
}

// Journal is what is remembered of rollouts and of pull requests.
type Journal interface {
	// History is the last n rollouts of an app, the newest first.
	History(app string, n int) ([]rollout.Record, error)
	// Asked are the pull requests that were asked for, the newest first.
	Asked() ([]report.ImagesAsked, error)
	Ask(report.ImagesAsked) error
}

// Loop follows images.
type Loop struct {
	// InForce is the commit whose manifests count, "" while that is not what the
	// branch points to: nothing is built on what is refused.
	InForce func() string
	// Committed is told when there is something new on the branch.
	Committed func()
	// Keys are an app's own credentials for registries, and after them those of the
	// installation.
	Keys       func(set *manifest.Set) (func(app string) (registry.Keychain, error), error)
	Registry   Registry
	Repository *git.Repository
	Loader     *manifest.Loader
	Journal    Journal
	Forge      forge.Forge // nil where there is none to ask for anything
	Path       string      // of the manifests within the repository
	Branch     string      // the followed one
	By         git.Signature
	Log        *slog.Logger

	due  map[string]*due // by what the policy says
	read reading

	mu    sync.Mutex
	fares []report.ImagePolicy // as others may see them; replaced, not changed
}

// due is when a policy's registry is asked next, and how it fared up to now.
type due struct {
	at       time.Time
	failures int
	fare     report.ImagePolicy
}

const (
	// tick is how soon a new policy is seen.
	tick = 5 * time.Second
	// lookTime bounds one round.
	lookTime = 5 * time.Minute
	// longestRest is how long a policy that fails again and again is left, where its
	// own interval is shorter.
	longestRest = time.Hour
)

// Run follows until ctx ends.
func (l *Loop) Run(ctx context.Context) {
	timer := time.NewTicker(tick)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		bounded, cancel := context.WithTimeout(ctx, lookTime)
		err := l.Look(bounded, time.Now())
		cancel()
		if err != nil && ctx.Err() == nil {
			l.Log.Warn("images can't be followed as they should be, which is tried again", "error", err)
		}
	}
}

// reading is the manifests of a revision.
type reading struct {
	revision string
	tree     fs.FS
	set      *manifest.Set
}

// at reads the manifests of a revision, unless they were read the last time.
func (l *Loop) at(revision string) (reading, error) {
	if l.read.revision == revision {
		return l.read, nil
	}
	tree, err := l.Repository.Tree(revision, l.Path)
	var set *manifest.Set
	if err == nil {
		set, err = l.Loader.Load(tree)
	}
	if err != nil {
		return reading{}, fmt.Errorf("read image policies: %w", err)
	}
	l.read = reading{revision, tree, set}
	return l.read, nil
}

// round is one look at the policies that are due.
type round struct {
	*Loop
	reading
	policies []*manifest.ImagePolicy
	now      time.Time
	asked    map[*manifest.ImagePolicy]error // what came of asking the registries
	failed   map[*manifest.ImagePolicy]error // what kept answers from being followed
	errs     []error
}

// Look asks for the policies that are due, and commits what is newer. One that
// fails does not keep the others waiting, and is asked for less and less often.
func (l *Loop) Look(ctx context.Context, now time.Time) error {
	revision := l.InForce()
	if revision == "" {
		return nil
	}
	read, err := l.at(revision)
	if err != nil {
		return l.unread(err, now)
	}
	r := &round{Loop: l, reading: read, now: now, asked: map[*manifest.ImagePolicy]error{}, failed: map[*manifest.ImagePolicy]error{}}
	r.choose()
	r.publish()
	if len(r.policies) == 0 {
		return nil
	}
	r.follow(ctx)
	r.conclude()
	r.publish()
	return errors.Join(r.errs...)
}

// follow asks, and does what is to be done about the answers.
func (r *round) follow(ctx context.Context) {
	bumps, err := r.bumps(ctx, r.ask(ctx))
	r.settle()
	if err != nil {
		r.fail(err, r.policies...)
		return
	}
	for _, b := range batches(bumps, r.tree) {
		for _, l := range b.left {
			r.fail(l.err, l.policy)
		}
		if len(b.bumps) > 0 {
			r.carryOut(ctx, b)
		}
	}
	if r.Forge != nil {
		r.review(ctx)
	}
}

// choose takes the policies that are due, and forgets those that are no more.
func (r *round) choose() {
	still := map[string]*due{}
	for _, p := range r.set.ImagePolicies {
		key := says(p)
		if still[key] = r.due[key]; still[key] == nil {
			still[key] = &due{}
		}
		if !r.now.Before(still[key].at) {
			r.policies = append(r.policies, p)
		}
	}
	r.due = still
}

// says stands for what a policy says: one that says something else is due at once.
func says(p *manifest.ImagePolicy) string {
	return fmt.Sprintf("%s %s %+v", p.App, p.Metadata.Name, p.Spec)
}

// settle says when the policies that were asked for are due again: once a round, when
// all that a registry has to answer was answered.
func (r *round) settle() {
	for _, p := range r.policies {
		if err, asked := r.asked[p]; asked {
			r.rest(p, err)
		}
	}
}

// rest is until when a policy is left.
func (r *round) rest(p *manifest.ImagePolicy, err error) {
	d, wait := r.due[says(p)], time.Duration(p.Spec.Interval)
	if err == nil {
		d.failures = 0
	} else {
		r.errs = append(r.errs, fmt.Errorf("follow image %q for policy %q: %w", p.Spec.Image, p.Metadata.Name, err))
		wait = max(wait, min(wait<<min(d.failures, 10), longestRest))
		d.failures++
	}
	d.at = r.now.Add(wait)
}

// soon has a policy asked for again at once: its registry has answered, and what
// was to be built on has moved.
func (r *round) soon(policy string) {
	for _, p := range r.policies {
		if p.Metadata.Name == policy {
			r.due[says(p)].at = time.Time{}
		}
	}
}
