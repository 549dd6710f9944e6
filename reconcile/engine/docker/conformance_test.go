package docker_test

import (
	"strconv"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/nat"

	"github.com/tallyman-io/tallyman/reconcile/engine/enginetest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func TestConformance(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) enginetest.Host {
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
