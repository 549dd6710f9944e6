package git

import (
	"os"
	"path/filepath"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
)

const (
	privateDir  = 0o700
	privateFile = 0o600
)

// privateFS is a directory in which everything is for its owner only. It does
// not offer Chmod on purpose: go-git would use it to make packs readable to
// all.
type privateFS struct {
	billy.Filesystem
}

func newPrivateFS(dir string) privateFS { return privateFS{osfs.New(dir, osfs.WithBoundOS())} }

func (p privateFS) parents(name string) error {
	return os.MkdirAll(filepath.Join(p.Root(), filepath.Dir(name)), privateDir)
}

func (p privateFS) Create(name string) (billy.File, error) {
	return p.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, privateFile)
}

func (p privateFS) OpenFile(name string, flag int, perm os.FileMode) (billy.File, error) {
	if flag&os.O_CREATE != 0 {
		if err := p.parents(name); err != nil {
			return nil, err
		}
	}
	return p.Filesystem.OpenFile(name, flag, perm&privateFile)
}

func (p privateFS) TempFile(dir, prefix string) (billy.File, error) {
	if err := p.MkdirAll(dir, privateDir); err != nil {
		return nil, err
	}
	if dir == "" {
		dir = "." // else go-billy makes a folder tmp for it
	}
	return p.Filesystem.TempFile(dir, prefix)
}

func (p privateFS) Rename(from, to string) error {
	if err := p.parents(to); err != nil {
		return err
	}
	return p.Filesystem.Rename(from, to)
}

func (p privateFS) MkdirAll(name string, _ os.FileMode) error {
	return os.MkdirAll(filepath.Join(p.Root(), name), privateDir)
}
