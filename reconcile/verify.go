package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/signature"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// History is where commits and their signatures are read; *git.Repository is one.
type History interface {
	Tree(id, path string) (fs.FS, error)
	// Since are the moves that led from the commit old to the commit id.
	Since(ctx context.Context, old, id string) ([]git.Step, error)
	Signed(id string) (signature.Signed, error)
}

// VerifyOptions are what a revision is held against.
type VerifyOptions struct {
	Commit git.Commit
	Path   string
	// Own are the signers whom the installation allows.
	Own signature.Signers
	// Verified is the last revision that somebody vouched for, by app; the whole
	// repository's under the empty name.
	Verified map[string]string
	// Named says that a person named the revision, which may be an old one.
	Named bool
}

// Verification is what came of it, by app, the whole repository's under the empty
// name: the last revision that is vouched for, and why the present one is not.
type Verification struct {
	Verified, Unverified map[string]string
}

// Verify holds the commits that came since the last verified revision against who has
// to have signed them. Each move of the branch is held against what the commit before
// it says, so no commit can let itself in: not by naming its own key, and not by no
// longer asking for any. Where nothing was verified before, the revision itself has to
// be signed, by its own list or the installation's.
func Verify(ctx context.Context, history History, loader *manifest.Loader, o VerifyOptions) (Verification, error) {
	v := newVerifier(history, loader, o)
	present, err := v.read(o.Commit.ID)
	if err != nil {
		return Verification{}, err
	}
	out := Verification{Verified: map[string]string{}, Unverified: map[string]string{}}
	who := maps.Clone(o.Verified)
	if who == nil {
		who = map[string]string{}
	}
	for name := range present {
		who[name] = o.Verified[name]
	}
	for _, name := range slices.Sorted(maps.Keys(who)) {
		_, asked := present[name]
		switch err := v.verify(ctx, name, who[name]); {
		case ctx.Err() != nil:
			return out, ctx.Err()
		case err != nil:
			out.Unverified[name] = err.Error()
			if who[name] != "" {
				out.Verified[name] = who[name]
			}
		case asked:
			out.Verified[name] = o.Commit.ID
		}
	}
	return out, nil
}

func newVerifier(history History, loader *manifest.Loader, o VerifyOptions) *verifier {
	return &verifier{VerifyOptions: o, history: history, loader: loader, lists: map[string]map[string]signature.Signers{}}
}

// verifier verifies one revision.
type verifier struct {
	VerifyOptions
	history History
	loader  *manifest.Loader
	lists   map[string]map[string]signature.Signers // by revision, then app; nil where the manifests can't be read
}

func (v *verifier) verify(ctx context.Context, name, last string) error {
	if last == v.Commit.ID {
		return nil
	}
	if last == "" {
		return v.signed(v.Commit, v.listAt(v.Commit.ID)[name])
	}
	steps, err := v.history.Since(ctx, last, v.Commit.ID)
	if err != nil {
		return unknownSince(last, err)
	}
	if len(steps) == 0 && !v.Named {
		return fmt.Errorf("the branch was moved back behind the last verified revision %s, which nobody signs for; use git revert", short(last))
	}
	list, asked := v.listAt(last)[name]
	for _, step := range v.afterSeal(steps, list) {
		if lists := v.listAt(step.Base); lists != nil {
			list, asked = lists[name]
		}
		if !asked {
			continue
		}
		for _, commit := range step.Commits {
			if err := v.signed(commit, list); err != nil {
				return err
			}
		}
	}
	return nil
}

func unknownSince(last string, err error) error {
	return fmt.Errorf("what came since the last verified revision %s is not known: %w", short(last), err)
}

// afterSeal leaves out the moves up to the last one whose signer vouches for them.
func (v *verifier) afterSeal(steps []git.Step, list signature.Signers) []git.Step {
	for i, step := range slices.Backward(steps) {
		if seal, _ := step.Head().Trailer(model.TrailerSeal); seal == "true" && v.signed(step.Head(), list) == nil {
			return steps[i+1:]
		}
	}
	return steps
}

func (v *verifier) signed(commit git.Commit, list signature.Signers) error {
	if err := v.by(commit, list); err != nil {
		return fmt.Errorf("%w; have a signer put a commit on top that says %s: true, or take it off the branch", err, model.TrailerSeal)
	}
	return nil
}

// by says of a commit that none of the list, and none of the installation's, signed it.
func (v *verifier) by(commit git.Commit, list signature.Signers) error {
	what, err := v.history.Signed(commit.ID)
	if err == nil {
		_, err = list.With(v.Own).Verify(what)
	}
	if err != nil {
		return fmt.Errorf("commit %s %q by %s %w", short(commit.ID), commit.Subject, commit.Author, err)
	}
	return nil
}

// listAt is who has to have signed what comes after a revision; nil where its
// manifests are not good.
func (v *verifier) listAt(revision string) map[string]signature.Signers {
	if _, known := v.lists[revision]; !known {
		lists, err := v.read(revision)
		if err != nil {
			lists = nil
		}
		v.lists[revision] = lists
	}
	return v.lists[revision]
}

func (v *verifier) read(revision string) (map[string]signature.Signers, error) {
	tree, err := v.history.Tree(revision, v.Path)
	if err != nil {
		return nil, err
	}
	set, err := v.loader.Load(tree)
	if err != nil {
		return nil, err
	}
	return set.Signers()
}

// verify notes who vouches for a revision. One for which nobody does who has to vouch
// for all of the repository is refused.
func (c *Controller) verify(ctx context.Context, commit git.Commit, d *model.Desired) error {
	var own signature.Signers
	if c.cfg.Signers != nil {
		var err error
		if own, err = c.cfg.Signers(); err != nil {
			return err
		}
	}
	c.mu.Lock()
	last := c.source.accepted.Verified
	c.mu.Unlock()
	result, err := Verify(ctx, c.cfg.Source, c.loader, VerifyOptions{
		Commit: commit, Path: c.cfg.Path, Own: own, Verified: last, Named: c.cfg.Named,
	})
	if err != nil {
		return err
	}
	return result.Into(d)
}

// Into notes the result in what the revision asks for.
func (v Verification) Into(d *model.Desired) error {
	if why := v.Unverified[""]; why != "" {
		return errors.New("not verified: " + why)
	}
	d.Verified, d.Unverified = v.Verified, v.Unverified
	return nil
}
