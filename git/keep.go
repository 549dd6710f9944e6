package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// keepDir holds a reference for each kept commit: a mirror that somebody runs
// git gc in must not lose them.
const keepDir = "refs/tallyman/keep"

// Keep makes the commits with these ids the ones that the mirror does not give
// up, though the remote may: after a force-push, and when the mirror has to be
// rebuilt, as far as its old content can still be read. One that only the mirror
// of another repository in the same directory has is taken over from there: the
// repository may have moved. Those kept so far and not named are let go. An id
// that is in no mirror is an error after all others have been kept.
func (r *Repository) Keep(ctx context.Context, ids []string) error {
	keep, unknown := r.mirror.sort(ids)
	if slices.Equal(sortedIDs(keep), r.mirror.kept()) && len(unknown) == 0 {
		return nil
	}
	err := r.alone(ctx, func() error {
		r.adopt(ctx, unknown)
		keep, unknown = r.mirror.sort(ids)
		return r.mirror.keep(keep)
	})
	if err == nil && len(unknown) > 0 {
		err = fmt.Errorf("%w: %s is not in the mirror", ErrRevisionNotFound, strings.Join(unknown, ", "))
	}
	return r.fail("keep revisions of", r.addr.String(), err)
}

// sort tells the commits that are there from those that are not.
func (m *mirror) sort(ids []string) (there []plumbing.Hash, unknown []string) {
	for _, text := range ids {
		if id, err := parseID(text); err == nil && m.hasNow(id) {
			there = append(there, id)
		} else {
			unknown = append(unknown, text)
		}
	}
	return there, unknown
}

// adopt takes commits over from the mirrors of other repositories, as far as
// they have them. The writers' lock, which is one for all of them, is held.
func (r *Repository) adopt(ctx context.Context, ids []string) {
	for _, other := range r.mirror.others() {
		for _, text := range ids {
			id, err := parseID(text)
			if err != nil || !other.has(id) || r.mirror.has(id) || r.mirror.begin() != nil {
				continue
			}
			_ = r.mirror.copyFrom(ctx, other, id, r.cfg.Limits.MaxObjectSize) // what is still missing then is told
		}
	}
}

// others are the mirrors of other repositories in the same directory.
func (m *mirror) others() []*mirror {
	var others []*mirror
	dirs, _ := filepath.Glob(filepath.Join(filepath.Dir(m.dir), "mirror*.git"))
	for _, dir := range dirs {
		if dir != m.dir {
			others = append(others, newMirror(dir, ""))
		}
	}
	return others
}

// begin makes an empty mirror if there is none yet.
func (m *mirror) begin() error {
	if m.source() == m.identity {
		return nil
	}
	return m.create()
}

func sortedIDs(ids []plumbing.Hash) []plumbing.Hash {
	sorted := slices.Clone(ids)
	plumbing.HashesSort(sorted)
	return slices.Compact(sorted)
}

// kept is the ids of the kept commits, sorted.
func (m *mirror) kept() []plumbing.Hash {
	names, _ := filepath.Glob(filepath.Join(m.dir, filepath.FromSlash(keepDir), "*"))
	var ids []plumbing.Hash
	for _, name := range names {
		if plumbing.IsHash(filepath.Base(name)) {
			ids = append(ids, plumbing.NewHash(filepath.Base(name)))
		}
	}
	return sortedIDs(ids)
}

// keep writes what is new before it removes what is old. The writers' lock is
// held.
func (m *mirror) keep(ids []plumbing.Hash) error {
	before, dir := m.kept(), filepath.Join(m.dir, filepath.FromSlash(keepDir))
	if len(ids) > 0 {
		if err := os.MkdirAll(dir, privateDir); err != nil {
			return fmt.Errorf("write mirror: %w", err)
		}
	}
	for _, id := range ids {
		if slices.Contains(before, id) {
			continue
		}
		if err := writeFile(filepath.Join(dir, id.String()), id.String()+"\n"); err != nil {
			return err
		}
	}
	for _, id := range before {
		if slices.Contains(ids, id) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, id.String())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("write mirror: %w", err)
		}
	}
	return nil
}

// rescue carries the kept commits over into a rebuilt mirror: out of the old
// one, and where that can't be read, from the remote. One that neither gives
// is kept no longer; that must not stop everything else.
func (r *Repository) rescue(ctx context.Context, fresh *mirror) error {
	var saved []plumbing.Hash
	for _, id := range r.mirror.kept() {
		if fresh.has(id) || fresh.copyFrom(ctx, r.mirror, id, r.cfg.Limits.MaxObjectSize) == nil || r.refetch(ctx, fresh, id) == nil {
			saved = append(saved, id)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := fresh.noteShallow(r.mirror.shallow()); err != nil {
		return err
	}
	return fresh.keep(saved)
}

// refetch asks the remote for one commit, on a connection of its own: over ssh
// a connection is good for one question.
func (r *Repository) refetch(ctx context.Context, fresh *mirror, id plumbing.Hash) error {
	return r.connected(ctx, func(from *remote) error {
		if !from.refs.exact {
			return ErrRevisionNotFound
		}
		return r.bringInto(ctx, from, fresh, []plumbing.Hash{id})
	})
}

// source is the identity that the mirror on disk was made for.
func (m *mirror) source() string {
	content, _ := os.ReadFile(filepath.Join(m.dir, sourceFile))
	return strings.TrimSuffix(string(content), "\n")
}

// copyFrom takes a commit, and its history, over from another mirror.
func (m *mirror) copyFrom(ctx context.Context, old *mirror, id plumbing.Hash, maxObject int64) error {
	session := &localSession{store: verified{old.ownStorage(), old.beyondCuts()}, maxObject: maxObject}
	defer session.Close() //nolint:errcheck // only read from
	return m.addPack(maxObject, func(to io.Writer) error {
		return session.pack(ctx, request{wants: []plumbing.Hash{id}, known: m.has}, to)
	})
}

// ownStorage is for reading beside the mirror's other readers.
func (m *mirror) ownStorage() *filesystem.Storage {
	return filesystem.NewStorage(newPrivateFS(m.dir), cache.NewObjectLRU(objectCacheSize))
}

// beyondCuts is the parents that are not in a shallow mirror, and need not be.
func (m *mirror) beyondCuts() map[plumbing.Hash]bool {
	beyond := map[plumbing.Hash]bool{}
	for _, id := range m.shallow() {
		c := &object.Commit{}
		if m.decode(plumbing.CommitObject, id, c) == nil {
			for _, parent := range c.ParentHashes {
				beyond[parent] = true
			}
		}
	}
	return beyond
}

// verified reads a mirror that is known to be damaged: it believes no content
// that does not match its id, and takes no object for missing that ought to be
// there.
type verified struct {
	*filesystem.Storage
	beyond map[plumbing.Hash]bool
}

func (v verified) EncodedObject(kind plumbing.ObjectType, id plumbing.Hash) (plumbing.EncodedObject, error) {
	obj, err := v.Storage.EncodedObject(kind, id)
	if errors.Is(err, plumbing.ErrObjectNotFound) && !v.beyond[id] {
		return nil, fmt.Errorf("read object %s: it is lost", id)
	}
	if err != nil {
		return nil, err
	}
	_, err = content(obj, id, obj.Size())
	return obj, err
}
