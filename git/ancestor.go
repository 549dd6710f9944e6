package git

import (
	"context"
	"errors"

	"github.com/go-git/go-git/v5/plumbing"
)

// ErrHistoryCut is a history that ends too early, or goes on for too long, to
// tell.
var ErrHistoryCut = errors.New("the history that is here does not tell")

// IsAncestor says whether the commit old is the commit with the id of, or part
// of its history. It reads the mirror alone and gives up, with ErrHistoryCut,
// where a shallow history ends without an answer or after some thousand
// commits.
func (r *Repository) IsAncestor(ctx context.Context, old, of string) (bool, error) {
	sought, err := parseID(old)
	var from plumbing.Hash
	if err == nil {
		from, err = parseID(of)
	}
	found := false
	if err == nil {
		found, err = r.mirror.reaches(ctx, from, sought)
	}
	return found, r.fail("search history of", of, err)
}

// reaches goes back from a commit, the newest generation first.
func (m *mirror) reaches(ctx context.Context, from, sought plumbing.Hash) (bool, error) {
	const most = 20_000
	cut := false
	pending, seen := []plumbing.Hash{from}, map[plumbing.Hash]bool{from: true}
	for len(pending) > 0 && ctx.Err() == nil {
		id := pending[0]
		pending = pending[1:]
		if id == sought {
			return true, nil
		}
		c, err := m.commit(id)
		if errors.Is(err, ErrRevisionNotFound) && id != from {
			cut = true
			continue
		}
		if err != nil {
			return false, err
		}
		if len(seen) > most {
			return false, ErrHistoryCut
		}
		for _, parent := range c.ParentHashes {
			if !seen[parent] {
				seen[parent] = true
				pending = append(pending, parent)
			}
		}
	}
	if cut && ctx.Err() == nil {
		return false, ErrHistoryCut
	}
	return false, ctx.Err()
}
