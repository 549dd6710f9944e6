package git

import (
	"container/heap"
	"context"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Step is one move of a branch: from the commit Base to the last of Commits, which
// are those that came with it, a merge's other side too.
type Step struct {
	Base    string
	Commits []Commit
}

// Head is the commit that the branch moved to.
func (s Step) Head() Commit { return s.Commits[len(s.Commits)-1] }

// Since are the moves that led a branch from the commit old to the commit id, the
// oldest first; every commit that id has in its history and old has not is in one of
// them. Where old is not on the line of first parents, all of it is one move. None at
// all means that id is old, or a part of its history.
//
// It reads the mirror alone and gives up, with ErrHistoryCut, where a shallow history
// ends without an answer or after some thousand commits.
func (r *Repository) Since(ctx context.Context, old, id string) ([]Step, error) {
	from, err := parseID(old)
	var to plumbing.Hash
	if err == nil {
		to, err = parseID(id)
	}
	var fresh map[plumbing.Hash]*object.Commit
	if err == nil {
		fresh, err = r.mirror.reachedOnlyFrom(ctx, to, from)
	}
	if err != nil {
		return nil, r.fail("read history of", id, err)
	}
	return moves(fresh, from, to), nil
}

// moves cuts the commits in fresh along the line of first parents.
func moves(fresh map[plumbing.Hash]*object.Commit, from, to plumbing.Hash) []Step {
	var line []*object.Commit
	at := to
	for fresh[at] != nil {
		line = append(line, fresh[at])
		if len(fresh[at].ParentHashes) == 0 {
			break
		}
		at = fresh[at].ParentHashes[0]
	}
	if len(line) > 0 && at != from {
		line = line[:1] // old is not on the line
	}
	slices.Reverse(line)
	var steps []Step
	for base, taken := from, map[plumbing.Hash]bool{}; len(line) > 0; line = line[1:] {
		steps = append(steps, Step{Base: base.String(), Commits: broughtBy(line[0], fresh, taken)})
		base = line[0].Hash
	}
	return steps
}

// broughtBy are the commits of fresh that lead to c and are not taken yet, c the last.
func broughtBy(c *object.Commit, fresh map[plumbing.Hash]*object.Commit, taken map[plumbing.Hash]bool) []Commit {
	var brought []Commit
	taken[c.Hash] = true
	for pending := []*object.Commit{c}; len(pending) > 0; {
		next := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		brought = append(brought, newCommit(next))
		for _, parent := range next.ParentHashes {
			if fresh[parent] != nil && !taken[parent] {
				taken[parent] = true
				pending = append(pending, fresh[parent])
			}
		}
	}
	slices.Reverse(brought)
	return brought
}

// reachedOnlyFrom are the commits that to has in its history, itself included, and
// from has not. It paints both histories, the newest commits first, until nothing is
// left that only to has, as git rev-list does: a commit whose date lies may be taken
// for one of to's own, and never for one that from has.
func (m *mirror) reachedOnlyFrom(ctx context.Context, to, from plumbing.Hash) (map[plumbing.Hash]*object.Commit, error) {
	const most = 20_000
	p := painting{commits: map[plumbing.Hash]*object.Commit{}, old: map[plumbing.Hash]bool{}, queued: map[plumbing.Hash]bool{}}
	for _, start := range []plumbing.Hash{from, to} {
		c, err := m.commit(start)
		if err != nil {
			return nil, err
		}
		p.add(c, start == from)
	}
	for p.fresh > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c := p.next()
		for _, id := range c.ParentHashes {
			parent, err := p.commits[id], error(nil)
			if parent == nil {
				parent, err = m.commit(id)
			}
			if err != nil && p.old[c.Hash] {
				continue // what is beyond is old, or asked for from the other side
			}
			if err != nil {
				return nil, fmt.Errorf("%w: commit %s is not here", ErrHistoryCut, short(id.String()))
			}
			p.add(parent, p.old[c.Hash])
		}
		if len(p.commits) > most {
			return nil, ErrHistoryCut
		}
	}
	for id := range p.old {
		delete(p.commits, id)
	}
	return p.commits, nil
}

// painting is a walk over two histories at once.
type painting struct {
	commits map[plumbing.Hash]*object.Commit // seen
	old     map[plumbing.Hash]bool           // of them, those that belong to the old history
	queued  map[plumbing.Hash]bool
	queue   byTime
	fresh   int // of the queued, those that are not old
}

// add queues a commit that is new, or that turns out to be old.
func (p *painting) add(c *object.Commit, old bool) {
	_, seen := p.commits[c.Hash]
	if seen && (!old || p.old[c.Hash]) {
		return
	}
	p.commits[c.Hash] = c
	if old {
		p.old[c.Hash] = true
	}
	switch {
	case p.queued[c.Hash]: // as fresh, and it is old
		p.fresh--
		return
	case !old:
		p.fresh++
	}
	p.queued[c.Hash] = true
	heap.Push(&p.queue, c)
}

func (p *painting) next() *object.Commit {
	c := heap.Pop(&p.queue).(*object.Commit)
	delete(p.queued, c.Hash)
	if !p.old[c.Hash] {
		p.fresh--
	}
	return c
}

// byTime is a heap with the newest commit on top.
type byTime []*object.Commit

func (q byTime) Len() int           { return len(q) }
func (q byTime) Less(i, j int) bool { return q[i].Committer.When.After(q[j].Committer.When) }
func (q byTime) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *byTime) Push(c any)        { *q = append(*q, c.(*object.Commit)) }
func (q *byTime) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
