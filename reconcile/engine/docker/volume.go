package docker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/volume"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

var _ engine.VolumeRemover = (*Engine)(nil)

// allVolumes are also those of others, because a name that they have is taken.
func (e *Engine) allVolumes(ctx context.Context) ([]model.VolumeState, error) {
	return e.volumes.load("", e.watching.Load() > 0, func() ([]model.VolumeState, error) {
		ctx, cancel := context.WithTimeout(ctx, e.timeouts.List)
		defer cancel()
		found, err := e.api().VolumeList(ctx, volume.ListOptions{})
		states := make([]model.VolumeState, 0, len(found.Volumes))
		for _, v := range found.Volumes {
			states = append(states, volumeState(v))
		}
		slices.SortFunc(states, func(a, b model.VolumeState) int { return cmp.Compare(a.Name, b.Name) })
		return states, err
	})
}

// volumeState is a volume with what it was made from. An engine that gives no
// time of its making, or one that makes no sense, has not said when.
func volumeState(v *volume.Volume) model.VolumeState {
	state := model.VolumeState{Name: v.Name, Owner: model.OwnershipFrom(v.Labels), Driver: v.Driver}
	if len(v.Options) > 0 {
		state.Options = v.Options
	}
	if at, err := time.Parse(time.RFC3339, v.CreatedAt); err == nil {
		state.CreatedAt = at
	}
	return state
}

// alone makes sure that no container but one mounts any of some volumes while it
// runs, apart from the others of its pod. Whoever runs it: a person's copy of the
// data is a holder as well.
func (e *Engine) alone(ctx context.Context, c container.InspectResponse, volumes []string) error {
	own := model.OwnershipFrom(c.Config.Labels)

	for _, name := range volumes {
		list, err := e.api().ContainerList(ctx, container.ListOptions{Filters: filters.NewArgs(
			filters.Arg("volume", name), filters.Arg("status", "running"), filters.Arg("status", "paused"), filters.Arg("status", "restarting"))})
		if err != nil {
			return err
		}
		for i := range list {
			other := model.OwnershipFrom(list[i].Labels)
			if list[i].ID != c.ID && !other.SamePod(own) && mountsVolume(&list[i], name) {
				return conflict(fmt.Sprintf("container %q has the exclusive volume %q; it has to stop first", nameOf(list[i].Names), name))
			}
		}
	}
	return nil
}

// mountsVolume says it exactly: the engine's filter also finds mount points.
func mountsVolume(s *container.Summary, volume string) bool {
	return slices.ContainsFunc(s.Mounts, func(m container.MountPoint) bool { return m.Type == mount.TypeVolume && m.Name == volume })
}

// createVolume makes a volume. An engine gives an existing one back as if it
// had made it, so the labels tell.
func (e *Engine) createVolume(ctx context.Context, op model.CreateVolume) error {
	ctx, cancel := e.call(ctx)
	defer cancel()
	defer e.volumes.forgetAll()
	v := op.Volume
	made, err := e.api().VolumeCreate(ctx, volume.CreateOptions{
		Name: v.HostName, Driver: v.Driver, DriverOpts: v.Options, Labels: allLabels(v.Labels, op.Owner),
	})
	if err != nil {
		return err
	}
	state := volumeState(&made)
	switch {
	case state.Owner.Owner != op.Owner.Owner:
		return conflict("a volume of that name exists and is not ours")
	case !state.Made(v.Driver, v.Options):
		return conflict("the volume exists and was made with other settings")
	}
	return nil
}

// RemoveVolume removes a volume with all that is in it.
func (e *Engine) RemoveVolume(ctx context.Context, name, owner string) error {
	return e.fail(fmt.Sprintf("remove volume %q", name), e.removeVolume(ctx, name, func(found model.Ownership) bool {
		return owner != "" && found.Owner == owner && found.Name == name
	}))
}

func (e *Engine) removeVolume(ctx context.Context, name string, may func(model.Ownership) bool) error {
	if err := e.ready(ctx); err != nil {
		return err
	}
	ctx, cancel := e.call(ctx)
	defer cancel()
	defer e.volumes.forgetAll()
	found, err := e.api().VolumeInspect(ctx, name)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !may(model.OwnershipFrom(found.Labels)) {
		return conflict("the volume is not ours")
	}
	return gone(e.api().VolumeRemove(ctx, name, false))
}
