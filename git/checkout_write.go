package git

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// apply writes files and index. When one can't be written, those before it are
// put back.
func (c *checkout) apply() error {
	content, err := c.index.with(c.changes)
	if err != nil {
		return err
	}
	order := slices.Clone(c.changes)
	slices.SortStableFunc(order, func(a, b change) int { return cmp.Compare(rank(a), rank(b)) })
	for i, next := range order {
		if err := c.write(next.path, next.new); err != nil {
			c.undo(order[:i])
			return fmt.Errorf("write %q into the work tree: %w", next.path, err)
		}
	}
	if err := c.lock.commit(content); err != nil {
		c.undo(order)
		return err
	}
	return nil
}

// rank has removals come first: a folder can take a file's place only then.
func rank(c change) int {
	if c.new == nil {
		return 0
	}
	return 1
}

func (c *checkout) undo(done []change) {
	for _, change := range slices.Backward(done) {
		_ = c.write(change.path, change.old)
	}
}

// write makes path what e says; nil is nothing. A file is complete before it
// gets its name.
func (c *checkout) write(p string, e *object.TreeEntry) error {
	name := filepath.FromSlash(p)
	if e == nil {
		return c.remove(name)
	}
	obj, err := c.draft.made.EncodedObject(plumbing.BlobObject, e.Hash)
	if err != nil {
		return err
	}
	data, err := content(obj, e.Hash, obj.Size())
	if err != nil {
		return err
	}
	if err := c.mkdirAll(filepath.Dir(name)); err != nil {
		return err
	}
	half := filepath.Join(filepath.Dir(name), ".tallyman-"+short(c.proposal.new.String()))
	_ = c.root.Remove(half)
	if e.Mode == filemode.Symlink {
		err = c.root.Symlink(string(data), half)
	} else {
		err = c.create(half, data, e.Mode)
	}
	if err == nil {
		c.owner.adoptIn(c.root, half)
		err = c.root.Rename(half, name)
	}
	if err != nil {
		_ = c.root.Remove(half)
	}
	return err
}

func (c *checkout) create(name string, data []byte, mode filemode.FileMode) error {
	perm := os.FileMode(publicFile)
	if mode == filemode.Executable {
		perm = publicDir
	}
	f, err := c.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func (c *checkout) mkdirAll(dir string) error {
	if info, err := c.root.Lstat(dir); dir == "." || err == nil && info.IsDir() {
		return nil
	}
	if err := c.mkdirAll(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := c.root.Mkdir(dir, publicDir); err != nil {
		return err
	}
	c.owner.adoptIn(c.root, dir)
	return nil
}

// remove takes a file away, and the folders that it leaves empty. An empty
// folder may also be what a new file's place held.
func (c *checkout) remove(name string) error {
	if err := c.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
		if c.root.Remove(dir) != nil {
			break
		}
	}
	return nil
}
