package manifest

import (
	"net/netip"
	"time"
)

func (s *ServiceSpec) check(c *context) {
	if s.Mode == "global" {
		if c.has("replicas") {
			c.at("replicas").errorf("has no meaning with mode global, which runs one replica per host")
		}
		s.Replicas = nil
	}
	for i, path := range s.IgnoreDifferences {
		if message, hint := path.problem(); message != "" {
			c.at("ignoreDifferences", nth(i)).errorf("%s", message).Hint = hint
		}
	}
	s.checkUpdate(c)
	s.doubtUpdate(c)
	if s.Replicas != nil && s.MinAvailable != (Portion{}) && s.MinAvailable.of(*s.Replicas) > *s.Replicas {
		c.at("minAvailable").errorf("must be at most replicas, which is %d", *s.Replicas)
	}
	s.checkPlacement(c)
	s.checkPorts(c)
	s.checkWorkload(c)
	s.checkMembers(c)
}

// checkUpdate refuses what would let no replica ever be replaced.
func (s *ServiceSpec) checkUpdate(c *context) {
	total := 100 // of hosts: only a percentage says something about them all
	if s.Replicas != nil {
		total = *s.Replicas
	}
	known := s.Replicas != nil && total > 0 || s.Mode == "global" && s.Update.MinHealthy.Percent
	if known && s.Update.Order == "stop-first" && s.Update.MinHealthy.of(total) >= total {
		c.at("update", "minHealthy").errorf("must leave room for one replica to stop, with order stop-first: otherwise none could ever be replaced")
	}
}

// doubtUpdate tells of what makes an update something else than it looks like.
func (s *ServiceSpec) doubtUpdate(c *context) {
	u := &s.Update
	if u.Canary != nil && s.Replicas != nil && *s.Replicas > 0 && u.Canary.Replicas.of(*s.Replicas) > *s.Replicas {
		c.at("update", "canary", "replicas").doubtf("is more than the replicas that there are (%d): all of them are canaries, and none is left to follow", *s.Replicas)
	}
	if (s.HealthCheck == nil || s.HealthCheck.Disable) && u.Monitor >= u.Deadline && u.Deadline > 0 {
		c.at("update", "monitor").doubtf("is not shorter than the deadline (%s): without a health check a replica is ready only after it, so that every rollout fails; set a longer deadline", time.Duration(u.Deadline))
	}
}

// checkPorts refuses ports that can't be open side by side, and any where the
// network has none of its own.
func (s *ServiceSpec) checkPorts(c *context) {
	for i, p := range s.Ports {
		for j, other := range s.Ports[:i] {
			if p.clashes(other) {
				c.at("ports", nth(i)).errorf("clashes with ports[%d]", j)
				break
			}
		}
	}
	for _, name := range s.Networks {
		if len(s.Ports) > 0 && everyHostHas(name) {
			c.at("ports").errorf("can't go with networks: [%s]: %s", name, map[string]string{
				HostNetwork: "the program's ports are the host's as they are", NoNetwork: "nothing can reach it",
			}[name])
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
