package dockertest

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
	"github.com/hashicorp/go-multierror"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

const ownerLabel = model.LabelOwner

// RemoveOwned removes the containers, networks and volumes of an owner.
func RemoveOwned(ctx context.Context, c *client.Client, owner string) error {
	var errs *multierror.Error
	add := func(err error) {
		if err != nil && !errdefs.IsNotFound(err) {
			errs = multierror.Append(errs, err)
		}
	}
	all := filters.NewArgs(filters.Arg("label", ownerLabel+"="+owner))
	containers, err := c.ContainerList(ctx, container.ListOptions{All: true, Filters: all})
	add(err)
	for _, found := range containers {
		add(removeContainer(ctx, c, found.ID))
	}
	networks, err := c.NetworkList(ctx, network.ListOptions{Filters: all})
	add(err)
	for _, found := range networks {
		add(removeNetwork(ctx, c, found.ID))
	}
	volumes, err := c.VolumeList(ctx, volume.ListOptions{Filters: all})
	add(err)
	for _, found := range volumes.Volumes {
		add(c.VolumeRemove(ctx, found.Name, true))
	}
	return errs.ErrorOrNil()
}

// removeNetwork removes a network. The engine lets go of a removed container's
// endpoint a little after it has answered, so an attached one is tried again.
func removeNetwork(ctx context.Context, c *client.Client, id string) error {
	var err error
	for range 20 {
		if err = c.NetworkRemove(ctx, id); err == nil || errdefs.IsNotFound(err) {
			return nil
		}
		time.Sleep(250 * time.Millisecond)
	}
	return err
}

// removeContainer removes a container, with the anonymous volumes that nobody
// could find again. A removal that is under way already is waited for, because
// the container's networks can't go before it.
func removeContainer(ctx context.Context, c *client.Client, id string) error {
	err := c.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if !errdefs.IsConflict(err) {
		return err
	}
	gone, failed := c.ContainerWait(ctx, id, container.WaitConditionRemoved)
	select {
	case <-gone:
		return nil
	case err := <-failed:
		return err
	}
}

// removeDead removes what tests of processes that are no more have left.
func removeDead(t testing.TB, c *client.Client) {
	t.Helper()
	for owner := range owners(t, c) {
		if ownerAlive(owner) {
			continue
		}
		t.Logf("remove what the killed test %s left", owner)
		if err := RemoveOwned(t.Context(), c, owner); err != nil {
			t.Logf("remove leftovers of %s: %v", owner, err)
		}
	}
}

// owners are the test owners of this machine that have something on the
// engine.
func owners(t testing.TB, c *client.Client) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	add := func(labels map[string]string) {
		if owner := labels[ownerLabel]; strings.HasPrefix(owner, ownerPrefix()) {
			found[owner] = true
		}
	}
	all := filters.NewArgs(filters.Arg("label", ownerLabel))
	containers, err := c.ContainerList(t.Context(), container.ListOptions{All: true, Filters: all})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range containers {
		add(item.Labels)
	}
	networks, err := c.NetworkList(t.Context(), network.ListOptions{Filters: all})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range networks {
		add(item.Labels)
	}
	volumes, err := c.VolumeList(t.Context(), volume.ListOptions{Filters: all})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range volumes.Volumes {
		add(item.Labels)
	}
	return found
}

// ownerAlive says whether the process that made up the owner still runs.
func ownerAlive(owner string) bool {
	fields := strings.Split(strings.TrimPrefix(owner, ownerPrefix()), "-")
	if len(fields) < 3 {
		return true // not an owner of ours; hands off
	}
	pid, err := strconv.Atoi(fields[0])
	return err != nil || startTime(pid) == fields[1]
}
