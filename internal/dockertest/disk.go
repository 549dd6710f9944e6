package dockertest

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// A host with a disk of its own has a file system in memory for all that its
// daemon keeps: it can be filled without filling the machine's, and like a disk
// it outlives a power loss.

// OwnDisk gives every host a disk of so many bytes, for FillDisk.
func OwnDisk(bytes int64) Option { return func(s *settings) { s.disk = bytes } }

// FillDisk leaves not a byte free on the host's own disk.
func (h *Host) FillDisk() {
	h.t.Helper()
	h.must("fill the disk of", h.fillDisk())
}

// FreeDisk takes away what FillDisk put there.
func (h *Host) FreeDisk() {
	h.t.Helper()
	h.must("free the disk of", os.Remove(h.ballast()))
}

// ballast is a file that nobody needs.
func (h *Host) ballast() string { return h.path("data/ballast") }

func (h *Host) fillDisk() error {
	if h.fleet.disk == 0 {
		return errors.New("it has none of its own")
	}
	f, err := os.Create(h.ballast())
	if err != nil {
		return err
	}
	_, err = io.Copy(f, zeros{})
	if errors.Is(err, syscall.ENOSPC) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// mountDisk puts the host's own disk where its daemon keeps its data. Mounted
// outside of the host's namespaces, it stays when they go.
func (h *Host) mountDisk() error {
	if h.fleet.disk == 0 || mounted(h.path("data")) {
		return nil
	}
	if err := os.MkdirAll(h.path("data"), 0o710); err != nil {
		return err
	}
	return command("mount", "-t", "tmpfs", "-o", "mode=710,size="+strconv.FormatInt(h.fleet.disk, 10), "tallyman-disk", h.path("data"))()
}

// unmountDisks lets go of the disks of all hosts below a fleet's folder.
func unmountDisks(dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, "*", "data"))
	if err != nil {
		return err
	}
	for _, disk := range found {
		if !mounted(disk) {
			continue
		}
		if err := command("umount", disk)(); err != nil {
			return err
		}
	}
	return nil
}

// mounted says whether something is mounted on a folder.
func mounted(dir string) bool { return command("mountpoint", "-q", dir)() == nil }
