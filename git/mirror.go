package git

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// mirror is the bare repository on disk. Objects come into it only as whole
// packs that are complete together with what is there already, so an object
// that is there has everything it refers to there. Nothing is ever thrown
// away: what a force-push left behind may still be the last good revision.
type mirror struct {
	dir      string
	identity string // of the repository it mirrors

	mu      sync.Mutex // go-git's storage is not for concurrent use
	store   *filesystem.Storage
	checked bool  // it was looked over since the start
	suspect error // a read failed twice: why it must be rebuilt
	// rebuilt is the target for which that was done last. When a read fails
	// even so, it is the repository itself that is not good.
	rebuilt plumbing.Hash
}

const (
	objectCacheSize = 16 * cache.MiByte
	maxMetaSize     = 8 << 20 // bytes of a commit, a tag or a directory
)

var errTooLarge = errors.New("object too large")

// mirrorName is the folder of a repository's mirror. Each repository has its own:
// who looks at another one with the same state directory takes nothing away from
// this one.
func mirrorName(identity string) string {
	sum := sha256.Sum256([]byte(identity))
	return fmt.Sprintf("mirror-%x.git", sum[:8])
}

func newMirror(dir, identity string) *mirror {
	return &mirror{dir: dir, identity: identity}
}

// storage opens the storage when it is not; m.mu is held.
func (m *mirror) storage() *filesystem.Storage {
	if m.store == nil {
		m.store = filesystem.NewStorage(newPrivateFS(m.dir), cache.NewObjectLRU(objectCacheSize))
	}
	return m.store
}

// reopen forgets what is cached of the disk's content.
func (m *mirror) reopen() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.store = nil
}

// has says whether an object is there.
func (m *mirror) has(id plumbing.Hash) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.storage().HasEncodedObject(id) == nil
}

// hasNow is has for an object that another process may have brought.
func (m *mirror) hasNow(id plumbing.Hash) bool {
	if m.has(id) {
		return true
	}
	m.reopen()
	return m.has(id)
}

// holds says whether an object can be had from the disk as it is. What is known
// of the packs may be out of date: another process may have replaced them all.
func (m *mirror) holds(id plumbing.Hash) bool {
	if _, err := m.kind(id); err == nil {
		return true
	}
	m.reopen()
	_, err := m.kind(id)
	return err == nil
}

// read is the content of an object that must be there. Another process may
// have moved it to another pack meanwhile, so a failure counts only after a
// second look; then the mirror is due for a rebuild.
func (m *mirror) read(kind plumbing.ObjectType, id plumbing.Hash, limit int64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, err := readObject(m.storage(), kind, id, limit)
	if err == nil || errors.Is(err, errTooLarge) {
		return data, err
	}
	m.store = nil
	if data, err = readObject(m.storage(), kind, id, limit); err != nil && !errors.Is(err, errTooLarge) {
		m.suspect = err
	}
	return data, err
}

func (m *mirror) size(id plumbing.Hash) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	size, err := m.storage().EncodedObjectSize(id)
	if err != nil {
		m.store = nil
		if size, err = m.storage().EncodedObjectSize(id); err != nil {
			m.suspect = err
		}
	}
	return size, err
}

// kind is an object's type.
func (m *mirror) kind(id plumbing.Hash) (plumbing.ObjectType, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	obj, err := m.storage().EncodedObject(plumbing.AnyObject, id)
	if err != nil {
		return plumbing.InvalidObject, fmt.Errorf("read object %s: %w", id, err)
	}
	return obj.Type(), nil
}

// readObject looks at the size before it inflates anything, and at the hash
// after: a disk that lies is found out here.
func readObject(store *filesystem.Storage, kind plumbing.ObjectType, id plumbing.Hash, limit int64) ([]byte, error) {
	size, err := store.EncodedObjectSize(id)
	if err != nil {
		return nil, fmt.Errorf("read object %s: %w", id, err)
	}
	if size > limit {
		return nil, errTooLarge
	}
	obj, err := store.EncodedObject(kind, id)
	if err != nil {
		return nil, fmt.Errorf("read object %s: %w", id, err)
	}
	return content(obj, id, limit)
}

// content is what an object holds, if that matches the id.
func content(obj plumbing.EncodedObject, id plumbing.Hash, limit int64) ([]byte, error) {
	reader, err := obj.Reader()
	if err != nil {
		return nil, fmt.Errorf("read object %s: %w", id, err)
	}
	defer reader.Close() //nolint:errcheck // only read from
	data, err := io.ReadAll(io.LimitReader(reader, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read object %s: %w", id, err)
	}
	if plumbing.ComputeHash(obj.Type(), data) != id {
		return nil, fmt.Errorf("read object %s: the content does not match the id", id)
	}
	return data, nil
}

// decode parses a commit, tree or tag.
func (m *mirror) decode(kind plumbing.ObjectType, id plumbing.Hash, into interface {
	Decode(plumbing.EncodedObject) error
}) error {
	data, err := m.read(kind, id, maxMetaSize)
	if err != nil {
		return err
	}
	obj := &plumbing.MemoryObject{}
	obj.SetType(kind)
	if _, err := obj.Write(data); err != nil {
		return err
	}
	if err := into.Decode(obj); err != nil {
		return fmt.Errorf("read object %s: %w", id, err)
	}
	return nil
}

// commit reads a commit that may not be there.
func (m *mirror) commit(id plumbing.Hash) (*object.Commit, error) {
	if !m.hasNow(id) {
		return nil, fmt.Errorf("%w: %s is not in the mirror", ErrRevisionNotFound, id)
	}
	c := &object.Commit{}
	if err := m.decode(plumbing.CommitObject, id, c); err != nil {
		return nil, err
	}
	return c, nil
}

// peel follows annotated tags to the commit.
func (m *mirror) peel(id plumbing.Hash) (plumbing.Hash, error) {
	const deepest = 8
	for range deepest {
		m.mu.Lock()
		obj, err := m.storage().EncodedObject(plumbing.AnyObject, id)
		m.mu.Unlock()
		switch {
		case err != nil:
			return id, fmt.Errorf("%w: %s is not in the mirror", ErrRevisionNotFound, id)
		case obj.Type() == plumbing.CommitObject:
			return id, nil
		case obj.Type() != plumbing.TagObject:
			return id, fmt.Errorf("%w: %s is a %s, not a commit", ErrRevisionNotFound, id, obj.Type())
		}
		tag := &object.Tag{}
		if err := m.decode(plumbing.TagObject, id, tag); err != nil {
			return id, err
		}
		id = tag.Target
	}
	return id, fmt.Errorf("%w: %s is a tag of a tag of a tag", ErrRevisionNotFound, id)
}

// withPrefix is the commits whose id begins with prefix, sorted.
func (m *mirror) withPrefix(prefix string) ([]plumbing.Hash, error) {
	whole, err := hex.DecodeString(prefix[:len(prefix)/2*2])
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	ids, err := m.storage().HashesWithPrefix(whole)
	if err != nil {
		return nil, fmt.Errorf("list objects: %w", err)
	}
	ids = slices.DeleteFunc(ids, func(id plumbing.Hash) bool {
		_, err := m.storage().EncodedObject(plumbing.CommitObject, id)
		return err != nil || !strings.HasPrefix(id.String(), prefix)
	})
	slices.SortFunc(ids, func(a, b plumbing.Hash) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids), nil
}

// addPack takes in what write writes: a complete pack. It is spooled first, so
// that a connection that breaks leaves nothing and readers never wait for the
// network.
func (m *mirror) addPack(maxObject int64, write func(io.Writer) error) error {
	spool, err := os.CreateTemp(m.dir, "incoming-")
	if err != nil {
		return fmt.Errorf("spool objects: %w", err)
	}
	defer os.Remove(spool.Name()) //nolint:errcheck // it is swept up at the next start, too
	defer spool.Close()           //nolint:errcheck // it is thrown away
	if err := write(spool); err != nil {
		return err
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("spool objects: %w", err)
	}
	if err := checkPack(spool, maxObject); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return copyPack(m.storage(), spool)
}

func copyPack(store *filesystem.Storage, from io.Reader) error {
	pack, err := store.PackfileWriter()
	if err != nil {
		return fmt.Errorf("store objects: %w", err)
	}
	_, copyErr := io.Copy(pack, from)
	if err := errors.Join(copyErr, pack.Close()); err != nil {
		return fmt.Errorf("store objects: %w", err)
	}
	return nil
}

// tipRef is the last target. Beside it there are only references to the commits
// that are kept.
const tipRef plumbing.ReferenceName = "refs/heads/target"

// tip is the last target; zero when there was none.
func (m *mirror) tip() plumbing.Hash {
	m.mu.Lock()
	defer m.mu.Unlock()
	ref, err := m.storage().Reference(tipRef)
	if err != nil {
		return plumbing.ZeroHash
	}
	return ref.Hash()
}

func (m *mirror) setTip(id plumbing.Hash) error {
	if m.tip() == id {
		return nil
	}
	return writeFile(filepath.Join(m.dir, filepath.FromSlash(tipRef.String())), id.String()+"\n")
}

// writeFile replaces a file in one step.
func writeFile(name, content string) error {
	f, err := os.CreateTemp(filepath.Dir(name), "incoming-")
	if err != nil {
		return fmt.Errorf("write mirror: %w", err)
	}
	_, err = f.WriteString(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write mirror: %w", err)
	}
	return nil
}
