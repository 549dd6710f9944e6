package reconcile

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/signature"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/proposal"
)

// Vouching is what it takes to tell whether those have signed a proposal's commits who
// have to.
type Vouching struct {
	VerifyOptions // of the head
	History       History
	Loader        *manifest.Loader
	// Ground is what the proposal is made against, Merged what would become of it.
	Ground, Merged *Ground
	// Base is the commit that the head would be merged into, Fork the newest one that
	// both have.
	Base, Fork string
}

// Signatures says who asks for signed commits, and what of the proposal's are none. How
// it will be merged is not known, but what a merge brings is one move of the branch: so
// all of it is held against the list of the commit before, which it can't change. The
// merge itself is not there yet.
func (v Vouching) Signatures(ctx context.Context) ([]proposal.Signature, error) {
	asked, err := v.Ground.set.Signers()
	if err != nil {
		return nil, err
	}
	names, err := v.Merged.set.Signers()
	if err != nil {
		return nil, err
	}
	maps.Copy(names, asked)
	var out []proposal.Signature
	for _, name := range slices.Sorted(maps.Keys(names)) {
		s := proposal.Signature{App: name}
		if list, before := asked[name]; before { // else the merge alone has to be signed
			if err := v.hold(ctx, &s, list); err != nil {
				return nil, err
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// hold holds the commits against a list. Those that a merge must not bring may still be
// good where the branch moves to the head itself: a seal on top vouches for them there.
func (v Vouching) hold(ctx context.Context, s *proposal.Signature, list signature.Signers) error {
	last := cmp.Or(v.Verified[s.App], v.Ground.commit.ID)
	commits, err := v.brought(ctx, last)
	if errors.Is(err, git.ErrHistoryCut) || errors.Is(err, git.ErrRevisionNotFound) {
		s.Unsigned = unknownSince(last, err).Error()
		return nil
	}
	if err != nil {
		return err
	}
	verifier := newVerifier(v.History, v.Loader, v.VerifyOptions)
	for _, c := range commits {
		if err := verifier.by(c, list); err != nil {
			s.Unsigned = err.Error()
			break
		}
	}
	if s.Unsigned != "" && v.Fork == v.Base && verifier.verify(ctx, s.App, last) == nil {
		s.Unsigned, s.Line = "", true
	}
	return ctx.Err()
}

// brought are the commits that the branch would have after a merge and the last verified
// one has not: the head's, and those of a base that is not verified itself.
func (v Vouching) brought(ctx context.Context, last string) ([]git.Commit, error) {
	var commits []git.Commit
	for _, id := range []string{v.Base, v.Commit.ID} {
		steps, err := v.History.Since(ctx, last, id)
		if err != nil {
			return nil, err
		}
		for _, step := range steps {
			commits = append(commits, step.Commits...)
		}
	}
	return commits, nil
}
