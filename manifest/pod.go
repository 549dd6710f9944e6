package manifest

import "strings"

// InitContainer is a container of a replica that runs to its end before the
// others start.
type InitContainer struct {
	_ struct{} `ofPod:"networks,ports,hostname,dns,extraHosts,sysctls"`
	// What the container is called among those of the replica.
	Name    string `yaml:"name" check:"required,format=name"`
	Process `yaml:",inline"`
}

// Sidecar is a container of a replica that runs beside the service's own.
type Sidecar struct {
	_ struct{} `ofPod:"networks,ports,hostname,dns,extraHosts,sysctls"`
	// What the container is called among those of the replica.
	Name    string `yaml:"name" check:"required,format=name"`
	Process `yaml:",inline"`
	// How the engine finds out whether the container is healthy. The replica is
	// healthy when all of its containers are.
	HealthCheck *HealthCheck `yaml:"healthCheck,omitempty" aka:"healthcheck,livenessProbe,readinessProbe"`
}

// Processes are all containers of a replica, the service's own first.
func (s *ServiceSpec) Processes() []*Process {
	out := []*Process{&s.Process}
	for i := range s.InitContainers {
		out = append(out, &s.InitContainers[i].Process)
	}
	for i := range s.Sidecars {
		out = append(out, &s.Sidecars[i].Process)
	}
	return out
}

// SharedMounts are the service's mounts that its other containers see, too, each
// at the same path, unless they mount something there themselves. A tmpfs is in
// the memory of one container and can't be shared.
func (s *ServiceSpec) SharedMounts(own []Mount) []Mount {
	taken := map[string]bool{}
	for _, m := range own {
		taken[m.Target()] = true
	}
	var out []Mount
	for _, m := range s.Mounts {
		if m.Tmpfs == "" && !taken[m.Path] {
			out = append(out, m)
		}
	}
	return out
}

// checkMembers refuses names that are taken, and what can't be together in one
// of the containers beside the service's own.
func (s *ServiceSpec) checkMembers(c *context) {
	names := map[string]string{"main": "is what the service's own container is called", "holder": "is what the container is called that has the pod's network"}
	for i := range s.InitContainers {
		m := &s.InitContainers[i]
		s.checkMember(c.at("initContainers", nth(i)), &m.Process, name{m.Name, names})
	}
	for i := range s.Sidecars {
		m := &s.Sidecars[i]
		s.checkMember(c.at("sidecars", nth(i)), &m.Process, name{m.Name, names})
	}
}

// name is a container's, among those that are taken, each with the reason.
type name struct {
	text  string
	taken map[string]string
}

func (s *ServiceSpec) checkMember(c *context, p *Process, n name) {
	if why := n.taken[n.text]; why != "" {
		c.at("name").errorf("%s", why)
	}
	if n.text != "" {
		n.taken[n.text] = "is taken by another container of this service"
	}
	p.checkProcess(c)
	for i, f := range p.Files {
		for _, m := range s.SharedMounts(p.Mounts) {
			if f.Path == m.Path || strings.HasPrefix(f.Path, m.Path+"/") {
				c.at("files", nth(i), "path").errorf("lies in what the service mounts at %s, which this container has, too", m.Path)
			}
		}
	}
}
