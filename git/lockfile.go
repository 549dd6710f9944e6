package git

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// lockFile is git's way to replace a file that others may be writing: who made
// the file with .lock behind the name may, and renames it when it is complete.
type lockFile struct {
	name  string
	file  *os.File
	owner owner
}

const (
	publicFile = 0o666 // less what the umask takes away
	publicDir  = 0o777
)

func newLock(name string, owner owner) (*lockFile, error) {
	f, err := os.OpenFile(name+".lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, publicFile)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w: git is at work there, or left %q behind; remove the file if no git is running", errLocked, name+".lock")
	}
	if err != nil {
		return nil, fmt.Errorf("lock %q: %w", filepath.Base(name), err)
	}
	owner.adopt(f.Name())
	return &lockFile{name, f, owner}, nil
}

// commit puts the content in place and ends the lock.
func (l *lockFile) commit(content []byte) error {
	_, err := l.file.Write(content)
	if err = errors.Join(err, l.file.Sync(), l.file.Close()); err == nil {
		err = os.Rename(l.file.Name(), l.name)
	}
	if err != nil {
		_ = os.Remove(l.file.Name())
		err = fmt.Errorf("write %q: %w", filepath.Base(l.name), err)
	}
	l.file = nil
	return err
}

// release ends a lock that was not committed; else it does nothing.
func (l *lockFile) release() {
	if l.file != nil {
		_ = l.file.Close()
		_ = os.Remove(l.file.Name())
		l.file = nil
	}
}
