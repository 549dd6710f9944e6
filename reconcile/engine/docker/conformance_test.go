package docker_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/nat"

	"github.com/tallyman-io/tallyman/reconcile/engine/enginetest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func TestConformance(t *testing.T) {
	enginetest.Run(t, enginetest.Cases(), func(t *testing.T) enginetest.Host {
		h := newHost(t)
		return enginetest.Host{Engine: h.engine, Name: "here", Owner: h.Owner, Image: testImage, Hands: hands{h}}
	})
}

// hands do to the engine what a person at its command line does.
type hands struct{ *host }

func (h hands) Kill(id string) error  { return h.Client.ContainerKill(h.t.Context(), id, "KILL") }
func (h hands) Pause(id string) error { return h.Client.ContainerPause(h.t.Context(), id) }

func (h hands) Rename(id, name string) error {
	return h.Client.ContainerRename(h.t.Context(), id, name)
}

// Network is that of the container's processes, on this very machine.
func (h hands) Network(id string) (string, error) {
	raw, err := h.Client.ContainerInspect(h.t.Context(), id)
	if err != nil {
		return "", err
	}
	return os.Readlink(fmt.Sprintf("/proc/%d/ns/net", raw.State.Pid))
}

func (h hands) UpdateMemory(id string, bytes int64) error {
	_, err := h.Client.ContainerUpdate(h.t.Context(), id, container.UpdateConfig{
		Resources: container.Resources{Memory: bytes, MemorySwap: 2 * bytes},
	})
	return err
}

func (h hands) Disconnect(id, name string) error {
	return h.Client.NetworkDisconnect(h.t.Context(), name, id, false)
}

func (h hands) RemoveContainer(id string) error {
	return h.Client.ContainerRemove(h.t.Context(), id, container.RemoveOptions{Force: true, RemoveVolumes: true})
}

func (h hands) RemoveNetwork(name string) error {
	net, err := h.Client.NetworkInspect(h.t.Context(), name, network.InspectOptions{})
	if err != nil {
		return err
	}
	for id := range net.Containers {
		if err := h.Client.NetworkDisconnect(h.t.Context(), name, id, true); err != nil {
			return err
		}
	}
	return h.Client.NetworkRemove(h.t.Context(), name)
}

func (h hands) RunForeign(name string, labels map[string]string, ports []model.Port) (string, error) {
	config := &container.Config{Image: testImage, Labels: labels, ExposedPorts: nat.PortSet{}}
	bindings := nat.PortMap{}
	for _, p := range ports {
		port := nat.Port(strconv.Itoa(int(p.Container)) + "/" + p.Protocol)
		config.ExposedPorts[port] = struct{}{}
		bindings[port] = append(bindings[port], nat.PortBinding{HostIP: p.HostIP, HostPort: strconv.Itoa(int(p.Published))})
	}
	made, err := h.Client.ContainerCreate(h.t.Context(), config, &container.HostConfig{PortBindings: bindings}, nil, nil, name)
	if err != nil {
		return "", err
	}
	// It has no label of this test, or somebody else's: nothing else removes it.
	h.t.Cleanup(func() { forceRemove(h.t, h.Client, made.ID) })
	return made.ID, h.Client.ContainerStart(h.t.Context(), made.ID, container.StartOptions{})
}

func (h hands) CreateForeignNetwork(name string) error {
	made, err := h.Client.NetworkCreate(h.t.Context(), name, network.CreateOptions{Driver: "bridge"})
	if err == nil {
		h.t.Cleanup(func() { forceRemoveNetwork(h.t, h.Client, made.ID) })
	}
	return err
}

func (h hands) CreateForeignVolume(name string) error {
	_, err := h.Client.VolumeCreate(h.t.Context(), volume.CreateOptions{Name: name})
	h.t.Cleanup(func() { forceRemoveVolume(h.t, h.Client, name) })
	return err
}

func (h hands) DeclareVolume(image, path string) (string, error) {
	base, err := h.Client.ContainerCreate(h.t.Context(), &container.Config{Image: image}, nil, nil, nil, h.Name("base"))
	if err != nil {
		return "", err
	}
	h.t.Cleanup(func() { forceRemove(h.t, h.Client, base.ID) })
	return h.commit("base", "VOLUME "+path), nil
}

func (h hands) AnonymousVolumes(id string) ([]string, error) {
	raw, err := h.Client.ContainerInspect(h.t.Context(), id)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range raw.Mounts {
		if m.Type == mount.TypeVolume && !slices.ContainsFunc(raw.HostConfig.Mounts, func(asked mount.Mount) bool { return asked.Target == m.Destination }) {
			names = append(names, m.Name)
			h.t.Cleanup(func() { forceRemoveVolume(h.t, h.Client, m.Name) }) // nothing else does
		}
	}
	return names, nil
}

func forceRemoveVolume(t testing.TB, c *client.Client, name string) {
	if err := c.VolumeRemove(cleanup(t), name, true); err != nil && !errdefs.IsNotFound(err) {
		t.Error(err)
	}
}

func forceRemove(t testing.TB, c *client.Client, id string) {
	err := c.ContainerRemove(cleanup(t), id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !errdefs.IsNotFound(err) {
		t.Error(err)
	}
}

func forceRemoveNetwork(t testing.TB, c *client.Client, id string) {
	if err := c.NetworkRemove(cleanup(t), id); err != nil && !errdefs.IsNotFound(err) {
		t.Error(err)
	}
}
