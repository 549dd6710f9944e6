package git

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
)

// Draft is the files that an edit's commit will have: at first those of the
// branch's head. Paths are relative to the repository's root and have slashes.
// Nothing of it is on disk.
type Draft struct {
	mirror *mirror
	limits Limits
	head   Commit
	base   plumbing.Hash   // the root directory at the head
	root   plumbing.Hash   // and as it is to be; zero when nothing is left
	made   *memory.Storage // what the mirror does not have
}

func newDraft(m *mirror, limits Limits, head plumbing.Hash) (*Draft, error) {
	c, err := m.commit(head)
	if err != nil {
		return nil, err
	}
	return &Draft{mirror: m, limits: limits, head: newCommit(c), base: c.TreeHash, root: c.TreeHash, made: memory.NewStorage()}, nil
}

// Head is the commit that the edit builds on.
func (d *Draft) Head() Commit { return d.head }

// ReadFile is a file as it is in the draft.
func (d *Draft) ReadFile(path string) ([]byte, error) {
	_, e, err := d.file(path)
	if err == nil && e == nil {
		err = ErrPathNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	if obj, err := d.made.EncodedObject(plumbing.BlobObject, e.Hash); err == nil {
		return content(obj, e.Hash, obj.Size())
	}
	data, err := d.mirror.read(plumbing.BlobObject, e.Hash, d.limits.MaxFileSize)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	return data, nil
}

// WriteFile replaces a file's content, and keeps its mode, or makes a new file.
func (d *Draft) WriteFile(path string, data []byte) error {
	names, e, err := d.file(path)
	if err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	if e == nil {
		e = &object.TreeEntry{Mode: filemode.Regular}
	}
	if e.Hash, err = d.blob(data); err == nil {
		d.root, err = d.put(d.root, names, e)
	}
	if err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	return nil
}

// blob is a new file's content.
func (d *Draft) blob(data []byte) (plumbing.Hash, error) {
	blob := &plumbing.MemoryObject{}
	blob.SetType(plumbing.BlobObject)
	if _, err := blob.Write(data); err != nil {
		return plumbing.ZeroHash, err
	}
	return d.made.SetEncodedObject(blob)
}

// Remove takes away a file, or a folder with all that is in it.
func (d *Draft) Remove(path string) error {
	names, err := splitPath(path)
	if err == nil && len(names) == 0 {
		err = errors.New("the whole repository can't be removed")
	}
	if err == nil {
		d.root, err = d.put(d.root, names, nil)
	}
	if err != nil {
		return fmt.Errorf("remove %q: %w", path, err)
	}
	return nil
}

// file is the plain file at path, and the names in that; nil when nothing is
// there.
func (d *Draft) file(path string) (names []string, e *object.TreeEntry, err error) {
	if names, err = splitPath(path); err != nil {
		return nil, nil, err
	}
	e, err = d.find(d.root, names)
	switch {
	case err != nil || e == nil:
		return names, nil, err
	case e.Mode == filemode.Dir:
		return names, nil, errors.New("it is a directory")
	}
	return names, e, readable(e.Mode)
}

// splitPath is the names in path; none for the root of the repository.
func splitPath(path string) ([]string, error) {
	path = cleanPath(path)
	if path == "." {
		return nil, nil
	}
	if !fs.ValidPath(path) {
		return nil, errors.New("the path must be relative to the repository and stay in it")
	}
	names := strings.Split(path, "/")
	for _, name := range names {
		if err := checkName(name); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// find is the entry at a path below a tree; nil when nothing is there.
func (d *Draft) find(tree plumbing.Hash, names []string) (*object.TreeEntry, error) {
	at := &object.TreeEntry{Mode: filemode.Dir, Hash: tree}
	for _, name := range names {
		if at.Mode != filemode.Dir {
			return nil, nil
		}
		entries, err := d.entries(at.Hash)
		if err != nil {
			return nil, err
		}
		i := indexOf(entries, name)
		if i < 0 {
			return nil, nil
		}
		at = &entries[i]
	}
	return at, nil
}

func indexOf(entries []object.TreeEntry, name string) int {
	return slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == name })
}

// entries is a directory as a new slice; none for the zero id.
func (d *Draft) entries(tree plumbing.Hash) ([]object.TreeEntry, error) {
	if tree.IsZero() {
		return nil, nil
	}
	if made, err := object.GetTree(d.made, tree); err == nil {
		return slices.Clone(made.Entries), nil
	}
	entries, err := d.mirror.entries(tree)
	if err != nil {
		return nil, err
	}
	return entries, checkEntries(entries)
}

// put is the tree with e at the path, or, where e is nil, with nothing there.
// Folders come and go with what is in them; of a tree that is left empty the
// id is zero.
func (d *Draft) put(tree plumbing.Hash, names []string, e *object.TreeEntry) (plumbing.Hash, error) {
	entries, err := d.entries(tree)
	if err != nil {
		return tree, err
	}
	i := indexOf(entries, names[0])
	if len(names) > 1 {
		if i >= 0 && entries[i].Mode != filemode.Dir {
			if e == nil {
				return tree, nil
			}
			return tree, fmt.Errorf("%q is not a directory", names[0])
		}
		if e, err = d.putBelow(entries, i, names, e); err != nil {
			return tree, err
		}
	}
	switch {
	case e == nil && i < 0, e != nil && i >= 0 && entries[i].Mode == e.Mode && entries[i].Hash == e.Hash:
		return tree, nil
	case e == nil:
		entries = slices.Delete(entries, i, i+1)
	case i >= 0:
		entries[i].Mode, entries[i].Hash = e.Mode, e.Hash
	default:
		entries = append(entries, object.TreeEntry{Name: names[0], Mode: e.Mode, Hash: e.Hash})
	}
	return d.write(entries)
}

// putBelow is the entry of the folder names[0] once the rest has been put.
func (d *Draft) putBelow(entries []object.TreeEntry, i int, names []string, e *object.TreeEntry) (*object.TreeEntry, error) {
	below := plumbing.ZeroHash
	if i >= 0 {
		below = entries[i].Hash
	}
	id, err := d.put(below, names[1:], e)
	if err != nil || id.IsZero() {
		return nil, err
	}
	return &object.TreeEntry{Mode: filemode.Dir, Hash: id}, nil
}

func (d *Draft) write(entries []object.TreeEntry) (plumbing.Hash, error) {
	if len(entries) == 0 {
		return plumbing.ZeroHash, nil
	}
	sort.Sort(object.TreeEntrySorter(entries))
	obj := &plumbing.MemoryObject{}
	if err := (&object.Tree{Entries: entries}).Encode(obj); err != nil {
		return plumbing.ZeroHash, err
	}
	return d.made.SetEncodedObject(obj)
}
