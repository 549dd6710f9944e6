package reconcile

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/policy"
)

// sourceState is what Git last said.
type sourceState struct {
	// target is what the branch points to; commit is what desired was built
	// from, the effective revision. They differ while the target is refused.
	target, commit git.Commit
	desired        *model.Desired
	// refused says why the target is not in force, unread why Git could not
	// be read the last time.
	refused, unread error
	accepted        Accepted // in the journal
	fetched         time.Time
}

// followSource reads the source now and whenever it may have moved.
func (c *Controller) followSource(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	defer c.stopAsking()
	wg.Go(func() { c.cfg.Source.Watch(ctx, func() { poke(c.resolve) }) })
	poke(c.resolve)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.resolve:
			waiters := c.takeWaiters()
			c.rereadRenderings()
			c.readSource(ctx, len(waiters) > 0)
			c.askAgain()
			c.answer(waiters)
			c.Wake()
		}
	}
}

// readSource takes over the newest revision, if its manifests are good. If
// they are not, or can't be had, what was last accepted stays in force. Asked
// says that a person wants all of it, also what waits for a person.
func (c *Controller) readSource(ctx context.Context, asked bool) {
	commit, err := c.cfg.Source.Fetch(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		c.unread(err)
		c.fallBack(ctx)
		return
	}
	if c.holds(commit) && !asked {
		return
	}
	d, err := c.build(ctx, commit)
	if err == nil {
		err = c.keepHosts(d)
	}
	if err == nil {
		err = c.verify(ctx, commit, d)
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		c.refuse(commit, err)
		c.fallBack(ctx)
		return
	}
	c.accept(commit, d)
}

func (c *Controller) keepHosts(d *model.Desired) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return KeepHosts(c.source.accepted, d)
}

// holds says whether the commit is the one in force already.
func (c *Controller) holds(commit git.Commit) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.source.fetched = time.Now()
	if c.source.desired == nil || c.source.commit.ID != commit.ID || c.mustAsk() {
		return false
	}
	c.source.target, c.source.refused, c.source.unread = commit, nil, nil
	return true
}

// build is the first half of the arrow: git → manifest → desired.
func (c *Controller) build(ctx context.Context, commit git.Commit) (*model.Desired, error) {
	return c.buildWith(ctx, commit, c.recordedImages(commit.ID))
}

func (c *Controller) buildWith(ctx context.Context, commit git.Commit, recorded func(app, ref string) RecordedImage) (*model.Desired, error) {
	c.mu.Lock()
	platforms := c.source.accepted.Platforms
	c.mu.Unlock()
	return Build(ctx, c.cfg.Source, c.loader, BuildOptions{
		Commit: commit, Path: c.cfg.Path, Owner: c.cfg.Owner, Registries: c.cfg.Registries, Secrets: c.cfg.Secrets,
		Recorded: recorded, Platforms: platforms, MadeUp: c.cfg.MadeUp,
	})
}

// BuildOptions name a revision and the installation it is for.
type BuildOptions struct {
	Commit      git.Commit
	Path, Owner string
	// Secrets decrypts the revision's secrets.
	Secrets Secrets
	// Registries are asked what the image references stand for; nil leaves them
	// as they are declared. Recorded is what is known of an app's reference from
	// its last rollout; nil knows nothing.
	Registries Registries
	Recorded   func(app, ref string) RecordedImage
	// Platforms are what images are known to be made for; of others the registries
	// are asked.
	Platforms model.Platforms
	// MadeUp are hosts of a simulation, besides those of the manifests.
	MadeUp []model.Host
	// Unjudged leaves it to the caller to hold the manifests to policies.
	Unjudged bool
}

// Build reads a revision's manifests and makes the desired state of them, if they
// keep the revision's policies. It waits for registries, and not for long.
func Build(ctx context.Context, source Source, loader *manifest.Loader, o BuildOptions) (*model.Desired, error) {
	tree, err := source.Tree(o.Commit.ID, o.Path)
	if err != nil {
		return nil, err
	}
	r, err := read(ctx, tree, loader, o)
	return r.desired, err
}

// reading is what is made of a revision's files.
type reading struct {
	set     *manifest.Set
	secrets desired.Secrets
	desired *model.Desired
}

func read(ctx context.Context, tree fs.FS, loader *manifest.Loader, o BuildOptions) (r reading, err error) {
	if r.set, err = loader.Load(tree); err != nil {
		return r, err
	}
	if !o.Unjudged {
		if err := policy.Hold(r.set); err != nil {
			return r, err
		}
	}
	if r.secrets, err = openSecrets(o.Secrets, r.set, o.Owner); err != nil {
		return r, err
	}
	d, err := desired.Build(r.set, desired.Options{Owner: o.Owner, Revision: o.Commit.ID, Secrets: r.secrets, Images: o.images(ctx, r.set, r.secrets)})
	if err != nil {
		return r, err
	}
	o.platforms(ctx, &d, desired.PullSecrets(r.set, r.secrets))
	d.Hosts = withMadeUp(&d, o.MadeUp)
	d.AllowRemovals = allowedRemovals(o.Commit)
	for i := range d.Apps {
		d.Apps[i].Author, d.Apps[i].Subject = o.Commit.Author, o.Commit.Subject
	}
	r.desired = &d
	return r, nil
}

// withMadeUp are the manifests' hosts and those that are made up. The host that
// stands in where no manifest declares any is not one of a simulation's.
func withMadeUp(d *model.Desired, madeUp []model.Host) []model.Host {
	if len(madeUp) == 0 {
		return d.Hosts
	}
	var hosts []model.Host
	for _, h := range d.Hosts {
		if h.Endpoint != "" {
			hosts = append(hosts, h)
		}
	}
	for _, h := range madeUp {
		if !slices.ContainsFunc(hosts, func(o model.Host) bool { return o.Name == h.Name }) {
			h.Grace = d.Fleet.Grace
			hosts = append(hosts, h)
		}
	}
	slices.SortFunc(hosts, func(a, b model.Host) int { return strings.Compare(a.Name, b.Name) })
	return hosts
}

// allowedRemovals is how many removals the commit allows. What is no number
// allows none, and the plan goes on saying what to write.
func allowedRemovals(commit git.Commit) int {
	value, _ := commit.Trailer(model.TrailerAllowRemovals)
	n, err := strconv.Atoi(value)
	if err != nil {
		return 0
	}
	return n
}

func (c *Controller) accept(commit git.Commit, d *model.Desired) {
	c.mu.Lock()
	defer c.mu.Unlock()
	again := c.source.desired != nil && c.source.commit.ID == commit.ID // read anew, for its images or for a person
	accepted := Accepted{
		Revision: commit.ID, Images: imagesOf(d), Verified: d.Verified, Platforms: c.platformsWith(d),
		HostsDeclared: c.source.accepted.HostsDeclared || declaresHosts(d),
	}
	c.source = sourceState{target: commit, commit: commit, desired: d, accepted: accepted, fetched: time.Now()}
	if err := c.cfg.Journal.Accept(accepted); err != nil {
		c.cfg.Log.Error("journal the revision", "error", err)
	}
	if again {
		return
	}
	c.event(Event{Kind: "revision", Text: fmt.Sprintf("%s %s (%s)", short(commit.ID), commit.Subject, commit.Author)})
}

func (c *Controller) refuse(commit git.Commit, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !same(c.source.refused, err) {
		c.event(Event{Kind: "refused", Text: fmt.Sprintf("revision %s refused, what runs keeps running: %v", short(commit.ID), err)})
	}
	c.source.refused, c.source.unread, c.source.fetched = err, nil, time.Now()
	c.source.target = commit
}

// unread notes that Git could not be read. That says nothing of any revision:
// the hosts are held to the one in force.
func (c *Controller) unread(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !same(c.source.unread, err) {
		c.event(Event{Kind: "failed", Text: fmt.Sprintf("the repository can't be read, what runs keeps running: %v", err)})
	}
	c.source.unread = err
}

// same says whether two errors tell a person the same.
func same(a, b error) bool { return a != nil && a.Error() == b.Error() }

// fallBack builds the last accepted revision, when a controller starts on a
// branch whose head is not good: what runs must be healed all the same. A
// person who asked for one revision gets that or nothing.
func (c *Controller) fallBack(ctx context.Context) {
	c.mu.Lock()
	accepted, have := c.source.accepted.Revision, c.source.desired != nil
	c.mu.Unlock()
	if have || accepted == "" || c.cfg.Manual {
		return
	}
	commit, err := c.cfg.Source.Resolve(ctx, accepted)
	if err != nil {
		return
	}
	d, err := c.build(ctx, commit)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.source.commit, c.source.desired = commit, d
}
