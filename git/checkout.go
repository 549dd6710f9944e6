package git

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// checkout is a work tree that is to follow its branch from one commit to the
// next. Only the files that differ between the two are looked at and touched,
// and only if the work tree has them as the old commit does.
type checkout struct {
	*proposal
	root    *os.Root
	index   *stagedFiles
	lock    *lockFile // of the index
	owner   owner
	modes   bool // files tell whether they are executable
	removed map[string]bool
}

func (l *localRepository) openCheckout(tree *workTree, p *proposal) (*checkout, error) {
	c := &checkout{proposal: p, owner: ownerOf(tree.root), modes: !l.config.is("filemode", false), removed: map[string]bool{}}
	for _, change := range p.changes {
		c.removed[change.path] = change.new == nil
	}
	var err error
	if c.lock, err = newLock(filepath.Join(tree.git, "index"), l.owner); err != nil {
		return nil, err
	}
	if c.root, err = os.OpenRoot(tree.root); err == nil {
		c.index, err = readIndex(filepath.Join(tree.git, "index"))
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *checkout) close() {
	c.lock.release()
	if c.root != nil {
		_ = c.root.Close()
	}
}

// dirty says what a person must see to first.
func dirty(path, problem string) error {
	return fmt.Errorf("%w: %q %s; commit, stash or move it, then try again", ErrDirty, path, problem)
}

// check makes sure that nobody's work is in the way of any change, and that
// all contents can be had, before the first file is touched.
func (c *checkout) check() error {
	for _, change := range c.changes {
		for _, e := range []*object.TreeEntry{change.old, change.new} {
			if e != nil && e.Mode != filemode.Symlink && (e.Mode == filemode.Submodule || readable(e.Mode) != nil) {
				return fmt.Errorf("%w: %q is a submodule or of an unknown kind; commit by hand", ErrDirty, change.path)
			}
			if e != nil {
				if err := c.draft.load(e.Hash); err != nil {
					return err
				}
			}
		}
		err := c.checkParents(change.path)
		if err == nil && change.old != nil {
			err = c.checkOld(change)
		} else if err == nil {
			err = c.checkFree(change.path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkParents wants real folders above path, or nothing, or what goes away.
func (c *checkout) checkParents(p string) error {
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		info, err := c.root.Lstat(dir)
		if (err != nil || !info.IsDir()) && c.removed[dir] {
			continue
		}
		if err == nil && !info.IsDir() {
			return dirty(dir, "is in the way of "+p)
		}
		if c.index.has(dir) {
			return dirty(dir, "is staged as a file and in the way of "+p)
		}
	}
	return nil
}

// checkOld wants a tracked file to be as the old commit has it, in the index
// and on disk.
func (c *checkout) checkOld(change change) error {
	if !c.index.holds(change.path, change.old) {
		return dirty(change.path, "has staged changes, or is not part of the checkout")
	}
	data, mode, err := c.onDisk(change.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return dirty(change.path, "was deleted")
	case err != nil:
		return err
	case plumbing.ComputeHash(plumbing.BlobObject, data) != change.old.Hash:
		return dirty(change.path, "has changes of its own, or is converted on checkout")
	case (mode == filemode.Symlink) != (change.old.Mode == filemode.Symlink), c.modes && mode != indexMode(change.old.Mode):
		return dirty(change.path, "has another mode")
	}
	return nil
}

// onDisk is a file's content and mode; a link's content is where it points.
func (c *checkout) onDisk(p string) ([]byte, filemode.FileMode, error) {
	name := filepath.FromSlash(p)
	info, err := c.root.Lstat(name)
	switch {
	case err != nil:
		return nil, 0, err
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := c.root.Readlink(name)
		return []byte(target), filemode.Symlink, err
	case !info.Mode().IsRegular():
		return nil, 0, dirty(p, "is not a file any more")
	}
	f, err := c.root.Open(name)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close() //nolint:errcheck // only read from
	data, err := io.ReadAll(io.LimitReader(f, c.draft.limits.MaxObjectSize))
	const ownerMayRun = 0o100
	if info.Mode()&ownerMayRun != 0 {
		return data, filemode.Executable, err
	}
	return data, filemode.Regular, err
}

// checkFree wants nothing at the path of a new file, neither staged nor on
// disk, but what the same commit removes.
func (c *checkout) checkFree(p string) error {
	if other := c.index.under(p, c.removed); other != "" {
		return dirty(other, "is staged and in the way of "+p)
	}
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		if c.removed[dir] { // now a file, or a link that must not be followed
			return nil
		}
	}
	info, err := c.root.Lstat(filepath.FromSlash(p))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return dirty(p, "is not in Git and in the way")
	}
	return fs.WalkDir(c.root.FS(), p, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || c.removed[name] {
			return err
		}
		return dirty(name, "is not in Git and in the way of "+p)
	})
}

// indexMode is the mode that git notes for a file of a tree.
func indexMode(mode filemode.FileMode) filemode.FileMode {
	if mode == filemode.Deprecated {
		return filemode.Regular
	}
	return mode
}
