package git

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

// gitDir is where a local repository keeps its data: HEAD in dir, the rest in
// common, which is another folder only for a linked work tree.
type gitDir struct {
	dir, common string
}

var errNotRepository = errors.New("not a Git repository")

// findGitDir accepts a bare repository, a work tree, and a work tree whose
// .git is a file that names the folder.
func findGitDir(path string) (gitDir, error) {
	dir := path
	if info, err := os.Stat(filepath.Join(path, ".git")); err == nil {
		dir = filepath.Join(path, ".git")
		if !info.IsDir() {
			if dir, err = readPointer(dir, "gitdir: "); err != nil {
				return gitDir{}, err
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err != nil {
		if _, err := os.Stat(path); err != nil {
			return gitDir{}, err
		}
		return gitDir{}, errNotRepository
	}
	common := dir
	if _, err := os.Stat(filepath.Join(dir, "commondir")); err == nil {
		if common, err = readPointer(filepath.Join(dir, "commondir"), ""); err != nil {
			return gitDir{}, err
		}
	}
	if _, err := os.Stat(filepath.Join(common, "objects")); err != nil {
		return gitDir{}, errNotRepository
	}
	return gitDir{dir, common}, nil
}

// readPointer reads a file that names a folder, relative to its own.
func readPointer(file, prefix string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	target, found := strings.CutPrefix(strings.TrimRight(string(data), "\r\n"), prefix)
	if !found || target == "" {
		return "", errNotRepository
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(file), target)
	}
	return filepath.Clean(target), nil
}

// open gives read access to the repository as it is now.
func (g gitDir) open() (*filesystem.Storage, error) {
	var fs billy.Filesystem = osfs.New(g.dir, osfs.WithBoundOS())
	if g.common != g.dir {
		fs = dotgit.NewRepositoryFilesystem(fs, osfs.New(g.common, osfs.WithBoundOS()))
	}
	store := filesystem.NewStorageWithOptions(withoutLocks{fs}, cache.NewObjectLRU(objectCacheSize),
		filesystem.Options{AlternatesFS: osfs.New("/", osfs.WithBoundOS())})
	cfg, err := store.Config()
	if err != nil {
		return nil, fmt.Errorf("read repository config: %w", err)
	}
	extensions := cfg.Raw.Section("extensions")
	if format := extensions.Option("objectFormat"); format != "" && format != "sha1" {
		return nil, fmt.Errorf("its object format %q is not supported, only sha1", format)
	}
	if format := extensions.Option("refStorage"); format != "" && format != "files" {
		return nil, fmt.Errorf("its reference storage %q is not supported, only files", format)
	}
	return store, nil
}

// withoutLocks hides the files that git writes references to before it renames
// them. The library would take one for a reference, and an empty one for a
// broken repository.
type withoutLocks struct{ billy.Filesystem }

func (w withoutLocks) ReadDir(dir string) ([]os.FileInfo, error) {
	files, err := w.Filesystem.ReadDir(dir)
	return slices.DeleteFunc(files, func(f os.FileInfo) bool { return strings.HasSuffix(f.Name(), ".lock") }), err
}

// Chmod is what makes packs read-only, as git has them.
func (w withoutLocks) Chmod(name string, mode os.FileMode) error {
	if fs, can := w.Filesystem.(billy.Chmod); can {
		return fs.Chmod(name, mode)
	}
	return nil
}
