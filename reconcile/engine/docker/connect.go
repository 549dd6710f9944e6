package docker

import (
	"context"
	"fmt"
	"slices"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// connectNetwork joins a container to a network. What it has under that name
// already is left first when it is no longer the same network, or answers to
// other aliases.
func (e *Engine) connectNetwork(ctx context.Context, op model.ConnectNetwork) error {
	return e.with(ctx, op.Target, func(ctx context.Context, raw container.InspectResponse) error {
		net, err := e.networkNamed(ctx, op.Attachment.Network)
		if err != nil {
			return err
		}
		endpoint := endpointOf(raw, net.Name)
		if endpoint == nil {
			return e.connect(ctx, raw.ID, op.Attachment)
		}
		stale := endpoint.NetworkID != "" && endpoint.NetworkID != net.ID
		if !stale && slices.Equal(aliases(&raw, endpoint.Aliases), sorted(op.Attachment.Aliases)) {
			return nil
		}
		if err := e.api().NetworkDisconnect(ctx, net.Name, raw.ID, stale); err != nil {
			return fmt.Errorf("leave the network first: %w", err)
		}
		return e.connect(ctx, raw.ID, op.Attachment)
	})
}

func endpointOf(raw container.InspectResponse, name string) *network.EndpointSettings {
	if raw.NetworkSettings == nil {
		return nil
	}
	return raw.NetworkSettings.Networks[name]
}

func (e *Engine) connect(ctx context.Context, id string, a model.Attachment) error {
	return e.api().NetworkConnect(ctx, a.Network, id, &network.EndpointSettings{Aliases: a.Aliases})
}

// disconnectNetwork takes a container off a network, also off one that exists
// no longer.
func (e *Engine) disconnectNetwork(ctx context.Context, op model.DisconnectNetwork) error {
	return e.with(ctx, op.Target, func(ctx context.Context, raw container.InspectResponse) error {
		endpoint := endpointOf(raw, op.Network)
		if endpoint == nil {
			return nil
		}
		net, err := e.networkNamed(ctx, op.Network)
		stale := err != nil || endpoint.NetworkID != "" && endpoint.NetworkID != net.ID
		return e.api().NetworkDisconnect(ctx, op.Network, raw.ID, stale)
	})
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
