package git

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// How a commit was reached in the search for a fork.
const (
	fromBase = 1 << iota
	fromHead
	beyondFork // it is part of the history of a commit that both have
)

// maxHistory is how many commits are looked at before the search is given up.
const maxHistory = 100_000

// fork is the newest commit that both have in their histories, zero where they
// share none. It goes back from both at once, the newest commit first, as git
// merge-base does: go-git's own search reads the whole history of one of them,
// and takes a history that is cut off for one that ends.
func (m *mirror) fork(ctx context.Context, base, head plumbing.Hash) (plumbing.Hash, error) {
	s := &forkSearch{mirror: m, flags: map[plumbing.Hash]int{}}
	if err := s.reach(base, fromBase); err != nil {
		return plumbing.ZeroHash, err
	}
	if err := s.reach(head, fromHead); err != nil {
		return plumbing.ZeroHash, err
	}
	return s.run(ctx)
}

type forkSearch struct {
	*mirror
	flags   map[plumbing.Hash]int
	pending []*object.Commit // the newest last
	cut     bool             // a parent is not here
}

// reach notes how a commit was reached, and has it looked at if that is new.
func (s *forkSearch) reach(id plumbing.Hash, flag int) error {
	if s.flags[id]&flag == flag {
		return nil
	}
	c, err := s.commit(id)
	if err != nil {
		return err
	}
	s.flags[id] |= flag
	i, _ := slices.BinarySearchFunc(s.pending, c, older)
	s.pending = slices.Insert(s.pending, i, c)
	return nil
}

func older(a, b *object.Commit) int {
	return cmp.Or(a.Committer.When.Compare(b.Committer.When), slices.Compare(a.Hash[:], b.Hash[:]))
}

func (s *forkSearch) run(ctx context.Context) (plumbing.Hash, error) {
	const both = fromBase | fromHead
	var found []plumbing.Hash
	for s.undecided() {
		if err := ctx.Err(); err != nil {
			return plumbing.ZeroHash, err
		}
		if len(s.flags) > maxHistory {
			return plumbing.ZeroHash, ErrHistoryCut
		}
		c := s.pending[len(s.pending)-1]
		s.pending = s.pending[:len(s.pending)-1]
		flag := s.flags[c.Hash]
		if flag == both {
			found, flag = append(found, c.Hash), flag|beyondFork
		}
		if err := s.parents(c, flag); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	i := slices.IndexFunc(found, func(id plumbing.Hash) bool { return s.flags[id] == both })
	switch {
	case i >= 0:
		return found[i], nil
	case s.cut:
		return plumbing.ZeroHash, ErrHistoryCut
	}
	return plumbing.ZeroHash, nil
}

// undecided says whether something is pending that could lead to a fork.
func (s *forkSearch) undecided() bool {
	return slices.ContainsFunc(s.pending, func(c *object.Commit) bool { return s.flags[c.Hash]&beyondFork == 0 })
}

func (s *forkSearch) parents(c *object.Commit, flag int) error {
	for _, parent := range c.ParentHashes {
		err := s.reach(parent, flag)
		if errors.Is(err, ErrRevisionNotFound) {
			s.cut, err = true, nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
