package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/simulated"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// propose prints what merging a commit into another would do.
func (a *app) propose(ctx context.Context, o planOptions) error {
	result, failure := a.proposal(ctx, cmp.Or(o.base, a.global.branch), cmp.Or(o.head, "HEAD"))
	if failure != nil && result.Failure == "" {
		return failure
	}
	var err error
	if a.wantsJSON() {
		err = printJSON(a.out, result)
	} else {
		_, err = fmt.Fprint(a.out, report.ProposalMarkdown(&result, 0))
	}
	switch err = cmp.Or(failure, err); {
	case err != nil:
		return err
	case result.Refused():
		return exitCode(exitError)
	case !result.Empty():
		return exitCode(exitChanges)
	}
	return nil
}

// proposal is what merging head into base would do. Why there is no answer is in
// the proposal as well, where that is the head's own fault.
func (a *app) proposal(ctx context.Context, base, head string) (proposal.Proposal, error) {
	w := a.newWorld()
	defer w.close()
	p := &proposing{app: a, world: w, loader: manifest.NewLoader(a.global.limits.manifest()), names: [2]string{base, head}}
	result, err := p.run(ctx)
	result.Invalid = p.invalid
	return result, err
}

// proposing is one such question.
type proposing struct {
	*app
	*world
	loader *manifest.Loader
	names  [2]string // of base and head, as they were asked for
	sides  [2]git.Commit
	merge  git.Merged
	// refusal is why the controller refuses the base, inForce the revision that is in
	// force instead of it, and invalid what is said of that.
	refusal, inForce string
	invalid          *proposal.Invalid
}

func (p *proposing) run(ctx context.Context) (proposal.Proposal, error) {
	err := p.merged(ctx)
	if errors.Is(err, git.ErrConflict) || errors.Is(err, git.ErrUnrelated) {
		return p.refused(err), err
	}
	if err != nil {
		return proposal.Proposal{}, err
	}
	if err := p.recall(ctx); err != nil {
		return proposal.Proposal{}, err
	}
	base, err := p.ground(ctx)
	if err != nil {
		return proposal.Proposal{}, fmt.Errorf("read the base: %w", err)
	}
	if p.merge.Nothing() {
		return p.nothing()
	}
	merged, err := p.beside(ctx, base)
	if err != nil {
		return p.refused(err), err
	}
	p.desired, p.also, p.state = base.Desired(), merged.Desired().Images(), p.memory.State()
	if err := p.observe(ctx); err != nil {
		return proposal.Proposal{}, err
	}
	asked := slices.Concat(p.desired.Images(), p.also)
	if p.borrowed != nil {
		asked = nil // the controller asks for what it needs
	}
	signatures, err := p.signatures(ctx, base, merged)
	if err != nil {
		return proposal.Proposal{}, err
	}
	proposed := reconcile.Propose(p.view(time.Now(), false), reconcile.Proposed{
		Base: base, Merged: merged, BaseName: p.names[0], MergedName: p.names[1], Asked: asked, Machine: simulated.Machine(), Signatures: signatures,
	})
	proposed.Base = p.side(0) // whatever stands in for it
	return proposed, nil
}

// signatures holds the head's commits against the signers that there are.
func (p *proposing) signatures(ctx context.Context, base, merged *reconcile.Ground) ([]proposal.Signature, error) {
	own, err := p.signers()
	if err != nil {
		return nil, err
	}
	v := reconcile.Vouching{
		VerifyOptions: reconcile.VerifyOptions{Commit: p.merge.Head, Path: p.global.path, Own: own},
		History:       p.repo, Loader: p.loader, Ground: base, Merged: merged, Base: p.merge.Base.ID, Fork: p.merge.Fork.ID,
	}
	if base.Revision() == p.memory.Accepted.Revision {
		v.Verified = p.memory.Accepted.Verified // an app may be behind
	}
	return v.Signatures(ctx)
}

// nothing is the answer where the base has the head already, which mends nothing.
func (p *proposing) nothing() (proposal.Proposal, error) {
	if p.invalid != nil {
		err := errors.New(p.invalid.Error)
		return p.refused(err), err
	}
	return proposal.Proposal{Base: p.side(0), Head: p.side(1)}, nil
}

// refused is what is printed where it is the proposal that is not good.
func (p *proposing) refused(why error) proposal.Proposal {
	return proposal.Refused(p.side(0), p.side(1), why)
}

func (p *proposing) side(n int) proposal.Commit {
	c := p.sides[n]
	return proposal.Commit{ID: c.ID, Name: p.names[n], Subject: c.Subject, Author: c.Author}
}

// merged finds both commits and merges them. HEAD is the repository's own, and
// not the branch that is followed.
func (p *proposing) merged(ctx context.Context) error {
	if err := p.ours(ctx); err != nil {
		return err
	}
	dir, err := p.mirror(p.app)
	if err != nil {
		return err
	}
	config := p.gitConfig(mirrorDir(dir))
	config.Branch = ""
	if p.repo, err = git.Open(config); err != nil {
		return err
	}
	for i, name := range p.names {
		if p.sides[i], err = p.find(ctx, name); err != nil {
			return err
		}
	}
	p.merge, err = p.repo.Merge(ctx, p.sides[0].ID, p.sides[1].ID)
	return err
}

// find also takes what only a forge has a name for, as refs/pull/7/head.
func (p *proposing) find(ctx context.Context, name string) (git.Commit, error) {
	full := strings.HasPrefix(name, "refs/")
	if full && !strings.HasPrefix(name, "refs/heads/") && !strings.HasPrefix(name, "refs/tags/") {
		return p.repo.FetchRef(ctx, name)
	}
	return p.repo.Resolve(ctx, name)
}

func (p *proposing) options(commit git.Commit) reconcile.BuildOptions {
	return reconcile.BuildOptions{Commit: commit, Path: p.global.path, Owner: p.global.owner, MadeUp: p.world.madeUp}
}

// beside reads what the merge would have.
func (p *proposing) beside(ctx context.Context, base *reconcile.Ground) (*reconcile.Ground, error) {
	tree, err := p.merge.Tree(p.global.path)
	if err != nil {
		return nil, err
	}
	merged, err := base.Beside(ctx, tree, p.loader, p.options(p.merge.Head))
	if err == nil && p.refusal != "" {
		err = p.mended(ctx, merged)
	}
	return merged, err
}
