package manifest

import (
	"net/netip"
	"strings"
	"time"
)

func (s *ServiceSpec) check(c *context) {
	if s.Mode == "global" {
		if c.has("replicas") {
			c.at("replicas").errorf("has no meaning with mode global, which runs one replica per host")
		}
		s.Replicas = nil
	}
	if time.Duration(s.StopGracePeriod)%time.Second != 0 {
		c.at("stopGracePeriod").errorf("must be whole seconds")
	}
	if s.ReadOnly && len(s.Files) > 0 {
		c.at("readOnly").errorf("can't go with files, which the engine does not copy into a read-only container: mount a volume or bind that holds them, or leave readOnly out")
	}
	for i, path := range s.IgnoreDifferences {
		if message, hint := path.problem(); message != "" {
			c.at("ignoreDifferences", nth(i)).errorf("%s", message).Hint = hint
		}
	}
	s.checkPorts(c)
	s.checkTargets(c)
	s.checkNetworks(c)
}

// checkNetworks refuses what can't go with a network that every host has.
func (s *ServiceSpec) checkNetworks(c *context) {
	for i, name := range s.Networks {
		if !everyHostHas(name) {
			continue
		}
		if len(s.Networks) > 1 {
			c.at("networks", nth(i)).errorf("%s goes with no other network", name)
		}
		if len(s.Ports) > 0 {
			c.at("ports").errorf("can't go with networks: [%s]: %s", name, map[string]string{
				HostNetwork: "the program's ports are the host's as they are", NoNetwork: "nothing can reach it",
			}[name])
		}
	}
}

// everyHostHas says whether a network is one of the engine's own.
func everyHostHas(network string) bool { return network == HostNetwork || network == NoNetwork }

// checkPorts refuses ports that can't be open side by side.
func (s *ServiceSpec) checkPorts(c *context) {
	for i, p := range s.Ports {
		for j, other := range s.Ports[:i] {
			if p.clashes(other) {
				c.at("ports", nth(i)).errorf("clashes with ports[%d]", j)
				break
			}
		}
	}
}

// clashes says whether two ports want the same socket of the host, or are the
// same wish twice.
func (p Port) clashes(o Port) bool {
	if p.Protocol != o.Protocol || p.Published != o.Published {
		return false
	}
	if p.Published == 0 {
		return p == o
	}
	a, b := addr(p.HostIP), addr(o.HostIP)
	switch {
	case p.HostIP == "" || o.HostIP == "" || a == b:
		return true
	case a.Is4() != b.Is4():
		return false
	}
	return a.IsUnspecified() || b.IsUnspecified()
}

func addr(text string) netip.Addr {
	a, _ := netip.ParseAddr(text)
	return a
}

// checkTargets refuses two things at one path of the container, and files that
// a mount would hide or that would land in what is mounted.
func (s *ServiceSpec) checkTargets(c *context) {
	mounts := map[string]int{}
	for i, m := range s.Mounts {
		if m.Target() == "" {
			continue // it is reported already
		}
		if j, twice := mounts[m.Target()]; twice {
			c.at("mounts", nth(i)).errorf("is at the same path as mounts[%d]", j)
		}
		mounts[m.Target()] = i
	}
	files := map[string]int{}
	for i, f := range s.Files {
		if f.Path == "" {
			continue // it is reported already
		}
		if j, twice := files[f.Path]; twice {
			c.at("files", nth(i), "path").errorf("is the same as in files[%d]", j)
		}
		files[f.Path] = i
		for j, m := range s.Mounts {
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
