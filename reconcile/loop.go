// Package reconcile is where the stages meet: git → manifest → desired, the
// hosts' live state, place → plan → rollout, execute, report.
//
// The loop is level-triggered. Commits, engine events, ended ops and timers
// only wake it; every pass decides from the whole of what is desired and what
// is live, through Decide, which is pure. The loop never waits for an op, for
// Git or for a host: reading and acting happen in the background, and their
// ends wake it. So one hung container does not hold up its host, nor one host
// the fleet.
package reconcile

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/signature"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/execute"
	"github.com/tallyman-io/tallyman/reconcile/liveness"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/place"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// Source is where revisions come from; *git.Repository is one.
type Source interface {
	// Fetch brings the branch up to date and says what it points to.
	Fetch(ctx context.Context) (git.Commit, error)
	// Resolve finds a commit by its id, tag or branch.
	Resolve(ctx context.Context, revision string) (git.Commit, error)
	// A History has the files and signatures of revisions.
	History
	// Keep makes these the revisions that stay readable although the branch may
	// no longer lead to them.
	Keep(ctx context.Context, ids []string) error
	// Watch calls wake when the branch may have moved.
	Watch(ctx context.Context, wake func())
}

// Config is what a controller is made of.
type Config struct {
	Source Source
	// Limits are how much of it is read.
	Limits manifest.Options
	// Path is where in the repository the manifests are.
	Path  string
	Owner string
	// Registries are asked what image references stand for; nil leaves that to
	// the hosts.
	Registries Registries
	// Open connects to a host. It must not wait for the network.
	Open    func(model.Host) (engine.Engine, error)
	Journal Journal
	// Signers are whom the installation allows to sign commits; nil is nobody. Named
	// says that a person named the revision, which may be an old one.
	Signers func() (signature.Signers, error)
	Named   bool
	// Secrets decrypts; without it a revision that has secrets is refused.
	Secrets Secrets
	Log     *slog.Logger
	// Manual says that a person asks for what Git says now: also apps that do
	// not follow the branch by themselves are rolled, and rollouts that failed
	// and stopped are begun anew. AllowRemovals is what they ask for besides.
	Manual        bool
	AllowRemovals bool
	// Reverts says that somebody reverts in Git what apps with onFailure: revert went back from.
	Reverts bool
	// Simulated says that nothing of this is real, and what it is; MadeUp are
	// hosts besides those of the manifests.
	Simulated string
	MadeUp    []model.Host
}

// Controller holds the hosts to what Git says.
type Controller struct {
	cfg      Config
	executor *execute.Executor
	loader   *manifest.Loader
	wakeup   chan struct{}
	resolve  chan struct{}

	mu      sync.Mutex
	source  sourceState
	asking  asking
	stale   map[string]string // what was told of recorded digests, by app
	hosts   map[string]*hostState
	memory  rollout.State
	placed  Placements
	guards  model.Guards
	seen    map[string]SeenHost // hosts' containers of ours, as the journal has or will have them
	known   map[string]bool     // their ids
	warm    bool                // every host has been looked at, or tried, once
	started time.Time
	judged  liveness.Result // what is made of the hosts
	busy    map[plan.Key]*task
	atWork  map[string]int     // how many of them have not ended, by host
	over    map[string][]*task // those that have, by each host that is still to be looked at
	making  making
	ends    ends
	at      time.Time // of the last pass
	listen  map[chan struct{}]bool
	telling bool // of pulls, to those who listen
	last    Decision
	// effective is what the apps are held to: what Git says or, app by app,
	// another revision of it.
	effective *model.Desired
	images    []string   // that they need, or may need soon
	rendered  Renderings // apps at other revisions
	needed    []rollout.Rendering
	render    chan struct{}
	houseKept time.Time               // when old images were removed last
	unwritten map[string]func() error // what the journal could not take, by what it is of
	cleared   cleared
	previews  previews
	requests
	drain bool // SIGTERM: let ops end, begin none
	ctx   context.Context
}

// New makes a controller from what the journal remembers. It does nothing
// until Run.
func New(cfg Config) (*Controller, error) {
	memory, err := cfg.Journal.Load()
	if err != nil {
		return nil, err
	}
	c := &Controller{
		cfg: cfg, executor: execute.New(), loader: manifest.NewLoader(cfg.Limits),
		wakeup: make(chan struct{}, 1), resolve: make(chan struct{}, 1), render: make(chan struct{}, 1), rendered: Renderings{}, unwritten: map[string]func() error{},
		hosts: map[string]*hostState{}, known: map[string]bool{}, seen: map[string]SeenHost{}, judged: liveness.Result{Lost: map[string]time.Time{}},
		busy: map[plan.Key]*task{}, atWork: map[string]int{}, over: map[string][]*task{}, making: making{}, ends: ends{some: make(chan struct{}, 1)}, listen: map[chan struct{}]bool{}, cleared: cleared{},
		previews: previews{rendered: map[previewAt]previewRendering{}, wanted: make(chan struct{}, 1)},
	}
	c.recall(memory)
	return c, nil
}

// recall takes over what the last controller left.
func (c *Controller) recall(m Memory) {
	c.source.accepted = m.Accepted
	c.placed = Placements{}
	maps.Copy(c.placed, m.Placed)
	c.guards = model.Guards{}
	maps.Copy(c.guards, m.Guards)
	c.memory = m.State().Clone()
	c.previews.list = m.Previews
	for name, seen := range m.Hosts {
		c.hosts[name] = &hostState{state: model.HostState{Name: name, Known: true, Error: model.NotReachedYet, Containers: seen.Containers, Volumes: seen.Volumes}}
		c.know(seen)
		if !seen.Lost.IsZero() {
			c.judged.Lost[name] = seen.Lost
		}
	}
	if c.cfg.Manual {
		c.goOn()
	}
}

// goOn has every app go on where it stopped.
func (c *Controller) goOn() {
	next := c.memory.Clone()
	for app := range next.Records {
		next.GoOn(app)
	}
	c.memory = next
}

// Run holds the hosts to Git until ctx ends; then it lets the ops that are at
// work end, unless kill ends first.
func (c *Controller) Run(ctx, kill context.Context) error {
	c.ctx, c.started = kill, time.Now()
	background, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { c.followSource(background) })
	wg.Go(func() { c.followRenderings(background) })
	wg.Go(func() { c.followEnds(background) })
	wg.Go(func() { c.followPreviews(background) })
	defer c.closeHosts()
	defer wg.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for due := time.Now(); ; {
		select {
		case <-ctx.Done():
			c.drainOps(kill)
			return nil
		case <-c.wakeup:
		case <-timer.C:
		}
		begun := time.Now()
		c.noteStall(begun, due)
		next := c.pass(begun)
		timer.Reset(next)
		due = time.Now().Add(next)
		rest(ctx, time.Since(begun))
	}
}

// stalled is how late a pass may be before the controller itself has stood still:
// its process was stopped, or its machine asleep.
const stalled = 15 * time.Second

// noteStall lets the controller warm up anew after it has stood still: that no host
// has answered meanwhile says nothing about the hosts.
func (c *Controller) noteStall(now, due time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.After(due.Add(stalled)) {
		c.started = now
	}
}

// resyncEvery is how often everything is looked at again without any reason.
const resyncEvery = 30 * time.Second

// pass decides once and begins what may begin. It returns how long to sleep if
// nothing happens.
func (c *Controller) pass(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rejournal()
	if c.source.desired == nil {
		c.publish(now)
		return resyncEvery
	}
	target, previewsWake := c.withPreviews(now)
	choice := c.choose(target, now)
	c.followHosts()
	if !c.looked() {
		c.publish(now)
		return resyncEvery
	}
	c.judgeHosts(now)
	if !c.permit(now) {
		c.publish(now)
		return resyncEvery
	}
	if c.grantRequests(now) {
		choice = c.choose(target, now)
	}
	c.rememberGuards()
	c.releaseUnseen()
	view := c.view(now, choice.State)
	decision := Decide(view)
	c.last = decision
	c.rememberPlacement(decision.Placement)
	c.remember(decision.Rollout.State, now)
	c.cancel(decision.Rollout.Cancel)
	c.begin(decision.Rollout.Tasks)
	c.endRequest()
	c.keepHouse(now)
	c.publish(now)
	return min(until(previewsWake, now), until(choice.Wake, now), until(decision.Rollout.Wake, now), until(c.judged.Wake, now))
}

// until is how long to sleep for a wake, which is never when it is zero.
func until(wake, now time.Time) time.Duration {
	if wake.IsZero() {
		return resyncEvery
	}
	return min(max(wake.Sub(now), 10*time.Millisecond), resyncEvery)
}

// view is the whole of what is desired and live, at this moment.
func (c *Controller) view(now time.Time, state rollout.State) View {
	busy := make(map[plan.Key]string, len(c.busy))
	for key, t := range c.busy {
		busy[key] = t.digest
	}
	return View{
		Desired: c.effective, Live: c.live(), Now: now, State: state, Busy: busy,
		Known: c.isKnown, Placed: c.placed, Making: c.making.has, Guards: c.guards, Leaving: Leaving(c.effective, c.seen),
		Manual:        c.cfg.Manual || c.asked(),
		AllowRemovals: c.cfg.AllowRemovals || c.asked() && c.request.allowRemovals,
	}
}

// remember keeps what the decision carries on, and puts into the journal what
// has changed of the rollouts and of what apps are held to.
func (c *Controller) remember(next rollout.State, now time.Time) {
	changed := next.Changed(c.memory)
	for _, app := range changed {
		r := next.Records[app]
		r.App = app // it may have orders and no rollout yet
		c.journal("rollout of "+app, func() error { return c.cfg.Journal.Record(r, next.Standings[app]) })
		c.tellStanding(app, c.memory.Standings[app], next.Standings[app], now)
		if r.StartedAt.IsZero() || !r.News(c.memory.Records[app]) {
			continue
		}
		c.event(Event{Time: now, Kind: "rollout", App: app, Host: r.Host, Text: describeRollout(r)})
		c.keepLog(r)
	}
	for app := range c.memory.Records {
		if _, kept := next.Records[app]; !kept {
			c.forget(app)
		}
	}
	for _, host := range next.PinnedHosts(c.memory) { // they run out by themselves
		pin, is := next.Pins[host]
		c.journal("pin of host "+host, func() error { return c.cfg.Journal.Pin(host, pinOf(pin, is)) })
	}
	c.memory = next
	if len(changed) > 0 {
		poke(c.render)
	}
}

// forget ends what is remembered of an app that is gone.
func (c *Controller) forget(app string) {
	delete(c.placed, app)
	c.guard(app, c.guards.Lasting(app))
	c.journal("rollout of "+app, func() error { return c.cfg.Journal.Forget(app) })
}

// rememberPlacement puts into the journal where new replicas were put, before
// any op carries it out.
func (c *Controller) rememberPlacement(result place.Result) {
	for app, hosts := range c.placed.with(result) {
		c.placed[app] = hosts
		c.journal("placement of "+app, func() error { return c.cfg.Journal.Place(app, hosts) })
	}
}

// rememberGuards puts into the journal what the manifests say of the end of
// services: it counts when they no longer say it.
func (c *Controller) rememberGuards() {
	for i := range c.effective.Apps {
		app := &c.effective.Apps[i]
		if said := c.guards.Said(app); !maps.Equal(said, c.guards[app.Name]) {
			c.guard(app.Name, said)
		}
	}
}

func (c *Controller) guard(app string, said map[string]model.Guard) {
	c.guards[app] = said
	if len(said) == 0 {
		delete(c.guards, app)
	}
	c.journal("guards of "+app, func() error { return c.cfg.Journal.Guard(app, said) })
}

func describeRollout(r rollout.Record) string {
	if r.Gone {
		return "no longer in the manifests"
	}
	text := "revision " + short(r.Revision) + " " + string(r.Phase)
	if r.Because != "" && r.Phase == rollout.Progressing {
		text += " (" + r.Because + ")"
	}
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	return text
}

func short(revision string) string { return revision[:min(8, len(revision))] }

// event tells the journal and the log. Neither may hold up a pass.
func (c *Controller) event(e Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if err := c.cfg.Journal.Event(e); err != nil {
		c.cfg.Log.Error("journal the event", "error", err)
	}
	level := slog.LevelInfo
	if e.Kind == "failed" || e.Kind == "refused" {
		level = slog.LevelWarn
	}
	c.cfg.Log.Log(context.Background(), level, e.Text, "kind", e.Kind, "app", e.App, "host", e.Host, "thing", e.Thing)
}
