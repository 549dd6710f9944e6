package dockertest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A host's daemon and containers live in one cgroup, so that all of it can be
// frozen. On a machine with cgroup v1 the freezer is a hierarchy of its own,
// and the other hierarchies have folders of the same name, made by runc.
const cgroupRoot = "/sys/fs/cgroup"

// stateTime is how long the kernel may take to freeze, thaw or clear a cgroup.
const stateTime = 10 * time.Second

func unified() bool {
	_, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers"))
	return err == nil
}

// cgroupParent is the cgroup of a host as dockerd takes it.
func (h *Host) cgroupParent() string {
	return fmt.Sprintf("/tallyman-fleet/%d/%s", h.fleet.number, h.Name)
}

func (h *Host) freezer() string {
	if unified() {
		return filepath.Join(cgroupRoot, h.cgroupParent())
	}
	return filepath.Join(cgroupRoot, "freezer", h.cgroupParent())
}

// daemonCgroup is where dockerd itself goes. With cgroup v2 a group with
// groups in it can't hold processes too, so it is one of its own.
func (h *Host) daemonCgroup() (string, error) {
	dir := h.freezer()
	if unified() {
		dir = filepath.Join(dir, "daemon")
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// freezeTries are needed because a process in a call that can't be interrupted is
// not frozen, and what it waits for may be another that is: both go on when thawed.
const freezeTries = 5

// freeze freezes or thaws a cgroup and all below it, and waits until it is so.
func freeze(dir string, frozen bool) error {
	err := setFrozen(dir, frozen, stateTime/freezeTries)
	for try := 1; err != nil && frozen && try < freezeTries; try++ {
		if err := setFrozen(dir, false, stateTime); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
		err = setFrozen(dir, true, stateTime/freezeTries)
	}
	return err
}

func setFrozen(dir string, frozen bool, within time.Duration) error {
	file, value, ask, answer := "freezer.state", "THAWED", "freezer.state", "THAWED"
	if frozen {
		value, answer = "FROZEN", "FROZEN"
	}
	if unified() {
		file, value, ask, answer = "cgroup.freeze", "0", "cgroup.events", "frozen 0"
		if frozen {
			value, answer = "1", "frozen 1"
		}
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte(value), 0o644); err != nil {
		return err
	}
	return awaitFor(within, func() error {
		state, err := os.ReadFile(filepath.Join(dir, ask))
		if err == nil && !strings.Contains(string(state), answer) {
			err = fmt.Errorf("cgroup %s is %q, not %q", dir, state, answer)
		}
		return err
	})
}

// removeCgroups removes all cgroups of a fleet, in every hierarchy. Processes
// that are still in one die with their pid 1, but only once they are thawed.
func removeCgroups(n int) error {
	number := filepath.Join("tallyman-fleet", strconv.Itoa(n))
	roots, freezer := filepath.Join(cgroupRoot, "*"), filepath.Join(cgroupRoot, "freezer")
	if unified() {
		roots, freezer = cgroupRoot, cgroupRoot
	}
	if err := thawAll(filepath.Join(freezer, number)); err != nil {
		return err
	}
	dirs, err := filepath.Glob(filepath.Join(roots, number))
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := await(func() error { return removeTree(dir) }); err != nil {
			return err
		}
		os.Remove(filepath.Dir(dir)) // when it was the last fleet
	}
	return nil
}

// thawAll thaws the hosts of a fleet.
func thawAll(dir string) error {
	hosts, err := filepath.Glob(filepath.Join(dir, "*", "cgroup.procs"))
	if err != nil {
		return err
	}
	for _, file := range hosts {
		if err := freeze(filepath.Dir(file), false); err != nil {
			return err
		}
	}
	return nil
}

// removeTree removes a tree of cgroups from its leaves up.
func removeTree(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	for i := len(dirs) - 1; i >= 0 && err == nil; i-- {
		err = os.Remove(dirs[i])
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// await tries until it succeeds, for as long as the kernel may take.
func await(try func() error) error { return awaitFor(stateTime, try) }

func awaitFor(longest time.Duration, try func() error) error {
	for end := time.Now().Add(longest); ; time.Sleep(10 * time.Millisecond) {
		err := try()
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}
