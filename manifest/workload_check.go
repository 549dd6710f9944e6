package manifest

import (
	"strings"
	"time"
)

// checkWorkload refuses what can't be together in one replica.
func (w *Workload) checkWorkload(c *context) {
	w.checkProcess(c)
	for i, name := range w.Networks {
		if everyHostHas(name) && len(w.Networks) > 1 {
			c.at("networks", nth(i)).errorf("%s goes with no other network", name)
		}
	}
}

// checkProcess refuses what can't be together in one container.
func (w *Process) checkProcess(c *context) {
	if time.Duration(w.StopGracePeriod)%time.Second != 0 {
		c.at("stopGracePeriod").errorf("must be whole seconds")
	}
	if w.ReadOnly && len(w.Files) > 0 {
		c.at("readOnly").errorf("can't go with files, which the engine does not copy into a read-only container: mount a volume or bind that holds them, or leave readOnly out")
	}
	w.checkTargets(c)
}

// everyHostHas says whether a network is one of the engine's own.
func everyHostHas(network string) bool { return network == HostNetwork || network == NoNetwork }

// checkTargets refuses two things at one path of the container, and files that
// a mount would hide or that would land in what is mounted.
func (w *Process) checkTargets(c *context) {
	mounts := map[string]int{}
	for i, m := range w.Mounts {
		if m.Target() == "" {
			continue // it is reported already
		}
		if j, twice := mounts[m.Target()]; twice {
			c.at("mounts", nth(i)).errorf("is at the same path as mounts[%d]", j)
		}
		mounts[m.Target()] = i
	}
	files := map[string]int{}
	for i, f := range w.Files {
		if f.Path == "" {
			continue // it is reported already
		}
		if j, twice := files[f.Path]; twice {
			c.at("files", nth(i), "path").errorf("is the same as in files[%d]", j)
		}
		files[f.Path] = i
		for j, m := range w.Mounts {
			if m.Target() != "" && (f.Path == m.Target() || strings.HasPrefix(f.Path, m.Target()+"/")) {
				c.at("files", nth(i), "path").errorf("lies in mounts[%d], at %s", j, m.Target())
			}
		}
	}
}

func (m *Mount) check(c *context) {
	switch {
	case m.Tmpfs == "" && m.Path == "":
		c.errorf("needs a path in the container")
	case m.Tmpfs != "" && m.Path != "":
		c.at("path").errorf("is not for a tmpfs, which says its path itself")
	case m.Tmpfs != "" && m.ReadOnly:
		c.at("readOnly").errorf("is not for a tmpfs")
	case m.Tmpfs == "" && m.Size != 0:
		c.at("size").errorf("is only for a tmpfs")
	}
	if m.Target() == "/" {
		c.errorf("can't be at /")
	}
}

// The permission bits of files that do not say.
const (
	configMode FileMode = 0o444
	secretMode FileMode = 0o400
)

func (f *FileRef) check(c *context) {
	if f.Mode == nil {
		mode := configMode
		if f.Secret != "" {
			mode = secretMode
		}
		f.Mode = &mode
	}
	if f.Path == "/" {
		c.at("path").errorf("must name a file")
	}
}
