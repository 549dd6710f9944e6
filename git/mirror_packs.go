package git

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// haves is commits to tell a remote of: the last target and its ancestors,
// further and further apart, so that after a force-push there is still one
// that both sides know.
func (m *mirror) haves() []plumbing.Hash {
	const furthest = 1024
	var haves []plumbing.Hash
	id, next := m.tip(), 0
	for i := 0; i <= furthest && !id.IsZero() && m.has(id); i++ {
		c, err := m.commit(id)
		if err != nil {
			break
		}
		if i == next {
			haves = append(haves, id)
			next = max(2*i, i+1)
		}
		if len(c.ParentHashes) == 0 {
			break
		}
		id = c.ParentHashes[0]
	}
	return haves
}

// shallow is the commits at which the mirror's history was cut off by its
// source. A server must be told, or it takes for granted what lies beyond.
func (m *mirror) shallow() []plumbing.Hash {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids, err := m.storage().Shallow()
	if err != nil {
		return nil
	}
	return ids
}

// noteShallow records which of the cuts are cuts here, after a fetch.
func (m *mirror) noteShallow(advertised []plumbing.Hash) error {
	before := m.shallow()
	var cuts []plumbing.Hash
	for _, id := range append(slices.Clone(before), advertised...) {
		if !slices.Contains(cuts, id) && m.cutAt(id) {
			cuts = append(cuts, id)
		}
	}
	if slices.Equal(before, cuts) {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.storage().SetShallow(cuts); err != nil {
		return fmt.Errorf("record shallow history: %w", err)
	}
	return nil
}

func (m *mirror) cutAt(id plumbing.Hash) bool {
	if !m.has(id) {
		return false
	}
	c, err := m.commit(id)
	return err == nil && slices.ContainsFunc(c.ParentHashes, func(p plumbing.Hash) bool { return !m.has(p) })
}

// Each fetch adds a pack, and each object is looked for in every pack, so the
// small ones are merged when they have become many. Large ones are left as
// they are: rewriting them would cost more than it brings.
const (
	manyPacks    = 50
	smallPack    = 4 << 20
	deltaWindow  = 10
	packFilename = "pack-%s.%s"
)

func (m *mirror) compact() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	small, err := m.smallPacks()
	if err != nil || len(small) < manyPacks {
		return err
	}
	ids, err := m.objectsOf(small)
	if err != nil {
		return err
	}
	merged, err := m.merge(ids)
	if err != nil {
		return err
	}
	return m.removePacks(slices.DeleteFunc(small, func(id plumbing.Hash) bool { return id == merged }))
}

func (m *mirror) packPath(id plumbing.Hash, extension string) string {
	return filepath.Join(m.dir, "objects", "pack", fmt.Sprintf(packFilename, id, extension))
}

func (m *mirror) smallPacks() ([]plumbing.Hash, error) {
	packs, err := m.storage().ObjectPacks()
	if err != nil {
		return nil, fmt.Errorf("list packs: %w", err)
	}
	return slices.DeleteFunc(packs, func(id plumbing.Hash) bool {
		info, err := os.Stat(m.packPath(id, "pack"))
		return err != nil || info.Size() > smallPack
	}), nil
}

// objectsOf is the ids in packs, in a fixed order.
func (m *mirror) objectsOf(packs []plumbing.Hash) ([]plumbing.Hash, error) {
	var ids []plumbing.Hash
	for _, pack := range packs {
		file, err := os.Open(m.packPath(pack, "idx"))
		if err != nil {
			return nil, fmt.Errorf("read pack index: %w", err)
		}
		index := idxfile.NewMemoryIndex()
		err = errors.Join(idxfile.NewDecoder(file).Decode(index), file.Close())
		if err != nil {
			return nil, fmt.Errorf("read pack index: %w", err)
		}
		ids, err = appendEntries(ids, index)
		if err != nil {
			return nil, fmt.Errorf("read pack index: %w", err)
		}
	}
	slices.SortFunc(ids, func(a, b plumbing.Hash) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids), nil
}

func appendEntries(ids []plumbing.Hash, index *idxfile.MemoryIndex) ([]plumbing.Hash, error) {
	entries, err := index.Entries()
	if err != nil {
		return nil, err
	}
	for {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return ids, entries.Close()
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, entry.Hash)
	}
}

// merge writes objects into one new pack.
func (m *mirror) merge(ids []plumbing.Hash) (plumbing.Hash, error) {
	spool, err := os.CreateTemp(m.dir, "incoming-")
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("merge packs: %w", err)
	}
	defer os.Remove(spool.Name()) //nolint:errcheck // it is swept up at the next start, too
	defer spool.Close()           //nolint:errcheck // it is thrown away
	merged, err := packfile.NewEncoder(spool, m.storage(), false).Encode(ids, deltaWindow)
	if err != nil {
		return merged, fmt.Errorf("merge packs: %w", err)
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return merged, fmt.Errorf("merge packs: %w", err)
	}
	return merged, copyPack(m.storage(), spool)
}

// removePacks takes the pack away before its index: an index alone is only
// garbage, a pack alone would stop every read.
func (m *mirror) removePacks(ids []plumbing.Hash) error {
	m.store = nil
	for _, id := range ids {
		for _, extension := range []string{"pack", "idx"} {
			if err := os.Remove(m.packPath(id, extension)); err != nil && !os.IsNotExist(err) {
				return fmt.Errorf("remove merged pack: %w", err)
			}
		}
	}
	return nil
}
