//go:build unix

package git

import (
	"os"
	"path/filepath"
	"syscall"
)

// owner is whose a repository is. What root makes in it is given to them: git
// would otherwise stop working for those who use the repository.
type owner struct {
	uid, gid int
	give     bool
}

func ownerOf(dir string) owner {
	info, err := os.Stat(dir)
	if err != nil || os.Geteuid() != 0 {
		return owner{}
	}
	stat, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return owner{}
	}
	return owner{int(stat.Uid), int(stat.Gid), true}
}

// adopt gives them a file that was just made.
func (o owner) adopt(name string) {
	if o.give {
		_ = os.Lchown(name, o.uid, o.gid)
	}
}

// adoptIn is adopt for a file below a root.
func (o owner) adoptIn(root *os.Root, name string) {
	if o.give {
		_ = root.Lchown(name, o.uid, o.gid)
	}
}

// mkdirAll makes a folder and those above it that are missing.
func (o owner) mkdirAll(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := o.mkdirAll(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, publicDir); err != nil && !os.IsExist(err) {
		return err
	}
	o.adopt(dir)
	return nil
}
