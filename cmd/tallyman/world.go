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
	"github.com/tallyman-io/tallyman/internal/server"
	"github.com/tallyman-io/tallyman/internal/simulated"
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
	named             bool  // the target was named by a person
	sourceErr         error // why the target is not what is compared
	desired           *model.Desired
	unasked           *model.Desired // what a controller would go by, where a person asks
	live              model.Live
	memory            reconcile.Memory
	state             rollout.State // the memory's, as the choice left it
	engines           map[string]engine.Engine
	unusable          map[string]error // hosts of which not even a connection could be prepared
	also              []string         // images that hosts are asked for besides
	cleanup           []func()

	registries reconcile.Registries
	// What there is of a simulation: its made-up hosts, and what its controller sees.
	madeUp   []model.Host
	borrowed *model.Live
}

func (a *app) newWorld() *world {
	return &world{engines: map[string]engine.Engine{}, unusable: map[string]error{}, registries: a.registries()}
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
	w = a.newWorld()
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if err = w.remember(ctx, a); err != nil {
		return w, err
	}
	if err := w.open(ctx, a); err != nil {
		return w, err
	}
	w.named = o.revision != ""
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

// remember takes over the journal's content, from the controller if one holds it.
func (w *world) remember(ctx context.Context, a *app) (err error) {
	c, err := a.controller(ctx)
	_, elsewhere := errors.AsType[elsewhereError](err)
	if elsewhere || err != nil && simulated.Is(a.global.stateDir) {
		return err // what is real, or another one's, must not be looked at in its place
	}
	if err != nil || c == nil {
		w.memory, err = a.journaled()
		return err
	}
	defer c.Close()
	err = w.ask(ctx, c)
	if errors.Is(err, server.ErrNoController) && a.mayDoWithout() == nil {
		w.memory, err = a.journaled()
	}
	return err
}

// ask takes over what a controller knows.
func (w *world) ask(ctx context.Context, c *server.Client) (err error) {
	if w.memory, err = c.Memory(ctx); err != nil {
		return err
	}
	source, err := c.Source(ctx)
	if err == nil && source.Simulated != "" {
		err = w.borrow(ctx, c, source.Simulated)
	}
	return err
}

// remembered is the journal's content for who wants nothing else of the world.
func (a *app) remembered(ctx context.Context) (reconcile.Memory, error) {
	w := a.newWorld()
	defer w.close()
	err := w.remember(ctx, a)
	return w.memory, err
}

// journaled is the content of a journal that no controller holds.
func (a *app) journaled() (reconcile.Memory, error) {
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

// open prepares the repository.
func (w *world) open(ctx context.Context, a *app) error {
	dir, err := w.mirror(a)
	if err == nil {
		w.repo, err = a.repository(ctx, dir)
	}
	return err
}

// mirror is the folder that the mirror of the repository is in. Where the state
// directory is not ours to write, it is a temporary one.
func (w *world) mirror(a *app) (string, error) {
	dir := a.global.stateDir
	if err := os.MkdirAll(mirrorDir(dir), 0o700); errors.Is(err, os.ErrPermission) {
		temporary, err := os.MkdirTemp("", "tallyman-")
		if err != nil {
			return "", fmt.Errorf("make a temporary mirror: %w", err)
		}
		w.cleanup = append(w.cleanup, func() { _ = os.RemoveAll(temporary) })
		dir = temporary
	}
	return dir, nil
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
	if w.desired, err = w.render(ctx, a, w.target); err == nil {
		err = reconcile.KeepHosts(w.memory.Accepted, w.desired)
	}
	if err == nil {
		err = w.verify(ctx, a)
	}
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

// verify notes who vouches for the target, as a controller does.
func (w *world) verify(ctx context.Context, a *app) error {
	own, err := a.signers()
	if err != nil {
		return err
	}
	result, err := reconcile.Verify(ctx, w.repo, manifest.NewLoader(a.global.limits.manifest()), reconcile.VerifyOptions{
		Commit: w.target, Path: a.global.path, Own: own, Verified: w.memory.Accepted.Verified, Named: w.named,
	})
	if err != nil {
		return err
	}
	return result.Into(w.desired)
}

// choose takes for each app the revision that it is held to. Whether an app that
// comes first is healthy is not known yet, and keeps none waiting here.
func (w *world) choose(ctx context.Context, a *app, asked bool) {
	well := map[string]bool{}
	for app := range w.memory.Records {
		well[app] = true
	}
	state := w.memory.State()
	state.Well = well
	in := rollout.ChooseInput{Target: w.desired, Now: time.Now(), Manual: asked, Unordered: asked, State: state}
	read := func(revision string) (*model.Desired, error) { return w.read(ctx, a, revision) }
	choice := reconcile.Choose(in, read)
	w.desired, w.state = choice.Desired, choice.State
	if asked {
		in.Manual = false
		w.unasked = reconcile.Choose(in, read).Desired
	}
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
	return a.build(ctx, w.repo, reconcile.BuildOptions{
		Commit: commit, Registries: w.registries, Recorded: reconcile.Recorded(w.memory.Accepted, w.memory.State(), commit.ID),
		Platforms: w.memory.Accepted.Platforms, MadeUp: w.madeUp,
	})
}

// build makes the desired state of a revision; without registries images stay as
// they are declared.
func (a *app) build(ctx context.Context, repo *git.Repository, o reconcile.BuildOptions) (*model.Desired, error) {
	o.Path, o.Owner, o.Secrets = a.global.path, a.global.owner, a.secrets()
	return reconcile.Build(ctx, repo, manifest.NewLoader(a.global.limits.manifest()), o)
}

// observe looks at all hosts at the same time. One that did not answer when it
// was looked at before is not waited for again.
func (w *world) observe(ctx context.Context) error {
	if w.borrowed != nil {
		w.live = *w.borrowed
		w.evict()
		return nil
	}
	query := engine.Query{Owner: w.desired.Owner, Images: slices.Concat(w.desired.Images(), w.also), DigestKey: w.desired.DigestKey, Resync: true}
	leaving := reconcile.Leaving(w.desired, w.memory.Hosts)
	hosts, before := slices.Concat(w.desired.Hosts, leaving), w.live.Hosts
	w.live.Hosts = make([]model.HostState, len(hosts))
	var wg sync.WaitGroup
	for i := range hosts {
		name := hosts[i].Name
		if j := slices.IndexFunc(before, func(h model.HostState) bool { return h.Name == name }); j >= 0 && !before[j].Reachable {
			w.live.Hosts[i] = before[j]
			continue
		}
		seen, known := w.memory.Hosts[name]
		w.live.Hosts[i] = model.HostState{Name: name, Known: known, Containers: seen.Containers, Volumes: seen.Volumes}
		e, err := w.engine(hosts[i])
		if err != nil {
			w.live.Hosts[i].Error, w.unusable[name] = err.Error(), err
			continue
		}
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

// engine is the way to a host, which stays open.
func (w *world) engine(h model.Host) (engine.Engine, error) {
	if e := w.engines[h.Name]; e != nil {
		return e, nil
	}
	e, err := docker.New(h)
	if err == nil {
		w.engines[h.Name] = e
	}
	return e, err
}

// evict leaves out hosts that have another name by now, and what runs elsewhere
// because a controller gave up its host. Without a controller nobody gives one up:
// that takes time.
func (w *world) evict() {
	for i := range w.live.Hosts {
		h := &w.live.Hosts[i]
		if !h.Reachable && !w.memory.Hosts[h.Name].Lost.IsZero() {
			h.Condition = model.Lost
		}
	}
	liveness.Evict(&w.live, w.desired)
	reconcile.Supplant(&w.live, w.desired.Hosts)
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
