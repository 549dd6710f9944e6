package docker

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// defaultBridge is the network of containers that name none.
const defaultBridge = "bridge"

// attachments are the networks that a container is joined to. The default
// bridge is what naming no network gives, so it is no attachment of ours.
func attachments(raw *container.InspectResponse) []model.Attachment {
	if raw.NetworkSettings == nil {
		return nil
	}
	var list []model.Attachment
	for name, endpoint := range raw.NetworkSettings.Networks {
		if name == defaultBridge || endpoint == nil {
			continue
		}
		list = append(list, model.Attachment{Network: name, Aliases: aliases(raw, endpoint.Aliases)})
	}
	slices.SortFunc(list, func(a, b model.Attachment) int { return cmp.Compare(a.Network, b.Network) })
	return list
}

// aliases are those that somebody asked for. Engines before API 1.44 append
// the short id and, after it, the host name, which may well be one that was
// asked for too: then it stands before.
func aliases(raw *container.InspectResponse, all []string) []string {
	if i := slices.Index(all, shortID(raw.ID)); i >= 0 {
		all = all[:i]
	}
	return orNil(sorted(all))
}

// networkIDs are the ids that belong to the names in attachments. A container
// that was never started has no ids yet: it joins whatever has the name then.
func networkIDs(raw *container.InspectResponse) map[string]string {
	ids := map[string]string{}
	if raw.NetworkSettings == nil {
		return ids
	}
	for name, endpoint := range raw.NetworkSettings.Networks {
		if endpoint != nil {
			ids[name] = endpoint.NetworkID
		}
	}
	return ids
}

// portsFrom are the ports that were asked for; what the engine chose for a
// port that was left open is not among them.
func portsFrom(h *container.HostConfig) []model.Port {
	var ports []model.Port
	for port, bindings := range h.PortBindings {
		for _, b := range bindings {
			published, _ := strconv.ParseUint(b.HostPort, 10, 16)
			ports = append(ports, model.Port{
				Container: uint16(port.Int()), Published: uint16(published), Protocol: port.Proto(), HostIP: b.HostIP,
			})
		}
	}
	return sortedPorts(ports)
}

// mountsFrom are the mounts that were asked for, by whatever option. The
// anonymous volumes that the image declares were not.
func mountsFrom(raw *container.InspectResponse) []model.Mount {
	asked, sizes := askedMounts(raw.HostConfig)
	var mounts []model.Mount
	for _, m := range raw.Mounts {
		if !asked[m.Destination] {
			continue
		}
		live := model.Mount{Kind: string(m.Type), Source: m.Source, Target: m.Destination, ReadOnly: !m.RW}
		switch m.Type {
		case mount.TypeVolume:
			live.Source = m.Name
		case mount.TypeTmpfs:
			live.Source, live.Size = "", sizes[m.Destination]
		}
		mounts = append(mounts, live)
	}
	for target := range raw.HostConfig.Tmpfs {
		mounts = append(mounts, model.Mount{Kind: model.MountTmpfs, Target: target})
	}
	slices.SortFunc(mounts, func(a, b model.Mount) int {
		return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.Kind, b.Kind))
	})
	return mounts
}

// askedMounts are the targets in the container's settings, and the sizes of
// the tmpfs among them.
func askedMounts(h *container.HostConfig) (asked map[string]bool, sizes map[string]int64) {
	asked, sizes = map[string]bool{}, map[string]int64{}
	for _, m := range h.Mounts {
		asked[m.Target] = true
		if m.TmpfsOptions != nil {
			sizes[m.Target] = m.TmpfsOptions.SizeBytes
		}
	}
	for _, bind := range h.Binds {
		if parts := strings.Split(bind, ":"); len(parts) > 1 {
			asked[parts[1]] = true
		}
	}
	return asked, sizes
}
