package git

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Tree is the files of the commit with the given id, below path ("." or empty
// for all of it). The result also is a ReadDirFS, a ReadFileFS and a StatFS,
// may be used from several goroutines, and reads from the mirror as it goes.
//
// Sys() of its file infos is an ObjectID. Symbolic links and submodules are
// listed, with their type, and fail when opened; so do LFS pointers and files
// over the size limit: what nobody reads can't hurt, and a repository may keep
// such things beside the manifests. An inadmissible name, a name twice, or
// more entries than the limit allows fail the listing itself.
func (r *Repository) Tree(id, path string) (fs.FS, error) {
	root, when, err := r.subtree(id, path)
	if err != nil {
		return nil, r.fail("open tree", place(id, path), err)
	}
	return newTreeFS(r.mirror, r.cfg.Limits, root, when), nil
}

// TreeHash is the hash of all that Tree with the same arguments shows: while
// it stays the same, so do the files.
func (r *Repository) TreeHash(id, path string) (string, error) {
	root, _, err := r.subtree(id, path)
	if err != nil {
		return "", r.fail("open tree", place(id, path), err)
	}
	return root.String(), nil
}

func place(id, p string) string { return short(id) + ":" + cleanPath(p) }

func cleanPath(p string) string { return path.Clean(orDefault(strings.TrimRight(p, "/"), ".")) }

func (r *Repository) subtree(id, p string) (plumbing.Hash, time.Time, error) {
	var when time.Time
	commitID, err := parseID(id)
	if err != nil {
		return commitID, when, err
	}
	c, err := r.mirror.commit(commitID)
	if err != nil {
		return commitID, when, err
	}
	p = cleanPath(p)
	if !fs.ValidPath(p) {
		return commitID, when, errors.New("the path must be relative to the repository and stay in it")
	}
	root, err := r.mirror.descend(c.TreeHash, p)
	return root, c.Committer.When, err
}

// descend finds the directory p below the tree with the given id.
func (m *mirror) descend(id plumbing.Hash, p string) (plumbing.Hash, error) {
	if p == "." {
		return id, nil
	}
	for _, name := range strings.Split(p, "/") {
		entries, err := m.entries(id)
		if err != nil {
			return id, err
		}
		i := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == name })
		if i < 0 {
			return id, fmt.Errorf("%w: there is no %q", ErrPathNotFound, name)
		}
		if entries[i].Mode != filemode.Dir {
			return id, fmt.Errorf("%w: %q is not a directory", ErrPathNotFound, name)
		}
		id = entries[i].Hash
	}
	return id, nil
}

// entries reads one directory, unchecked, sorted by name as io/fs wants it:
// Git sorts directories as if their names ended in a slash.
func (m *mirror) entries(id plumbing.Hash) ([]object.TreeEntry, error) {
	tree := &object.Tree{}
	if err := m.decode(plumbing.TreeObject, id, tree); err != nil {
		return nil, err
	}
	slices.SortFunc(tree.Entries, func(a, b object.TreeEntry) int { return cmp.Compare(a.Name, b.Name) })
	return tree.Entries, nil
}

// objects is where directories and files are read from.
type objects interface {
	entries(tree plumbing.Hash) ([]object.TreeEntry, error) // sorted by name
	read(kind plumbing.ObjectType, id plumbing.Hash, limit int64) ([]byte, error)
	size(blob plumbing.Hash) (int64, error)
}

func newTreeFS(from objects, limits Limits, root plumbing.Hash, when time.Time) *treeFS {
	return &treeFS{from: from, limits: limits, root: root, when: when, dirs: map[string][]object.TreeEntry{}}
}

// treeFS reads directories as they are asked for, each once, and counts what
// it has listed.
type treeFS struct {
	from   objects
	limits Limits
	root   plumbing.Hash
	when   time.Time

	mu    sync.Mutex
	dirs  map[string][]object.TreeEntry
	count int
}

// find is the entry that name stands for; the root has one as well.
func (t *treeFS) find(name string) (object.TreeEntry, error) {
	if !fs.ValidPath(name) {
		return object.TreeEntry{}, fs.ErrInvalid
	}
	if name == "." {
		return object.TreeEntry{Name: ".", Mode: filemode.Dir, Hash: t.root}, nil
	}
	if strings.Count(name, "/") >= t.limits.MaxDepth {
		return object.TreeEntry{}, fmt.Errorf("it is more than %d directories deep", t.limits.MaxDepth)
	}
	entries, err := t.list(path.Dir(name))
	if err != nil {
		return object.TreeEntry{}, err
	}
	i, found := slices.BinarySearchFunc(entries, path.Base(name), func(e object.TreeEntry, name string) int {
		return cmp.Compare(e.Name, name)
	})
	if !found {
		return object.TreeEntry{}, fs.ErrNotExist
	}
	return entries[i], nil
}

// list is the entries of a directory.
func (t *treeFS) list(dir string) ([]object.TreeEntry, error) {
	t.mu.Lock()
	entries, listed := t.dirs[dir]
	t.mu.Unlock()
	if listed {
		return entries, nil
	}
	e, err := t.find(dir)
	if err != nil {
		return nil, err
	}
	if e.Mode != filemode.Dir {
		return nil, fs.ErrNotExist
	}
	if entries, err = t.from.entries(e.Hash); err == nil {
		err = checkEntries(entries)
	}
	if err != nil {
		return nil, err
	}
	return entries, t.note(dir, entries)
}

func (t *treeFS) note(dir string, entries []object.TreeEntry) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, listed := t.dirs[dir]; listed {
		return nil
	}
	if t.count += len(entries); t.count > t.limits.MaxFiles {
		return fmt.Errorf("more than %d files; point the path at a smaller directory or raise the limit", t.limits.MaxFiles)
	}
	t.dirs[dir] = entries
	return nil
}
