package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/server"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
)

// farthest is how many commits before a base that is not valid are looked at for one
// that is.
const farthest = 50

// recall takes over what a controller knows of the hosts, or what one has left in
// its journal.
func (p *proposing) recall(ctx context.Context) error {
	if err := p.remember(ctx, p.app); err != nil {
		return err
	}
	p.inForce = p.memory.Accepted.Revision
	c, err := p.controller(ctx)
	if err != nil || c == nil {
		return nil // then the hosts are looked at
	}
	defer c.Close()
	if err := p.heed(ctx, c); err != nil || p.borrowed != nil {
		return err
	}
	live, err := c.Observed(ctx)
	if err == nil {
		p.borrowed = &live
	}
	return err
}

// heed asks a controller whether it refuses the base, which it may for what only it can
// see.
func (p *proposing) heed(ctx context.Context, c *server.Client) error {
	s, err := c.Status(ctx)
	if err == nil && s.Target.ID == p.merge.Base.ID && s.SourceError != "" {
		p.refusal, p.inForce = s.SourceError, s.Effective.ID
	}
	return err
}

// ground is what the proposal is made against: the base or, where that is refused, what
// is in force in its place. Otherwise nothing could be said of what mends the base.
func (p *proposing) ground(ctx context.Context) (*reconcile.Ground, error) {
	why := p.refusal
	if why == "" {
		ground, err := p.base(ctx, p.merge.Base)
		if !mistaken(err) {
			return ground, err
		}
		why = err.Error()
	}
	why, _, _ = strings.Cut(why, "\n")
	since, instead, err := p.lastGood(ctx)
	if err != nil {
		return nil, err
	}
	inForce := p.standsFor(ctx)
	if inForce {
		instead, err = p.repo.Resolve(ctx, p.inForce)
	}
	if err == nil && instead.ID == "" {
		err = fmt.Errorf("%s; none of the commits before it that are here is valid either, of %d at most: mend it by a push, or name another --base", why, farthest)
	}
	if err != nil {
		return nil, err
	}
	p.invalid = &proposal.Invalid{Since: told(since), Error: why, Against: told(instead), InForce: inForce}
	return p.base(ctx, instead)
}

// mistaken says whether an error is one of what was committed.
func mistaken(err error) bool {
	var mistakes manifest.Errors
	return errors.As(err, &mistakes)
}

func told(c git.Commit) proposal.Commit {
	return proposal.Commit{ID: c.ID, Subject: c.Subject, Author: c.Author}
}

// standsFor says whether what is in force is so in the place of the base, and not in that
// of something else.
func (p *proposing) standsFor(ctx context.Context) bool {
	if p.refusal != "" || p.inForce == "" {
		return p.inForce != ""
	}
	part, err := p.repo.IsAncestor(ctx, p.inForce, p.merge.Base.ID)
	return part && err == nil
}

// lastGood goes back from a base that is not valid, along what the branch said, to the
// first commit that is, and says since when none was.
func (p *proposing) lastGood(ctx context.Context) (since, good git.Commit, err error) {
	line, err := p.repo.Log(ctx, p.merge.Base.ID, farthest+1)
	if err != nil {
		return since, good, err
	}
	since = line[0]
	for _, c := range line[1:] {
		switch _, err := p.closed(ctx, c); {
		case err == nil:
			return since, c, nil
		case !mistaken(err):
			return since, good, err
		}
		since = c
	}
	return since, good, nil
}

// mended says whether a base that the controller refuses is still in the way of what the
// merge would be. The secrets that are as in the base are opened, and no others.
func (p *proposing) mended(ctx context.Context, merged *reconcile.Ground) error {
	base, err := p.closed(ctx, p.merge.Base)
	if err != nil {
		return nil // for what it says, by which the merge was judged as well
	}
	return merged.Open(base, p.secrets(), p.global.owner)
}

// base reads a base. Its secrets are opened, and registries asked, only where there are
// hosts to compare it with.
func (p *proposing) base(ctx context.Context, commit git.Commit) (*reconcile.Ground, error) {
	ground, err := p.closed(ctx, commit)
	if err != nil {
		return nil, err
	}
	p.desired = ground.Desired()
	reachable := func(h model.HostState) bool { return h.Reachable }
	if err := p.observe(ctx); err != nil || !slices.ContainsFunc(p.live.Hosts, reachable) {
		return ground, err
	}
	o := p.options(commit)
	o.Platforms = p.memory.Accepted.Platforms
	o.Registries, o.Recorded = p.world.registries, reconcile.Recorded(p.memory.Accepted, p.memory.State(), o.Commit.ID)
	tree, err := p.tree(commit)
	if err != nil {
		return nil, err
	}
	return p.opened(ctx, tree, o)
}

// closed reads a commit of the branch and asks nobody.
func (p *proposing) closed(ctx context.Context, commit git.Commit) (*reconcile.Ground, error) {
	tree, err := p.tree(commit)
	if err != nil {
		return nil, err
	}
	return reconcile.ReadGround(ctx, tree, p.loader, p.options(commit))
}

// tree is nil where there are no manifests yet: the first ones may be what is proposed.
func (p *proposing) tree(commit git.Commit) (fs.FS, error) {
	tree, err := p.repo.Tree(commit.ID, p.global.path)
	if errors.Is(err, git.ErrPathNotFound) {
		return nil, nil
	}
	return tree, err
}

// opened reads the base with its secrets, where there are keys for them.
func (p *proposing) opened(ctx context.Context, tree fs.FS, o reconcile.BuildOptions) (*reconcile.Ground, error) {
	o.Secrets = p.secrets()
	ground, err := reconcile.ReadGround(ctx, tree, p.loader, o)
	if err == nil {
		return ground, nil
	}
	o.Secrets = nil
	closed, again := reconcile.ReadGround(ctx, tree, p.loader, o)
	if again != nil {
		return nil, err
	}
	p.warn("%v; secrets stay closed, and are compared as they are encrypted", err)
	return closed, nil
}
