package docker

import (
	"context"
	"fmt"

	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Do performs one op.
func (e *Engine) Do(ctx context.Context, op model.Op, blobs model.Blobs) error {
	return e.fail(engine.Doing(op), e.perform(ctx, op, blobs))
}

func (e *Engine) perform(ctx context.Context, op model.Op, blobs model.Blobs) error {
	if op.On() != e.host.Name {
		return invalid(fmt.Sprintf("the op is for host %q", op.On()))
	}
	if err := e.ready(ctx); err != nil {
		return err
	}
	defer e.working.begin(op)()
	switch o := op.(type) {
	case model.PullImage:
		return e.pullImage(ctx, o, blobs)
	case model.RemoveImage:
		return e.removeImage(ctx, o)
	case model.LoadImage:
		return e.loadImage(ctx, o)
	case model.CreateNetwork:
		return e.createNetwork(ctx, o)
	case model.RemoveNetwork:
		return e.removeNetwork(ctx, o)
	case model.CreateVolume:
		return e.createVolume(ctx, o)
	case model.RemoveVolume:
		return e.removeVolume(ctx, o.Name, func(found model.Ownership) bool { return o.Owner.OwnPreview(o.Name, found) })
	case model.CreateContainer:
		return e.createContainer(ctx, o, blobs)
	case model.CopyFiles:
		return e.copyFiles(ctx, o, blobs)
	case model.StartContainer:
		return e.startContainer(ctx, o)
	case model.UnpauseContainer:
		return e.unpauseContainer(ctx, o)
	case model.ResumeHealthCheck:
		return e.resumeHealthCheck(ctx, o)
	case model.RenameContainer:
		return e.renameContainer(ctx, o)
	case model.UpdateContainer:
		return e.updateContainer(ctx, o)
	case model.ConnectNetwork:
		return e.connectNetwork(ctx, o)
	case model.DisconnectNetwork:
		return e.disconnectNetwork(ctx, o)
	case model.StopContainer:
		return e.stopContainer(ctx, o)
	case model.RemoveContainer:
		return e.removeContainer(ctx, o)
	}
	return invalid("unknown op")
}

// target finds the container that an op is meant for, and makes sure that it
// is that one: by its id, which nothing else can have, or by its name, and in
// both cases by whose it is and what it was made from.
func (e *Engine) target(ctx context.Context, t model.Target) (container.InspectResponse, error) {
	raw, err := e.inspectContainer(ctx, t.Ref())
	if err != nil {
		return raw, err
	}
	own := model.OwnershipFrom(raw.Config.Labels)
	switch {
	case t.ID != "" && raw.ID != t.ID, t.ID == "" && raw.Name != "/"+t.Name:
		return raw, missing(fmt.Sprintf("container %q does not exist", t.Ref()))
	case t.Owner == "" || own.Owner != t.Owner:
		return raw, conflict("the container is not ours")
	case own.Fingerprint != t.Fingerprint:
		return raw, conflict(fmt.Sprintf("the container was made from another spec: its fingerprint is %q, not %q",
			own.Fingerprint, t.Fingerprint))
	}
	return raw, nil
}

// with performs act on the container that t means, and makes sure that the
// next pass looks at it anew, whatever came of it.
func (e *Engine) with(ctx context.Context, t model.Target, act func(context.Context, container.InspectResponse) error) error {
	ctx, cancel := e.call(ctx)
	defer cancel()
	raw, err := e.target(ctx, t)
	if err != nil {
		return err
	}
	defer e.containers.forget(raw.ID)
	return act(ctx, raw)
}
