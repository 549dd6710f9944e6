package desired

import (
	"fmt"
	"sort"
	"strings"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// files are the files of a service; their bytes go into the blobs.
func (b *builder) files(refs []manifest.FileRef) ([]model.File, error) {
	var out []model.File
	for _, r := range refs {
		if r.Secret != "" {
			digest, err := b.sealed(r.Secret, r.Key)
			if err != nil {
				return nil, err
			}
			out = append(out, model.File{
				Path: r.Path, Mode: uint32(*r.Mode), UID: r.UID, GID: r.GID, Digest: digest, Secret: r.Secret + "/" + r.Key,
			})
			continue
		}
		config := b.configs[r.Config]
		if config == nil {
			return nil, fmt.Errorf("find config %q: there is none", r.Config)
		}
		data, ok := config.Content(r.Key)
		if !ok {
			return nil, fmt.Errorf("find key %q of config %q: there is none", r.Key, r.Config)
		}
		digest := model.Digest(data)
		b.blobs[digest] = data
		out = append(out, model.File{Path: r.Path, Mode: uint32(*r.Mode), UID: r.UID, GID: r.GID, Digest: digest})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Path < out[j].Path })
	return out, nil
}

func mounts(declared []manifest.Mount, names hostNames) []model.Mount {
	var out []model.Mount
	for _, m := range declared {
		mount := model.Mount{Target: m.Target(), ReadOnly: m.ReadOnly, Size: int64(m.Size)}
		switch {
		case m.Volume != "":
			mount.Kind, mount.Source = model.MountVolume, names.volumes[m.Volume].HostName
		case m.Bind != "":
			mount.Kind, mount.Source = model.MountBind, m.Bind
		default:
			mount.Kind = model.MountTmpfs
		}
		out = append(out, mount)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Target < out[j].Target })
	return out
}

func attachments(w *manifest.Workload, names hostNames) []model.Attachment {
	var out []model.Attachment
	for _, name := range joined(w) {
		if name != model.HostNetwork && name != model.NoNetwork {
			name = names.networks[name]
		}
		out = append(out, model.Attachment{Network: name})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Network < out[j].Network })
	return out
}

func ports(declared []manifest.Port) []model.Port {
	var out []model.Port
	for _, p := range declared {
		out = append(out, model.Port{
			Container: uint16(p.Port), Published: uint16(p.Published), Protocol: p.Protocol, HostIP: p.HostIP,
		})
	}
	sort.Slice(out, func(i, j int) bool { return portKey(out[i]) < portKey(out[j]) })
	return out
}

func portKey(p model.Port) string {
	return fmt.Sprintf("%05d/%s/%05d/%s", p.Container, p.Protocol, p.Published, p.HostIP)
}

// capabilities are without the CAP_ that may be written or left out.
func capabilities(declared []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, c := range declared {
		if c = strings.TrimPrefix(c, "CAP_"); !seen[c] {
			seen[c] = true
			out = append(out, c)
		}
	}
	sort.Strings(out)
	return out
}

func devices(declared []manifest.Device) []model.Device {
	var out []model.Device
	for _, d := range declared {
		device := model.Device{Host: d.Host, Container: d.Path, Permissions: d.Permissions}
		if device.Container == "" {
			device.Container = d.Host
		}
		out = append(out, device)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Container < out[j].Container })
	return out
}

// sysctls are written with dots, as the engine reports them.
func sysctls(declared map[string]string) map[string]string {
	if len(declared) == 0 {
		return nil
	}
	out := make(map[string]string, len(declared))
	for name, value := range declared {
		out[strings.ReplaceAll(name, "/", ".")] = value
	}
	return out
}

func ulimits(declared map[string]manifest.Ulimit) []model.Ulimit {
	var out []model.Ulimit
	for name, u := range declared {
		limit := model.Ulimit{Name: name, Soft: u.Soft, Hard: u.Soft}
		if u.Hard != nil {
			limit.Hard = *u.Hard
		}
		out = append(out, limit)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

func extraHosts(declared map[string]string) []model.ExtraHost {
	var out []model.ExtraHost
	for name, ip := range declared {
		out = append(out, model.ExtraHost{Name: name, IP: ip})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
