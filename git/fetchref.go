package git

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// fetchedPrefix is that of a reference for each one that FetchRef has brought, so that
// git gc in the mirror leaves the pull requests that are looked at.
const fetchedPrefix = "refs/tallyman/fetched/"

// FetchRef asks the remote where a reference is and makes that commit available,
// as Fetch does for the branch, which it leaves alone. The name is a full one, as
// refs/pull/7/head or refs/merge-requests/7/head: what is short could be anything.
// The commit stays until the reference is fetched again, or let go by KeepRefs.
func (r *Repository) FetchRef(ctx context.Context, ref string) (Commit, error) {
	var commit Commit
	err := checkRef(ref)
	if err == nil {
		err = r.alone(ctx, func() error {
			return r.connected(ctx, func(from *remote) error {
				commit, err = r.bringRef(ctx, from, ref)
				return err
			})
		})
	}
	return commit, r.fail("fetch reference", ref, err)
}

func checkRef(ref string) error {
	if !strings.HasPrefix(ref, "refs/") || plumbing.ReferenceName(ref).Validate() != nil {
		return fmt.Errorf("%w: write a full name, such as refs/pull/7/head", ErrRevisionNotFound)
	}
	return nil
}

func (r *Repository) bringRef(ctx context.Context, from *remote, ref string) (Commit, error) {
	tip, found := from.refs.at(ref)
	if !found {
		return Commit{}, fmt.Errorf("%w: the remote has no reference of that name", ErrRevisionNotFound)
	}
	if err := r.bring(ctx, from, tip); err != nil {
		return Commit{}, err
	}
	id, err := r.mirror.peel(tip)
	if err != nil {
		return Commit{}, err
	}
	file := filepath.Join(r.mirror.dir, filepath.FromSlash(fetchedRef(ref).String()))
	if err := os.MkdirAll(filepath.Dir(file), privateDir); err != nil {
		return Commit{}, fmt.Errorf("write mirror: %w", err)
	}
	if err := writeFile(file, id.String()+"\n"); err != nil {
		return Commit{}, err
	}
	return r.mirror.described(id)
}

// fetchedRef stands for a reference: of these no name is the folder of another.
func fetchedRef(ref string) plumbing.ReferenceName {
	sum := sha256.Sum256([]byte(ref))
	return plumbing.ReferenceName(fetchedPrefix + hex.EncodeToString(sum[:]))
}

// KeepRefs lets go of all fetched references but these.
func (r *Repository) KeepRefs(ctx context.Context, refs []string) error {
	keep := map[plumbing.ReferenceName]bool{}
	for _, ref := range refs {
		keep[fetchedRef(ref)] = true
	}
	if _, err := os.Stat(r.mirror.dir); err != nil {
		return nil // nothing was fetched yet
	}
	err := r.alone(ctx, func() error { return r.mirror.letGo(keep) })
	return r.fail("let go of references of", r.addr.String(), err)
}

// letGo removes fetched references, also those that git gc has packed.
func (m *mirror) letGo(keep map[plumbing.ReferenceName]bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	all, err := m.storage().IterReferences()
	if err != nil {
		return fmt.Errorf("list references: %w", err)
	}
	return all.ForEach(func(ref *plumbing.Reference) error {
		if name := ref.Name(); strings.HasPrefix(name.String(), fetchedPrefix) && !keep[name] {
			return m.storage().RemoveReference(name)
		}
		return nil
	})
}
