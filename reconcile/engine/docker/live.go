package docker

import (
	"cmp"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// liveSpec is the spec that a container was made from, in normal form, without
// the contents of its files.
func liveSpec(raw *container.InspectResponse, info hostInfo) *model.ContainerSpec {
	c, h := raw.Config, raw.HostConfig
	spec := &model.ContainerSpec{
		Image: c.Image, ImageID: raw.Image,
		Entrypoint: orNil(c.Entrypoint), Command: orNil(c.Cmd),
		Env: envMap(c.Env), User: c.User, WorkingDir: c.WorkingDir,
		Hostname:    hostnameOf(raw, info),
		Labels:      userLabels(c.Labels),
		HealthCheck: healthCheckFrom(c.Healthcheck),
		StopSignal:  c.StopSignal, StopGrace: seconds(c.StopTimeout),
		Networks: attachments(raw), Ports: portsFrom(h), Mounts: mountsFrom(raw),
		Adjustable: adjustableFrom(h),
	}
	isolation(spec, h)
	spec.DNS = model.DNS{Servers: orNil(h.DNS), Search: orNil(h.DNSSearch), Options: orNil(h.DNSOptions)}
	spec.ExtraHosts = extraHostsFrom(h.ExtraHosts)
	spec.ShmSize = h.ShmSize
	spec.Logging = model.Logging{Driver: h.LogConfig.Type}
	if len(h.LogConfig.Config) > 0 {
		spec.Logging.Options = h.LogConfig.Config
	}
	return spec
}

// hostnameOf leaves out the names that the engine makes up: the short id, and
// the host's own in the host's network.
func hostnameOf(raw *container.InspectResponse, info hostInfo) string {
	name := raw.Config.Hostname
	if raw.HostConfig.NetworkMode.IsContainer() {
		return "" // it is the holder's
	}
	if name == shortID(raw.ID) || raw.HostConfig.NetworkMode.IsHost() && name == info.hostname {
		return ""
	}
	return name
}

func shortID(id string) string { return id[:min(12, len(id))] }

// isolation fills in what the container may do to its host.
func isolation(spec *model.ContainerSpec, h *container.HostConfig) {
	spec.Init = h.Init != nil && *h.Init
	spec.ReadOnly, spec.Privileged = h.ReadonlyRootfs, h.Privileged
	spec.CapAdd, spec.CapDrop = capabilities(h.CapAdd), capabilities(h.CapDrop)
	if len(h.Sysctls) > 0 {
		spec.Sysctls = h.Sysctls
	}
	for _, d := range h.Devices {
		spec.Devices = append(spec.Devices, model.Device{
			Host: d.PathOnHost, Container: cmp.Or(d.PathInContainer, d.PathOnHost), Permissions: cmp.Or(d.CgroupPermissions, "rwm"),
		})
	}
	slices.SortFunc(spec.Devices, func(a, b model.Device) int {
		return cmp.Or(cmp.Compare(a.Container, b.Container), cmp.Compare(a.Host, b.Host))
	})
	for _, u := range h.Ulimits {
		spec.Ulimits = append(spec.Ulimits, model.Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard})
	}
	slices.SortFunc(spec.Ulimits, func(a, b model.Ulimit) int { return cmp.Compare(a.Name, b.Name) })
}

// capabilities are names without the CAP_ that newer engines add.
func capabilities(list []string) []string {
	var names []string
	for _, name := range list {
		names = append(names, strings.TrimPrefix(strings.ToUpper(name), "CAP_"))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// adjustableFrom reads the limits. A quota that somebody set by hand is the
// same limit in other units.
func adjustableFrom(h *container.HostConfig) model.Adjustable {
	a := model.Adjustable{
		NanoCPUs: h.NanoCPUs, Memory: max(h.Memory, 0), MemoryReservation: max(h.MemoryReservation, 0),
	}
	if a.NanoCPUs == 0 && h.CPUQuota > 0 {
		a.NanoCPUs = h.CPUQuota * 1e9 / cmp.Or(h.CPUPeriod, 100_000)
	}
	if h.PidsLimit != nil {
		a.Pids = max(*h.PidsLimit, 0)
	}
	if !h.RestartPolicy.IsNone() {
		a.Restart = model.Restart{Name: string(h.RestartPolicy.Name), MaxRetries: h.RestartPolicy.MaximumRetryCount}
	}
	return a
}

func extraHostsFrom(lines []string) []model.ExtraHost {
	var hosts []model.ExtraHost
	for _, line := range lines {
		name, ip, _ := strings.Cut(line, ":")
		hosts = append(hosts, model.ExtraHost{Name: name, IP: ip})
	}
	slices.SortFunc(hosts, func(a, b model.ExtraHost) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.IP, b.IP))
	})
	return hosts
}
