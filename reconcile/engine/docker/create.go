package docker

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/go-connections/nat"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// createContainer makes a container and joins it to all its networks. Killed
// between the two, the same op, or a ConnectNetwork, does the rest.
func (e *Engine) createContainer(ctx context.Context, op model.CreateContainer, blobs model.Blobs) error {
	ctx, cancel := e.call(ctx)
	defer cancel()
	spec := &op.Spec
	env, err := fullEnv(spec, blobs)
	if err != nil {
		return err
	}
	if err := e.creatable(ctx, spec); err != nil {
		return err
	}
	first, rest := e.splitNetworks(spec.Networks)
	host := hostConfig(spec)
	if host.NetworkMode, err = e.networkMode(ctx, op, host.NetworkMode); err != nil {
		return err
	}
	made, err := e.api().ContainerCreate(ctx, config(op, env), host, endpoints(first), nil, op.Owner.Name)
	id := made.ID
	if errdefs.IsConflict(err) {
		id, rest, err = e.existing(ctx, op, host.NetworkMode, err)
	}
	if err != nil {
		return scrub(err, secretValues(spec, env))
	}
	defer e.containers.forget(id)
	for _, a := range rest {
		if err := e.connect(ctx, id, a); err != nil {
			return fmt.Errorf("connect to network %q: %w", a.Network, err)
		}
	}
	return nil
}

// networkMode is that of a pod's container: the network of the holder, which is
// named by its id, because another one may have its name one day.
func (e *Engine) networkMode(ctx context.Context, op model.CreateContainer, own container.NetworkMode) (container.NetworkMode, error) {
	if op.Owner.Role == "" || op.Owner.Role == model.RoleHolder {
		return own, nil
	}
	holder, err := e.inspectContainer(ctx, op.Owner.Pod)
	if err != nil {
		return "", err
	}
	is := model.OwnershipFrom(holder.Config.Labels)
	if is.Owner != op.Owner.Owner || is.Pod != op.Owner.Pod || is.Role != model.RoleHolder {
		return "", conflict(fmt.Sprintf("container %q does not hold a pod's network", op.Owner.Pod))
	}
	return container.NetworkMode("container:" + holder.ID), nil
}

// creatable refuses what the engine would accept and get wrong: it would make
// a missing volume, with neither driver nor labels; older ones find out that a
// network is missing only when the container starts; and a tag may have moved.
func (e *Engine) creatable(ctx context.Context, spec *model.ContainerSpec) error {
	if spec.ReadOnly && len(spec.Files) > 0 {
		return invalid("files can't be copied into a container whose root file system is read-only")
	}
	if err := e.attachable(ctx, spec); err != nil {
		return err
	}
	if spec.ImageID == "" {
		return nil
	}
	found, err := e.inspectImage(ctx, spec.Image)
	if err == nil && found.ID != spec.ImageID {
		return conflict(fmt.Sprintf("image %q is not the one that was meant: it is now %s", spec.Image, found.ID))
	}
	return err
}

// attachable makes sure that the volumes and networks of a spec exist.
func (e *Engine) attachable(ctx context.Context, spec *model.ContainerSpec) error {
	for _, m := range spec.Mounts {
		if m.Kind != model.MountVolume {
			continue
		}
		if _, err := e.api().VolumeInspect(ctx, m.Source); err != nil {
			return err
		}
	}
	if len(spec.Networks) == 0 {
		return nil
	}
	existing, err := e.allNetworks(ctx)
	for _, a := range spec.Networks {
		if err == nil && !slices.ContainsFunc(existing, func(n network.Inspect) bool { return n.Name == a.Network }) {
			err = missing(fmt.Sprintf("network %q does not exist", a.Network))
		}
	}
	return err
}

// splitNetworks tells the networks that can be given at once from those that
// must be joined afterwards: before API 1.44 it is one. What counts is the
// version that is spoken, not the newest that the engine knows.
func (e *Engine) splitNetworks(all []model.Attachment) (first, rest []model.Attachment) {
	if len(all) < 2 || versions.GreaterThanOrEqualTo(e.api().ClientVersion(), "1.44") {
		return all, nil
	}
	return all[:1], all[1:]
}

// existing is the container that has the name already, and the networks that
// it still lacks, if it is what op would make.
func (e *Engine) existing(ctx context.Context, op model.CreateContainer, network container.NetworkMode, taken error) (string, []model.Attachment, error) {
	raw, err := e.inspectContainer(ctx, op.Owner.Name)
	if errdefs.IsNotFound(err) {
		return "", nil, taken // not the name was taken
	}
	if err != nil {
		return "", nil, err
	}
	own := model.OwnershipFrom(raw.Config.Labels)
	if raw.Name != "/"+op.Owner.Name || own.Owner != op.Owner.Owner || own.Fingerprint != op.Owner.Fingerprint {
		return "", nil, conflict("the name is taken by another container")
	}
	if network.IsContainer() && raw.HostConfig.NetworkMode != network {
		return "", nil, conflict("the name is taken by a container of another pod")
	}
	var lacking []model.Attachment
	for _, a := range op.Spec.Networks {
		if _, ok := raw.NetworkSettings.Networks[a.Network]; !ok {
			lacking = append(lacking, a)
		}
	}
	return raw.ID, lacking, nil
}

func config(op model.CreateContainer, env map[string]string) *container.Config {
	s := &op.Spec
	labels := allLabels(s.Labels, op.Owner)
	if len(s.Files) > 0 {
		labels[model.LabelFiles] = filesLabel(s.Files)
	}
	if names := model.SecretsLabel(s); names != "" {
		labels[model.LabelSecrets] = names
	}
	c := &container.Config{
		Image: s.Image, Entrypoint: s.Entrypoint, Cmd: s.Command, Env: envLines(env),
		User: s.User, WorkingDir: s.WorkingDir, Hostname: s.Hostname, Labels: labels,
		StopSignal: s.StopSignal, ExposedPorts: nat.PortSet{},
	}
	for _, p := range s.Ports {
		c.ExposedPorts[natPort(p)] = struct{}{}
	}
	if s.StopGrace > 0 {
		n := wholeSeconds(s.StopGrace)
		c.StopTimeout = &n
	}
	if h := s.HealthCheck; h != nil {
		c.Healthcheck = &container.HealthConfig{
			Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, Retries: h.Retries,
		}
	}
	return c
}

func hostConfig(s *model.ContainerSpec) *container.HostConfig {
	h := &container.HostConfig{
		PortBindings: nat.PortMap{}, Mounts: mounts(s.Mounts),
		ReadonlyRootfs: s.ReadOnly, Privileged: s.Privileged, CapAdd: s.CapAdd, CapDrop: s.CapDrop,
		Sysctls: s.Sysctls, ShmSize: s.ShmSize,
		DNS: s.DNS.Servers, DNSSearch: s.DNS.Search, DNSOptions: s.DNS.Options,
		LogConfig:     container.LogConfig{Type: s.Logging.Driver, Config: s.Logging.Options},
		RestartPolicy: restartPolicy(s.Adjustable.Restart),
		Resources:     resources(s),
	}
	if len(s.Networks) > 0 {
		h.NetworkMode = container.NetworkMode(s.Networks[0].Network)
	}
	if s.Init {
		h.Init = &s.Init
	}
	for _, p := range s.Ports {
		binding := nat.PortBinding{HostIP: p.HostIP}
		if p.Published != 0 {
			binding.HostPort = strconv.Itoa(int(p.Published))
		}
		h.PortBindings[natPort(p)] = append(h.PortBindings[natPort(p)], binding)
	}
	for _, host := range s.ExtraHosts {
		h.ExtraHosts = append(h.ExtraHosts, host.Name+":"+host.IP)
	}
	return h
}

func resources(s *model.ContainerSpec) container.Resources {
	a := s.Adjustable
	r := container.Resources{NanoCPUs: a.NanoCPUs, Memory: a.Memory, MemoryReservation: a.MemoryReservation}
	if a.Pids > 0 {
		r.PidsLimit = &a.Pids
	}
	for _, d := range s.Devices {
		r.Devices = append(r.Devices, container.DeviceMapping{
			PathOnHost: d.Host, PathInContainer: d.Container, CgroupPermissions: d.Permissions,
		})
	}
	for _, u := range s.Ulimits {
		r.Ulimits = append(r.Ulimits, &container.Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard})
	}
	return r
}

// restartPolicy names "no" outright, because to an update an empty name means
// "leave it as it is".
func restartPolicy(r model.Restart) container.RestartPolicy {
	if r.Name == "" {
		r.Name = string(container.RestartPolicyDisabled)
	}
	return container.RestartPolicy{Name: container.RestartPolicyMode(r.Name), MaximumRetryCount: r.MaxRetries}
}

// mounts uses the form in which a missing folder of the host is an error; the
// other one makes an empty folder, owned by root, out of each typing mistake.
func mounts(list []model.Mount) []mount.Mount {
	var out []mount.Mount
	for _, m := range list {
		entry := mount.Mount{Type: mount.Type(m.Kind), Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly}
		if m.Kind == model.MountTmpfs && m.Size > 0 {
			entry.TmpfsOptions = &mount.TmpfsOptions{SizeBytes: m.Size}
		}
		out = append(out, entry)
	}
	return out
}

func endpoints(list []model.Attachment) *network.NetworkingConfig {
	if len(list) == 0 {
		return nil
	}
	c := &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{}}
	for _, a := range list {
		c.EndpointsConfig[a.Network] = &network.EndpointSettings{Aliases: a.Aliases}
	}
	return c
}

func natPort(p model.Port) nat.Port {
	return nat.Port(strconv.Itoa(int(p.Container)) + "/" + p.Protocol)
}

func envLines(env map[string]string) []string {
	lines := make([]string, 0, len(env))
	for name, value := range env {
		lines = append(lines, name+"="+value)
	}
	slices.Sort(lines)
	return lines
}

// wholeSeconds rounds up: engines count a grace period in seconds, and a
// process should rather get more time than less.
func wholeSeconds(d time.Duration) int {
	return int((d + time.Second - 1) / time.Second)
}
