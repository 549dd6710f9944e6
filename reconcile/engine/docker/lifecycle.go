package docker

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// engineGrace is how long an engine waits after the stop signal by itself.
const engineGrace = 10 * time.Second

func (e *Engine) startContainer(ctx context.Context, op model.StartContainer) error {
	return e.with(ctx, op.Target, func(ctx context.Context, raw container.InspectResponse) error {
		switch {
		case raw.State.Paused:
			return conflict("the container is paused")
		case raw.State.Running:
			return nil
		}
		if err := e.alone(ctx, raw, op.Holds); err != nil {
			return err
		}
		return e.api().ContainerStart(ctx, raw.ID, container.StartOptions{})
	})
}

func (e *Engine) unpauseContainer(ctx context.Context, op model.UnpauseContainer) error {
	return e.with(ctx, op.Target, func(ctx context.Context, raw container.InspectResponse) error {
		switch {
		case raw.State.Paused:
			return e.api().ContainerUnpause(ctx, raw.ID)
		case raw.State.Running:
			return nil
		}
		return conflict("the container is not running")
	})
}

// pauseHeard is how long a pause lasts. The engine hears of it a second time, from
// its runtime; had it gone on by then, it would stop what it has just begun, and
// call the container unhealthy until the next probe.
const pauseHeard = 100 * time.Millisecond

// resumeHealthCheck makes the engine begin anew with a container's health check, as
// it does for whatever goes on after a pause. The pause is over in a moment, also
// when whoever asked for it waits no longer.
func (e *Engine) resumeHealthCheck(ctx context.Context, op model.ResumeHealthCheck) error {
	return e.with(context.WithoutCancel(ctx), op.Target, func(ctx context.Context, raw container.InspectResponse) error {
		if !raw.State.Running || raw.State.Restarting {
			return conflict("the container is not running")
		}
		defer e.probes.forget(raw.ID)
		if !raw.State.Paused {
			if err := e.api().ContainerPause(ctx, raw.ID); err != nil {
				return fmt.Errorf("pause: %w", err)
			}
			pause(ctx, pauseHeard)
		}
		return e.api().ContainerUnpause(ctx, raw.ID)
	})
}

// renameContainer gives a container the name in its label back.
func (e *Engine) renameContainer(ctx context.Context, op model.RenameContainer) error {
	return e.with(ctx, op.Target, func(ctx context.Context, raw container.InspectResponse) error {
		name := raw.Config.Labels[model.LabelName]
		switch {
		case name == "":
			return conflict("the container has no label that tells its name")
		case raw.Name == "/"+name:
			return nil
		}
		return e.api().ContainerRename(ctx, raw.ID, name)
	})
}

// stopContainer stops a container. A paused one can't hear its stop signal, so
// it is let go first. A container that is between two restarts counts as
// running: it would come back.
func (e *Engine) stopContainer(ctx context.Context, op model.StopContainer) error {
	raw, err := e.target(ctx, op.Target)
	if err != nil {
		return gone(err)
	}
	defer e.containers.forget(raw.ID)
	if !raw.State.Running && !raw.State.Restarting {
		return nil
	}
	return e.stop(ctx, raw, op.Grace)
}

// gone takes it for success that there is nothing left to act on.
func gone(err error) error {
	if err == nil {
		return nil
	}
	if class, _ := classify(err); class == engine.NotFound {
		return nil
	}
	return err
}

func (e *Engine) stop(ctx context.Context, raw container.InspectResponse, grace time.Duration) error {
	options := container.StopOptions{}
	if grace > 0 {
		n := wholeSeconds(grace)
		options.Timeout = &n
	}
	ctx, cancel := context.WithTimeout(ctx, graceOf(raw, grace)+e.timeouts.Stop)
	defer cancel()
	if raw.State.Paused {
		if err := e.api().ContainerUnpause(ctx, raw.ID); err != nil {
			return fmt.Errorf("unpause: %w", err)
		}
	}
	return gone(e.api().ContainerStop(ctx, raw.ID, options))
}

func graceOf(raw container.InspectResponse, grace time.Duration) time.Duration {
	switch own := seconds(raw.Config.StopTimeout); {
	case grace > 0:
		return grace
	case own > 0:
		return own
	}
	return engineGrace
}

// removeContainer removes a stopped container. Its anonymous volumes stay: the
// image of a database declares one, and whoever mounts nothing there has the
// data in it. It never forces: what runs has to be stopped first, with the time
// it was given for that. One that only waits for its next restart has no
// process to wait for.
func (e *Engine) removeContainer(ctx context.Context, op model.RemoveContainer) error {
	return gone(e.with(ctx, op.Target, func(ctx context.Context, raw container.InspectResponse) error {
		switch {
		case raw.State.Restarting:
			if err := e.stop(ctx, raw, 0); err != nil {
				return err
			}
		case raw.State.Running:
			return conflict("the container is running")
		}
		err := e.api().ContainerRemove(ctx, raw.ID, container.RemoveOptions{})
		if err != nil && strings.Contains(err.Error(), "is already in progress") {
			return e.awaitRemoval(ctx, raw.ID)
		}
		return err
	}))
}

// awaitRemoval waits for a removal that somebody else has begun.
func (e *Engine) awaitRemoval(ctx context.Context, id string) error {
	for {
		if _, err := e.inspectContainer(ctx, id); errdefs.IsNotFound(err) || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
