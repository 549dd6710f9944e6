package model

import "slices"

// What a container is in its pod. A replica of one container has no role.
const (
	RoleHolder  = "holder"  // has the network that the others share
	RoleInit    = "init"    // runs to its end before the others start
	RoleSidecar = "sidecar" // runs beside the main one
	RoleMain    = "main"
)

// The names of the containers that no manifest names.
const (
	HolderName = "holder"
	MainName   = "main"
)

// HoldImage is the image of holders, which is made from this very program. Its
// tag moves on only when holders have to behave otherwise: a newer release of
// Tallyman must not replace every pod.
const HoldImage = "tallyman/hold:1"

// Member is one container of a pod. Its spec has nothing of the network: that is
// the holder's.
type Member struct {
	Name        string        `json:"name"`
	Role        string        `json:"role"`
	Pull        string        `json:"pull,omitempty"`
	Container   ContainerSpec `json:"container"`
	Fingerprint string        `json:"fingerprint"`
}

// IsPod says whether each replica of the service is a pod: several containers
// that share a network, and so an address.
func (s *Service) IsPod() bool { return len(s.Members) > 0 }

// MembersOf are the service's members of a role, in their order.
func (s *Service) MembersOf(role string) []Member {
	var out []Member
	for _, m := range s.Members {
		if m.Role == role {
			out = append(out, m)
		}
	}
	return out
}

// Holder is the container that has what belongs to the pod as a whole.
func (s *Service) Holder() Member {
	c := &s.Container
	return Member{Name: HolderName, Role: RoleHolder, Fingerprint: s.Fingerprint, Container: ContainerSpec{
		Image: HoldImage, Networks: c.Networks, Ports: c.Ports, Hostname: c.Hostname, DNS: c.DNS, ExtraHosts: c.ExtraHosts, Sysctls: c.Sysctls,
		Adjustable: Adjustable{Restart: Restart{Name: "unless-stopped"}},
	}}
}

// Main is the container that the service is about, without what its pod's holder
// has.
func (s *Service) Main() Member {
	c := s.Container
	c.Networks, c.Ports, c.Hostname, c.DNS, c.ExtraHosts, c.Sysctls = nil, nil, "", DNS{}, nil, nil
	return Member{Name: MainName, Role: RoleMain, Pull: s.Pull, Container: c, Fingerprint: s.Fingerprint}
}

// PodFingerprint is that of a pod's generation: what a change of replaces the
// whole pod. Sidecars are not in it, as they are replaced where they are. Init
// containers are: what they prepare is for a main container that has not started.
func PodFingerprint(main ContainerSpec, members []Member) string {
	parts := []string{"pod", Fingerprint(main)}
	for _, m := range members {
		if m.Role == RoleInit {
			parts = append(parts, m.Name, m.Fingerprint)
		}
	}
	return Hash(parts)[:16]
}

// Specs are the specs of all containers of a replica, but for the holder's.
func (s *Service) Specs() []*ContainerSpec {
	out := []*ContainerSpec{&s.Container}
	for i := range s.Members {
		out = append(out, &s.Members[i].Container)
	}
	return out
}

// Mounts are those of all containers of a replica.
func (s *Service) Mounts() []Mount {
	if !s.IsPod() {
		return s.Container.Mounts
	}
	var out []Mount
	for _, spec := range s.Specs() {
		out = append(out, spec.Mounts...)
	}
	return out
}

// MountsVolume says whether any container of a replica mounts a volume.
func (s *Service) MountsVolume(hostName string) bool {
	return slices.ContainsFunc(s.Specs(), func(c *ContainerSpec) bool { return c.MountsVolume(hostName) })
}

// Images are the references of the images that a replica runs.
func (s *Service) Images() []string {
	var refs []string
	for _, spec := range s.Specs() {
		refs = append(refs, spec.Image)
	}
	if s.IsPod() {
		refs = append(refs, HoldImage)
	}
	return refs
}
