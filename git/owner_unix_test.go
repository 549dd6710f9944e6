//go:build unix

package git

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What root writes into somebody's repository stays theirs.
func TestRootLeavesNoFilesOfItsOwn(t *testing.T) {
	somebody := os.Getuid() // only root can give files away
	if somebody == 0 {
		somebody = 12345
	}
	s, good := spoiled(t)
	s.git("pack-refs", "--all")
	err := filepath.WalkDir(s.dir, func(name string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(name, somebody, somebody))
	})
	if err != nil {
		t.Fatal(err)
	}
	mustRestore(t, follow(t, s.dir), restoring("shop", good))
	err = filepath.WalkDir(s.dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != somebody {
			t.Errorf("%s belongs to %d", name, stat.Uid)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
