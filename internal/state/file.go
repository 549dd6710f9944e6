package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// openOrRenew opens the file, and begins a new one when it is damaged.
func openOrRenew(dir string, log *slog.Logger) (*bbolt.DB, error) {
	path := filepath.Join(dir, fileName)
	db, err := openFile(dir, false)
	if err == nil || !damaged(err) {
		return db, err
	}
	aside := fmt.Sprintf("%s.damaged-%s", path, time.Now().UTC().Format("20060102T150405.000000000"))
	if renamed := os.Rename(path, aside); renamed != nil {
		return nil, fmt.Errorf("move damaged journal aside: %w", renamed)
	}
	log.Warn("the journal was damaged and is begun anew: the history so far is lost, no container is", "was", err.Error(), "kept as", aside)
	return openFile(dir, false)
}

// damagedError marks a file that is there and can't be read for what is in it.
type damagedError struct{ cause error }

func (e *damagedError) Error() string { return "the file is damaged: " + e.cause.Error() }
func (e *damagedError) Unwrap() error { return e.cause }

func damaged(err error) bool {
	var d *damagedError
	return errors.As(err, &d)
}

// openFile opens, locks and looks over the file.
func openFile(dir string, readOnly bool) (db *bbolt.DB, err error) {
	wait := lockWait
	if readOnly {
		wait = readLockWait
	}
	err = guarded(func() error {
		db, err = bbolt.Open(filepath.Join(dir, fileName), 0o600, &bbolt.Options{Timeout: wait, ReadOnly: readOnly})
		return err
	})
	switch {
	case errors.Is(err, bbolterrors.ErrTimeout):
		return nil, inUse(dir)
	case isPathError(err):
		return nil, fmt.Errorf("open journal: %w", err)
	case err != nil:
		return nil, &damagedError{err}
	}
	if err := guarded(func() error { return check(db) }); err != nil {
		_ = db.Close() // it is given up
		return nil, &damagedError{err}
	}
	return db, nil
}

// isPathError tells what the operating system refuses from what is in the file.
func isPathError(err error) bool {
	var p *fs.PathError
	return errors.As(err, &p)
}

// elsewhere says what to do where the operating system refuses a directory.
func elsewhere(err error) error {
	if isPathError(err) {
		return fmt.Errorf("%w; name another directory with --state-dir", err)
	}
	return err
}

// ErrInUse is a state directory that a running controller has locked.
var ErrInUse = errors.New("in use by another tallyman")

func inUse(dir string) error {
	pid := PID(dir)
	if pid == 0 {
		return fmt.Errorf("state directory %q is %w", dir, ErrInUse)
	}
	return fmt.Errorf("state directory %q is %w (pid %d)", dir, ErrInUse, pid)
}

// PID is the process that opened the state directory last, or 0.
func PID(dir string) int {
	data, err := os.ReadFile(filepath.Join(dir, pidName))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0
	}
	return pid
}

// Holder is the process that works on a state directory at this moment, and since
// when; 0 when there is none.
func Holder(dir string) (pid int, since time.Time) {
	db, err := OpenReadOnly(dir)
	if err == nil {
		_ = db.Close() // it was only tried
	}
	info, unknown := os.Stat(filepath.Join(dir, pidName))
	if !errors.Is(err, ErrInUse) || unknown != nil {
		return 0, time.Time{}
	}
	return PID(dir), info.ModTime()
}

func writePID(dir string) error {
	path := filepath.Join(dir, pidName)
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		return fmt.Errorf("write pid file: %w", err)
	}
	return nil
}

// guarded turns what a damaged file does to a memory-mapped reader into an
// error: pages that make no sense panic, and pages beyond the end of a file
// that was cut short are memory faults.
func guarded(use func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("read it: %v", r)
		}
	}()
	return use()
}

// check reads all of the file once, so that damage is found while the file can
// still be put aside.
func check(db *bbolt.DB) error {
	info, err := os.Stat(db.Path())
	if err != nil {
		return err
	}
	return db.View(func(tx *bbolt.Tx) error {
		if tx.Size() > info.Size() {
			return fmt.Errorf("it is cut short: %d of %d bytes", info.Size(), tx.Size())
		}
		m := emptyMemory()
		if err := load(tx, &m); err != nil {
			return err
		}
		return tx.ForEach(func(_ []byte, b *bbolt.Bucket) error { return checkBucket(b) })
	})
}

func checkBucket(b *bbolt.Bucket) error {
	return b.ForEach(func(k, v []byte) error {
		if v == nil {
			return checkBucket(b.Bucket(k))
		}
		if !json.Valid(v) {
			return fmt.Errorf("entry %q is not what was written", k)
		}
		return nil
	})
}
