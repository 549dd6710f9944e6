package model

import "slices"

// Hold is a service's claim on an exclusive volume: the service runs where the
// volume is and nowhere else, and one container at a time mounts it.
type Hold struct {
	Volume   string `json:"volume"` // in the manifests
	HostName string `json:"hostName"`
	External bool   `json:"external,omitempty"`
}

// Held are the names on the hosts of the volumes that the service holds.
func (s *Service) Held() []string {
	var names []string
	for _, h := range s.Holds {
		names = append(names, h.HostName)
	}
	return names
}

// MountsVolume says whether a container made from the spec mounts a volume.
func (s *ContainerSpec) MountsVolume(hostName string) bool {
	return slices.ContainsFunc(s.Mounts, func(m Mount) bool { return m.Kind == MountVolume && m.Source == hostName })
}

// Held are the names on the hosts of all volumes that services hold.
func (d *Desired) Held() map[string]bool {
	held := map[string]bool{}
	if d == nil {
		return held
	}
	for i := range d.Apps {
		for j := range d.Apps[i].Services {
			for _, name := range d.Apps[i].Services[j].Held() {
				held[name] = true
			}
		}
	}
	return held
}
