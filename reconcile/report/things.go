package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// Use says whether a volume is needed where it is.
type Use string

// The uses.
const (
	InUse    Use = "in use"   // a replica has it, or is to run where it is
	Unused   Use = "unused"   // the manifests mount it, and no replica does here
	Orphaned Use = "orphaned" // the manifests do not mount it any more
)

// VolumeOnHost is a volume of ours on one host, or an external one that the
// manifests name.
type VolumeOnHost struct {
	App  string `json:"app,omitempty"`
	Name string `json:"name,omitempty"` // in the manifests, while they name it
	// HostName is its name on the host.
	HostName  string    `json:"hostName"`
	Host      string    `json:"host"`
	Driver    string    `json:"driver,omitempty"`
	Use       Use       `json:"use"`
	UsedBy    []string  `json:"usedBy,omitempty"`
	Exclusive bool      `json:"exclusive,omitempty"`
	External  bool      `json:"external,omitempty"`
	Protect   bool      `json:"protect,omitempty"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
}

// NetworkOnHost is a network of ours on one host, or an external one that the
// manifests name.
type NetworkOnHost struct {
	App       string    `json:"app,omitempty"`
	Name      string    `json:"name,omitempty"` // in the manifests, while they name it
	HostName  string    `json:"hostName"`
	Host      string    `json:"host"`
	Driver    string    `json:"driver,omitempty"`
	UsedBy    []string  `json:"usedBy,omitempty"`
	External  bool      `json:"external,omitempty"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
}

// on is a network or volume on a host, by its name there.
type on struct{ host, name string }

// usage is who needs what on which host.
type usage struct {
	volumes, networks map[on][]string
	mounted           map[string]bool // volumes that the manifests mount, by their names on hosts
}

// things lists the volumes and networks.
func (f *folder) things(s *Status) {
	u := f.usage()
	volumes, networks := map[string]*model.Volume{}, map[string]*model.Network{}
	for i := range f.in.Desired.Apps {
		app := &f.in.Desired.Apps[i]
		for j := range app.Volumes {
			volumes[app.Volumes[j].HostName] = &app.Volumes[j]
		}
		for j := range app.Networks {
			networks[app.Networks[j].HostName] = &app.Networks[j]
		}
	}
	for i := range f.in.Live.Hosts {
		h := &f.in.Live.Hosts[i]
		for j := range h.Volumes {
			v, declared := &h.Volumes[j], volumes[h.Volumes[j].Name]
			if f.ours(v.Owner, v.Name) || declared != nil && declared.External {
				s.Volumes = append(s.Volumes, u.volume(h.Name, v, declared))
			}
		}
		for j := range h.Networks {
			n, declared := &h.Networks[j], networks[h.Networks[j].Name]
			if f.ours(n.Owner, n.Name) || declared != nil && declared.External {
				s.Networks = append(s.Networks, u.network(h.Name, n, declared))
			}
		}
	}
	slices.SortFunc(s.Volumes, func(a, b VolumeOnHost) int {
		return cmp.Or(strings.Compare(a.App, b.App), strings.Compare(a.HostName, b.HostName), strings.Compare(a.Host, b.Host))
	})
	slices.SortFunc(s.Networks, func(a, b NetworkOnHost) int {
		return cmp.Or(strings.Compare(a.App, b.App), strings.Compare(a.HostName, b.HostName), strings.Compare(a.Host, b.Host))
	})
}

func (f *folder) ours(o model.Ownership, name string) bool {
	return o.Owner == f.in.Desired.Owner && o.Name == name
}

// usage gathers what containers have and what replicas are to have: one that is
// only about to be made needs its volume as well.
func (f *folder) usage() usage {
	u := usage{volumes: map[on][]string{}, networks: map[on][]string{}, mounted: map[string]bool{}}
	for i := range f.in.Desired.Apps {
		for j := range f.in.Desired.Apps[i].Services {
			s := &f.in.Desired.Apps[i].Services[j]
			for _, m := range s.Mounts() {
				u.mounted[m.Source] = u.mounted[m.Source] || m.Kind == model.MountVolume
			}
		}
	}
	for _, c := range f.containers {
		if c.Spec != nil {
			u.add(c.Host, c.Owner.App+"/"+c.Owner.Service+"-"+c.Owner.Slot, c.Spec)
		}
	}
	for i := range f.in.Plan.Changes {
		c := &f.in.Plan.Changes[i]
		s := f.services[[2]string{c.Key.App, c.Key.Service}]
		wanted := c.Key.Kind == plan.KindReplica && !c.Removal && c.Verdict != plan.Unowned
		if s != nil && wanted && c.Host != "" {
			u.add(c.Host, c.Key.String(), &s.Container)
		}
	}
	return u
}

func (u *usage) add(host, who string, spec *model.ContainerSpec) {
	note := func(in map[on][]string, name string) {
		if key := (on{host, name}); !slices.Contains(in[key], who) {
			in[key] = append(in[key], who)
		}
	}
	for i := range spec.Mounts {
		if spec.Mounts[i].Kind == model.MountVolume {
			note(u.volumes, spec.Mounts[i].Source)
		}
	}
	for i := range spec.Networks {
		note(u.networks, spec.Networks[i].Network)
	}
}

func (u *usage) volume(host string, v *model.VolumeState, declared *model.Volume) VolumeOnHost {
	out := VolumeOnHost{
		App: v.Owner.App, HostName: v.Name, Host: host, Driver: v.Driver, CreatedAt: v.CreatedAt,
		Protect: v.Owner.Guard.Protect, UsedBy: slices.Sorted(slices.Values(u.volumes[on{host, v.Name}])), Use: InUse,
	}
	if declared != nil {
		out.App, out.Name = declared.App, declared.Name
		out.Exclusive, out.External, out.Protect = declared.Exclusive, declared.External, declared.Protect
	}
	switch {
	case len(out.UsedBy) > 0:
	case u.mounted[v.Name]:
		out.Use = Unused
	default:
		out.Use = Orphaned
	}
	return out
}

func (u *usage) network(host string, n *model.NetworkState, declared *model.Network) NetworkOnHost {
	out := NetworkOnHost{
		App: n.Owner.App, HostName: n.Name, Host: host, Driver: n.Driver, CreatedAt: n.CreatedAt,
		UsedBy: slices.Sorted(slices.Values(u.networks[on{host, n.Name}])),
	}
	if declared != nil {
		out.App, out.Name, out.External = declared.App, declared.Name, declared.External
	}
	return out
}

// Volumes are the volumes of a name on a host: the name that they have there,
// that of their manifest, or app/name. An empty host is any.
func Volumes(s *Status, name, host string) []VolumeOnHost {
	var found []VolumeOnHost
	for i := range s.Volumes {
		v := &s.Volumes[i]
		if host != "" && v.Host != host || name != v.HostName && name != v.Name && name != v.App+"/"+v.Name {
			continue
		}
		found = append(found, *v)
	}
	return found
}
