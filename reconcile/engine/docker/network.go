package docker

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// allNetworks are all of the host's, because the attachments of containers are
// held against them.
func (e *Engine) allNetworks(ctx context.Context) ([]network.Inspect, error) {
	return e.networks.load("", e.watching.Load() > 0, func() ([]network.Inspect, error) {
		ctx, cancel := context.WithTimeout(ctx, e.timeouts.List)
		defer cancel()
		return e.api().NetworkList(ctx, network.ListOptions{})
	})
}

func ownedNetworks(all []network.Inspect, owner string) []model.NetworkState {
	var owned []model.NetworkState
	for i := range all {
		if own := model.OwnershipFrom(all[i].Labels); owner != "" && own.Owner == owner {
			owned = append(owned, model.NetworkState{ID: all[i].ID, Name: all[i].Name, Owner: own})
		}
	}
	slices.SortFunc(owned, func(a, b model.NetworkState) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return owned
}

func (e *Engine) ownedVolumes(ctx context.Context, owner string) ([]model.VolumeState, error) {
	if owner == "" {
		return nil, nil
	}
	return e.volumes.load(owner, e.watching.Load() > 0, func() ([]model.VolumeState, error) {
		ctx, cancel := context.WithTimeout(ctx, e.timeouts.List)
		defer cancel()
		found, err := e.api().VolumeList(ctx, volume.ListOptions{
			Filters: filters.NewArgs(filters.Arg("label", model.LabelOwner+"="+owner)),
		})
		var owned []model.VolumeState
		for _, v := range found.Volumes {
			owned = append(owned, model.VolumeState{Name: v.Name, Owner: model.OwnershipFrom(v.Labels)})
		}
		slices.SortFunc(owned, func(a, b model.VolumeState) int { return cmp.Compare(a.Name, b.Name) })
		return owned, err
	})
}

// createNetwork makes a network. One of that name is the same network, since
// the name carries a hash of the settings, if it is ours.
func (e *Engine) createNetwork(ctx context.Context, op model.CreateNetwork) error {
	ctx, cancel := e.call(ctx)
	defer cancel()
	defer e.networks.forgetAll()
	n := op.Network
	options := network.CreateOptions{
		Driver: n.Driver, Internal: n.Internal, Options: n.Options, Labels: allLabels(n.Labels, op.Owner),
	}
	if n.Subnet != "" {
		options.IPAM = &network.IPAM{Config: []network.IPAMConfig{{Subnet: n.Subnet}}}
	}
	_, err := e.api().NetworkCreate(ctx, n.HostName, options)
	if !errdefs.IsConflict(err) {
		return err
	}
	found, inspectErr := e.api().NetworkInspect(ctx, n.HostName, network.InspectOptions{})
	switch {
	case errdefs.IsNotFound(inspectErr):
		return err // the conflict was about something else, such as the subnet
	case inspectErr != nil:
		return inspectErr
	case found.Labels[model.LabelOwner] != op.Owner.Owner:
		return conflict("a network of that name exists and is not ours")
	}
	return nil
}

// removeNetwork removes a network of ours.
func (e *Engine) removeNetwork(ctx context.Context, op model.RemoveNetwork) error {
	ctx, cancel := e.call(ctx)
	defer cancel()
	defer e.networks.forgetAll()
	ref := cmp.Or(op.ID, op.Name)
	found, err := e.api().NetworkInspect(ctx, ref, network.InspectOptions{})
	switch {
	case errdefs.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case found.Name != op.Name || op.ID != "" && found.ID != op.ID || found.Labels[model.LabelOwner] != op.Owner:
		return conflict("the network is not the one that was meant")
	}
	if err := e.api().NetworkRemove(ctx, found.ID); !errdefs.IsNotFound(err) {
		return err
	}
	return nil
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
	if err == nil && made.Labels[model.LabelOwner] != op.Owner.Owner {
		return conflict("a volume of that name exists and is not ours")
	}
	return err
}

// allLabels are the user's and, over them, ours.
func allLabels(user map[string]string, own model.Ownership) map[string]string {
	labels := own.Labels()
	for key, value := range user {
		if !model.ReservedLabel(key) {
			labels[key] = value
		}
	}
	return labels
}

// networkNamed finds a network by its name; an id that begins like it is
// another one.
func (e *Engine) networkNamed(ctx context.Context, name string) (network.Inspect, error) {
	found, err := e.api().NetworkInspect(ctx, name, network.InspectOptions{})
	if errdefs.IsNotFound(err) || err == nil && found.Name != name {
		return found, missing(fmt.Sprintf("network %q does not exist", name))
	}
	return found, err
}
