package docker

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"

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

// networkStates are all networks in the words of the model; users are the
// containers of the host.
func networkStates(all []network.Inspect, users []container.Summary) []model.NetworkState {
	inUse := map[string]bool{}
	for i := range users {
		if users[i].State != container.StateRunning && users[i].State != container.StatePaused || users[i].NetworkSettings == nil {
			continue
		}
		for _, endpoint := range users[i].NetworkSettings.Networks {
			inUse[endpoint.NetworkID] = true
		}
	}
	states := make([]model.NetworkState, 0, len(all))
	for i := range all {
		states = append(states, model.NetworkState{
			ID: all[i].ID, Name: all[i].Name, Owner: model.OwnershipFrom(all[i].Labels), Driver: all[i].Driver,
			CreatedAt: all[i].Created, InUse: inUse[all[i].ID],
		})
	}
	slices.SortFunc(states, model.CompareNetworks)
	return states
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
		options.IPAM = &network.IPAM{Config: []network.IPAMConfig{{Subnet: n.Subnet, Gateway: n.Gateway, IPRange: n.IPRange}}}
	}
	_, err := e.api().NetworkCreate(ctx, n.HostName, options)
	if !errdefs.IsConflict(err) {
		return err
	}
	return e.made(ctx, op, err)
}

// made looks at what has the name already. It lists, because an engine that has
// two of one name finds neither by it.
func (e *Engine) made(ctx context.Context, op model.CreateNetwork, taken error) error {
	all, err := e.api().NetworkList(ctx, network.ListOptions{})
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(n network.Inspect) bool { return n.Name != op.Network.HostName })
	switch {
	case len(all) == 0:
		return taken // the conflict was about something else, such as the subnet
	case slices.ContainsFunc(all, func(n network.Inspect) bool { return n.Labels[model.LabelOwner] != op.Owner.Owner }):
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
