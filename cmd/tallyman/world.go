package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/docker"
	"github.com/tallyman-io/tallyman/reconcile/liveness"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// lookTime bounds one look at a host.
const lookTime = 15 * time.Second

// world is what a verb without a controller sees: one revision and one look at
// each host.
type world struct {
	repo              *git.Repository
	target, effective git.Commit
	sourceErr         error // why the target is not what is compared
	desired           *model.Desired
	live              model.Live
	memory            reconcile.Memory
	state             rollout.State // the memory's, as the choice left it
	engines           map[string]engine.Engine
	unusable          map[string]error // hosts of which not even a connection could be prepared
	cleanup           []func()
}

func (w *world) close() {
	for _, e := range w.engines {
		_ = e.Close() // nothing was written through it
	}
	for _, f := range w.cleanup {
		f()
	}
}

// look says which revision the hosts are compared with: the branch's when none
// is named. fallBack lets the last good one stand in for a bad one.
// asked says that a person asks what `apply` would do.
type look struct {
	revision        string
	fallBack, asked bool
}

// lookAround reads the repository and the hosts. It writes nothing but the
// mirror of the repository.
func (a *app) lookAround(ctx context.Context, o look) (w *world, err error) {
	w = &world{engines: map[string]engine.Engine{}, unusable: map[string]error{}}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.memory, err = a.remembered(ctx); err != nil {
		return w, err
	}
	if err := w.open(a); err != nil {
		return w, err
	}
	w.target, err = resolve(ctx, w.repo, o.revision)
	if err != nil {
		return w, err
	}
	if err := w.build(ctx, a, o.fallBack); err != nil {
		return w, err
	}
	w.choose(ctx, a, o.asked)
	return w, w.observe(ctx)
}

// remembered is the journal's content, from the controller if one holds it.
func (a *app) remembered(ctx context.Context) (reconcile.Memory, error) {
	c, err := a.controller(ctx)
	if err == nil && c != nil {
		defer c.Close()
		return c.Memory(ctx)
	}
	s, err := state.OpenReadOnly(a.global.stateDir)
	if errors.Is(err, state.ErrInUse) || errors.Is(err, os.ErrPermission) {
		return reconcile.Memory{}, nil
	}
	if err != nil {
		a.warn("%v; going on without the history", err)
		return reconcile.Memory{}, nil
	}
	defer s.Close() //nolint:errcheck // only read from
	return s.Load()
}

// open prepares the repository. Where the state directory is not ours to
// write, the mirror is a temporary one.
func (w *world) open(a *app) error {
	dir := a.global.stateDir
	if err := os.MkdirAll(mirrorDir(dir), 0o700); errors.Is(err, os.ErrPermission) {
		temporary, err := os.MkdirTemp("", "tallyman-")
		if err != nil {
			return fmt.Errorf("make a temporary mirror: %w", err)
		}
		w.cleanup = append(w.cleanup, func() { _ = os.RemoveAll(temporary) })
		dir = temporary
	}
	var err error
	w.repo, err = a.repository(dir)
	return err
}

// resolve finds the commit to compare with: the branch's, or another one.
func resolve(ctx context.Context, repo *git.Repository, revision string) (git.Commit, error) {
	if revision == "" {
		return repo.Fetch(ctx)
	}
	return repo.Resolve(ctx, revision)
}

// build makes the desired state. When the branch's manifests are not good,
// what was last accepted stays in force, as it does with a controller.
func (w *world) build(ctx context.Context, a *app, mayFallBack bool) error {
	var err error
	w.effective = w.target
	w.desired, err = w.render(ctx, a, w.target)
	if err == nil || !mayFallBack || w.memory.Accepted.Revision == "" || w.memory.Accepted.Revision == w.target.ID {
		return err
	}
	accepted, lookup := w.repo.Resolve(ctx, w.memory.Accepted.Revision)
	if lookup != nil {
		return err
	}
	d, old := w.render(ctx, a, accepted)
	if old != nil {
		return err
	}
	w.effective, w.desired, w.sourceErr = accepted, d, err
	return nil
}

// choose takes for each app the revision that it is held to.
func (w *world) choose(ctx context.Context, a *app, asked bool) {
	choice := reconcile.Choose(rollout.ChooseInput{
		Target: w.desired, Now: time.Now(), Manual: asked, Unordered: true,
		State: rollout.State{Records: w.memory.Records, Standings: w.memory.Standings},
	}, func(revision string) (*model.Desired, error) { return w.read(ctx, a, revision) })
	w.desired, w.state = choice.Desired, choice.State
}

// read is what another revision asks for.
func (w *world) read(ctx context.Context, a *app, revision string) (*model.Desired, error) {
	commit, err := w.repo.Resolve(ctx, revision)
	if err != nil {
		return nil, err
	}
	return w.render(ctx, a, commit)
}

// render makes the desired state of a revision. Registries are asked for what the
// journal does not remember of it.
func (w *world) render(ctx context.Context, a *app, commit git.Commit) (*model.Desired, error) {
	remembered := rollout.State{Records: w.memory.Records, Standings: w.memory.Standings}
	return a.build(ctx, w.repo, reconcile.BuildOptions{
		Commit: commit, Registries: a.registries(), Recorded: reconcile.Recorded(w.memory.Accepted, remembered, commit.ID),
	})
}

// build makes the desired state of a revision; without registries images stay as
// they are declared.
func (a *app) build(ctx context.Context, repo *git.Repository, o reconcile.BuildOptions) (*model.Desired, error) {
	o.Path, o.Owner, o.Secrets = a.global.path, a.global.owner, a.secrets()
	return reconcile.Build(ctx, repo, manifest.NewLoader(a.global.limits.manifest()), o)
}

// observe looks at all hosts at the same time.
func (w *world) observe(ctx context.Context) error {
	query := engine.Query{Owner: w.desired.Owner, Images: w.desired.Images(), DigestKey: w.desired.DigestKey, Resync: true}
	leaving := reconcile.Leaving(w.desired, w.memory.Hosts)
	hosts := slices.Concat(w.desired.Hosts, leaving)
	w.live.Hosts = make([]model.HostState, len(hosts))
	var wg sync.WaitGroup
	for i := range hosts {
		name := hosts[i].Name
		seen, known := w.memory.Hosts[name]
		w.live.Hosts[i] = model.HostState{Name: name, Known: known, Containers: seen.Containers, Volumes: seen.Volumes}
		e, err := docker.New(hosts[i])
		if err != nil {
			w.live.Hosts[i].Error, w.unusable[name] = err.Error(), err
			continue
		}
		w.engines[name] = e
		wg.Go(func() { lookAt(ctx, e, query, &w.live.Hosts[i]) })
	}
	wg.Wait()
	w.live.Hosts = slices.DeleteFunc(w.live.Hosts, func(h model.HostState) bool {
		return !h.Reachable && slices.ContainsFunc(leaving, func(l model.Host) bool { return l.Name == h.Name })
	})
	w.evict()
	slices.SortFunc(w.live.Hosts, func(a, b model.HostState) int { return strings.Compare(a.Name, b.Name) })
	return ctx.Err()
}

// evict leaves out what runs elsewhere by now, because a controller gave up its
// host. Without a controller nobody gives one up: that takes time.
func (w *world) evict() {
	for i := range w.live.Hosts {
		h := &w.live.Hosts[i]
		if !h.Reachable && !w.memory.Hosts[h.Name].Lost.IsZero() {
			h.Condition = model.Lost
		}
	}
	liveness.Evict(&w.live, w.desired)
}

func lookAt(ctx context.Context, e engine.Engine, q engine.Query, into *model.HostState) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	at := time.Now()
	state, err := e.Observe(ctx, q)
	if err != nil {
		into.Error = err.Error()
		return
	}
	state.Name, state.At, state.Reachable = into.Name, at, true
	*into = state
}

var errNoHost = errors.New("no host can be reached")

// reachable is an error when no host can be reached at all: a plan of nothing
// but hosts out of reach helps nobody.
func (w *world) reachable() error {
	for i := range w.live.Hosts {
		if w.live.Hosts[i].Reachable {
			return nil
		}
	}
	first := w.live.Hosts[0]
	if err := w.unusable[first.Name]; err != nil {
		return fmt.Errorf("%w; %w", errNoHost, err)
	}
	return fmt.Errorf("%w; %s: %s", errNoHost, first.Name, first.Error)
}
