package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

var (
	// ErrConflict is two changes that a person has to bring together.
	ErrConflict = errors.New("both sides changed the same")
	// ErrUnrelated are two histories that have no commit in common.
	ErrUnrelated = errors.New("the histories have no commit in common")
)

// Merged is what a branch would hold once another one was merged into it.
type Merged struct {
	Base, Head Commit
	// Fork is the newest commit that both have.
	Fork  Commit
	draft *Draft
}

// Tree is the files below path as they would be, with the promises of
// Repository.Tree. Nothing of it is on disk.
func (m *Merged) Tree(path string) (fs.FS, error) { return m.draft.Tree(path) }

// Nothing says whether there is nothing to merge: the base has the head already. A head
// that changes no file is something, since a commit may be there for what it says.
func (m *Merged) Nothing() bool { return m.Fork.ID == m.Head.ID }

// Merge says what the commit base would become if head was merged into it. Both
// have to be in the mirror already. Files that both sides changed are merged
// line by line; where that does not work out the error is ErrConflict and names
// them.
//
// It is not git's own merge in two points. Renamed files are not followed: one
// that one side has renamed and the other has changed is a conflict. And where
// there are several newest common commits (after merges crosswise) the newest of
// them counts, where git merges these first.
func (r *Repository) Merge(ctx context.Context, base, head string) (Merged, error) {
	m, err := r.merge(ctx, base, head)
	return m, r.fail("merge", short(head)+" into "+short(base), err)
}

func (r *Repository) merge(ctx context.Context, base, head string) (m Merged, err error) {
	var ids [2]plumbing.Hash
	for i, text := range []string{base, head} {
		if ids[i], err = parseID(text); err != nil {
			return m, err
		}
	}
	fork, err := r.mirror.fork(ctx, ids[0], ids[1])
	if errors.Is(err, ErrHistoryCut) {
		return m, fmt.Errorf("%w: fetch all of it (git fetch --unshallow; in a CI job, a checkout with its whole history)", err)
	}
	if err == nil && fork.IsZero() {
		err = fmt.Errorf("%w; rebase one onto the other", ErrUnrelated)
	}
	if err != nil {
		return m, err
	}
	if m.draft, err = newDraft(r.mirror, r.cfg.Limits, ids[0]); err != nil {
		return m, err
	}
	m.Base = m.draft.head
	if m.Fork, err = r.mirror.described(fork); err != nil {
		return m, err
	}
	if m.Head, err = r.mirror.described(ids[1]); err != nil {
		return m, err
	}
	return m, m.draft.merge(ctx, fork, ids[1])
}

func (m *mirror) described(id plumbing.Hash) (Commit, error) {
	c, err := m.commit(id)
	if err != nil {
		return Commit{}, err
	}
	return newCommit(c), nil
}

// merge makes the changes that lead from one commit to another.
func (d *Draft) merge(ctx context.Context, fork, head plumbing.Hash) error {
	from, err := d.mirror.commit(fork)
	if err != nil {
		return err
	}
	to, err := d.mirror.commit(head)
	if err != nil {
		return err
	}
	t := &treeMerge{Draft: d, ctx: ctx}
	root, err := t.trees(nil, dirs{fork: from.TreeHash, base: d.root, head: to.TreeHash})
	if err != nil {
		return err
	}
	d.root = root
	return t.conflict()
}

// shownConflicts is how many files an error names.
const shownConflicts = 10

func (t *treeMerge) conflict() error {
	if len(t.conflicts) == 0 {
		return nil
	}
	var names []string
	for _, name := range t.conflicts[:min(len(t.conflicts), shownConflicts)] {
		names = append(names, fmt.Sprintf("%q", name))
	}
	if more := len(t.conflicts) - shownConflicts; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("%w in %s; rebase, or merge the base into it", ErrConflict, strings.Join(names, ", "))
}
