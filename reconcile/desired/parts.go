package desired

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// networks are the app's declared networks and, when a service needs it, the
// one that is called default.
func (b *builder) networks(app string) []model.Network {
	var out []model.Network
	declared := map[string]bool{}
	for _, n := range b.partsOf(app).networks {
		declared[n.Metadata.Name] = true
		out = append(out, b.network(model.Network{
			App: app, Name: n.Metadata.Name, Driver: n.Spec.Driver, Internal: n.Spec.Internal,
			Subnet: n.Spec.Subnet, Gateway: n.Spec.Gateway, IPRange: n.Spec.IPRange,
			Options: copyMap(n.Spec.Options), Labels: copyMap(n.Spec.Labels),
		}, n.Spec.External))
	}
	if !declared[manifest.DefaultNetwork] && b.needsDefault(app) {
		out = append(out, b.network(model.Network{App: app, Name: manifest.DefaultNetwork, Driver: "bridge"}, nil))
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

func (b *builder) needsDefault(app string) bool {
	return slices.ContainsFunc(b.partsOf(app).services, func(s *manifest.Service) bool { return joinsDefault(&s.Spec.Workload) }) ||
		slices.ContainsFunc(b.partsOf(app).jobs, func(j *manifest.Job) bool { return joinsDefault(&j.Spec.Workload) })
}

func joinsDefault(w *manifest.Workload) bool {
	return slices.Contains(joined(w), manifest.DefaultNetwork)
}

// joined are the networks that a workload joins.
func joined(w *manifest.Workload) []string {
	if len(w.Networks) == 0 {
		return []string{manifest.DefaultNetwork}
	}
	return w.Networks
}

// network names a network on the hosts, by its settings: a network can't be
// changed while containers are on it, so a change makes another one. Labels
// are no part of the name: they change nothing for the containers, and another
// network could not have the same subnet beside the old one. An external one
// has the name that it was given, and settings that nobody here knows.
func (b *builder) network(n model.Network, external *manifest.External) model.Network {
	if external != nil {
		return model.Network{App: n.App, Name: n.Name, HostName: external.NameOn(n.Name), External: true}
	}
	settings := n
	settings.Labels = nil
	n.HostName = n.App + "-" + n.Name + "-" + model.Hash([]any{b.owner, settings})[:8]
	return n
}

// volumes are the app's volumes. Their settings are no part of the name: a
// volume holds data, and is never exchanged for another one.
func (b *builder) volumes(app string) []model.Volume {
	var out []model.Volume
	for _, v := range b.partsOf(app).volumes {
		volume := model.Volume{App: app, Name: v.Metadata.Name, Exclusive: v.Spec.Exclusive(), Protect: v.Spec.Protect}
		if v.Spec.External != nil {
			volume.HostName, volume.External = v.Spec.External.NameOn(v.Metadata.Name), true
		} else {
			volume.HostName = app + "-" + v.Metadata.Name + "-" + model.Hash(b.owner)[:8]
			volume.Driver, volume.Options, volume.Labels = v.Spec.Driver, volumeOptions(&v.Spec), copyMap(v.Spec.Labels)
		}
		out = append(out, volume)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// volumeOptions are what the local driver takes: the arguments of a mount.
func volumeOptions(v *manifest.VolumeSpec) map[string]string {
	switch {
	case v.NFS != nil:
		return mountOptions("nfs", ":"+v.NFS.Path, append([]string{"addr=" + v.NFS.Server}, v.NFS.Options...))
	case v.CIFS != nil:
		return mountOptions("cifs", "//"+v.CIFS.Server+"/"+v.CIFS.Share, append([]string{"addr=" + v.CIFS.Server}, v.CIFS.Options...))
	case v.Tmpfs != nil && v.Tmpfs.Size > 0:
		return mountOptions("tmpfs", "tmpfs", []string{fmt.Sprintf("size=%d", v.Tmpfs.Size)})
	case v.Tmpfs != nil:
		return mountOptions("tmpfs", "tmpfs", nil)
	}
	return copyMap(v.Options)
}

func mountOptions(kind, device string, options []string) map[string]string {
	out := map[string]string{"type": kind, "device": device}
	if len(options) > 0 {
		out["o"] = strings.Join(options, ",")
	}
	return out
}
