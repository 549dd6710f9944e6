package git

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tallyman-io/tallyman/internal/signature"
)

// Signature is who a commit is by.
type Signature struct{ Name, Email string }

// EditOptions are what a commit says beside its files.
type EditOptions struct {
	Author  Signature // the committer as well
	Message string
	When    time.Time // zero is now
	// Branch is a new branch for the commit, which is on top of the followed one
	// all the same; "" puts it on the followed one itself.
	Branch string
	key    *signature.Key
}

// check looks over the texts, which Git would store as they are, and makes
// them such that they can't be taken for another part of the commit.
func (o EditOptions) check() (EditOptions, error) {
	unbracketed := func(s string) string {
		return printable(strings.Map(func(r rune) rune {
			if r == '<' || r == '>' {
				return -1
			}
			return r
		}, s))
	}
	o.Author = Signature{unbracketed(o.Author.Name), unbracketed(o.Author.Email)}
	o.Message = printableLines(o.Message)
	switch {
	case o.Author.Name == "" || o.Author.Email == "":
		return o, errors.New("the commit has no author; give a name and an email")
	case o.Message == "":
		return o, errors.New("the commit has no message")
	}
	o.Message += "\n"
	return o, nil
}

// Edit makes one commit on top of the branch and pushes it, to the branch itself
// or as a new one. The files are what
// change makes of the draft, which begins as the branch is at the remote now.
// When the branch moves meanwhile, change is called again with a draft of the
// new head; it must not call methods of the repository that use the network.
//
// ErrNothingToCommit is a draft that was not changed, ErrPushDenied a remote
// that does not take the commit, ErrDirty a work tree in which it would be in
// the way of what somebody is doing there, ErrBranchMoved a branch that others
// kept moving, and ErrBranchExists a new branch that is there already, which
// stays as it is.
func (r *Repository) Edit(ctx context.Context, o EditOptions, change func(*Draft) error) (Commit, error) {
	var made Commit
	o, err := o.check()
	if err == nil {
		o.key, err = r.signingKey()
	}
	if err == nil {
		err = r.alone(ctx, func() error {
			e := &edit{Repository: r, options: o, change: change}
			c, err := e.run(ctx)
			made = c
			return err
		})
	}
	return made, r.fail("commit to repository", r.addr.String(), err)
}

// signingKey is read for each commit; nil when commits are not signed.
func (r *Repository) signingKey() (*signature.Key, error) {
	if r.cfg.SigningKeyFile == "" {
		return nil, nil
	}
	key, err := signature.ReadKey(r.cfg.SigningKeyFile)
	return &key, err
}

// edit is one call of Edit. The writers' lock is held.
type edit struct {
	*Repository
	options EditOptions
	change  func(*Draft) error
	tried   []plumbing.Hash // commits that were sent
}

var (
	errMoved   = errors.New("the branch is not where it was")
	errLocked  = errors.New("a lock is in the way")
	errUnclear = errors.New("the remote's answer got lost")
)

const (
	editTries    = 8
	unclearTries = 3 // each may take as long as a silent remote is waited for
	shortestNap  = 25 * time.Millisecond
)

func (e *edit) run(ctx context.Context) (Commit, error) {
	for try := 1; ; try++ {
		c, err := e.once(ctx)
		switch {
		case !errors.Is(err, errMoved) && !errors.Is(err, errLocked) && !errors.Is(err, errUnclear):
			return c, err
		case try == editTries && errors.Is(err, errLocked):
			return c, fmt.Errorf("gave up after %d tries: %w", try, err)
		case try == editTries && errors.Is(err, errMoved):
			return c, fmt.Errorf("%w: gave up after %d tries: %w", ErrBranchMoved, try, err)
		case try >= unclearTries && errors.Is(err, errUnclear):
			return c, err
		}
		if err := nap(ctx, try); err != nil {
			return c, err
		}
	}
}

// nap is longer each time, and different for two who are in each other's way.
func nap(ctx context.Context, try int) error {
	const longest = 6
	most := shortestNap << min(try, longest)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(most/2 + rand.N(most/2)): //nolint:gosec // only to be different
		return nil
	}
}

func (e *edit) once(ctx context.Context) (Commit, error) {
	to, err := e.look(ctx)
	if err != nil {
		return Commit{}, err
	}
	if c, landed := e.landed(ctx, to.old); landed {
		return c, nil
	}
	if e.options.Branch != "" && !to.old.IsZero() {
		return Commit{}, fmt.Errorf("%w: %s is at %s", ErrBranchExists, to.branch.Short(), short(to.old.String()))
	}
	draft, err := newDraft(e.mirror, e.cfg.Limits, to.head)
	if err == nil {
		err = e.change(draft)
	}
	if err != nil {
		return Commit{}, err
	}
	p, err := draft.propose(e.options)
	if err != nil {
		return Commit{}, err
	}
	p.branch, p.old = to.branch, to.old
	e.tried = append(e.tried, p.new)
	if err := e.push(ctx, p); err != nil {
		return Commit{}, err
	}
	if e.options.Branch == "" {
		e.take(p)
	}
	return newCommit(p.commit), nil
}

// destination is where a commit goes: on top of the followed branch's head, and to
// a branch that is at old; zero where it is not there.
type destination struct {
	head, old plumbing.Hash
	branch    plumbing.ReferenceName
}

// look is where things are at the remote.
func (e *edit) look(ctx context.Context) (to destination, err error) {
	err = e.connected(ctx, func(from *remote) error {
		tip, err := from.refs.target(e.cfg.Branch)
		if err != nil {
			return err
		}
		if to.branch, err = from.refs.branch(e.cfg.Branch); err != nil {
			return err
		}
		c, err := e.follow(ctx, from, tip)
		to.head = plumbing.NewHash(c.ID)
		to.old = to.head
		if err == nil && e.options.Branch != "" {
			err = e.lookAside(ctx, from, &to)
		}
		return err
	})
	return to, err
}

// lookAside is where the new branch is. What is there may be what was sent before
// an answer got lost.
func (e *edit) lookAside(ctx context.Context, from *remote, to *destination) (err error) {
	if to.branch, err = from.refs.branch(e.options.Branch); err != nil {
		return err
	}
	to.old = from.refs.byName[to.branch.String()]
	if to.old.IsZero() || len(e.tried) == 0 {
		return nil
	}
	return e.bring(ctx, from, to.old)
}

// landed finds a commit that was taken although the answer got lost: making it
// again would find nothing to do.
func (e *edit) landed(ctx context.Context, head plumbing.Hash) (Commit, bool) {
	for _, id := range e.tried {
		if reached, err := e.mirror.reaches(ctx, head, id); err != nil || !reached {
			continue
		}
		if c, err := e.mirror.commit(id); err == nil {
			return newCommit(c), true
		}
	}
	return Commit{}, false
}

// take puts into the mirror what the remote took, so that the next look finds
// nothing to fetch. It is no harm when that fails.
func (e *edit) take(p *proposal) {
	err := e.mirror.addPack(e.cfg.Limits.MaxObjectSize, p.writePack)
	if err == nil {
		_ = e.mirror.setTip(p.new)
	}
}

// branch is the full name of the branch to write to.
func (f *refs) branch(configured string) (plumbing.ReferenceName, error) {
	name := f.headName
	if configured != "" {
		name = branchRef(configured)
	}
	if name == "" {
		return "", fmt.Errorf("%w: the remote's HEAD names no branch; say which one to commit to", ErrBranchNotFound)
	}
	if !strings.HasPrefix(name, headsPrefix) {
		return "", fmt.Errorf("%w: %q is not a branch that one could commit to", ErrBranchNotFound, name)
	}
	if err := plumbing.ReferenceName(name).Validate(); err != nil {
		return "", fmt.Errorf("%w: %q is not a valid name", ErrBranchNotFound, name)
	}
	return plumbing.ReferenceName(name), nil
}
