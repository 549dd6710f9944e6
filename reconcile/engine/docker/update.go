package docker

import (
	"context"
	"errors"

	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// unlimited is how an update says that a limit goes; a zero means "leave it".
const unlimited = -1

// updateContainer changes limits and restart policy in place.
func (e *Engine) updateContainer(ctx context.Context, op model.UpdateContainer) error {
	return e.with(ctx, op.Target, func(ctx context.Context, raw container.InspectResponse) error {
		now := adjustableFrom(raw.HostConfig)
		if now == op.Adjustable {
			return nil
		}
		if op.Adjustable.NanoCPUs == 0 && now.NanoCPUs != 0 {
			return invalid("the engine can change a CPU limit in place but not take it away")
		}
		_, err := e.api().ContainerUpdate(ctx, raw.ID, container.UpdateConfig{
			Resources: limits(now, op.Adjustable), RestartPolicy: restartPolicy(op.Adjustable.Restart),
		})
		if err != nil && raw.HostConfig.CPUQuota > 0 {
			return errors.Join(err, errors.New("its CPU quota was set by hand"))
		}
		return err
	})
}

// limits are the settings that lead from now to want. Memory and swap go
// together: engines refuse a memory limit above the limit of both, which they
// once set to twice the memory by themselves.
func limits(now, want model.Adjustable) container.Resources {
	r := container.Resources{
		NanoCPUs:          want.NanoCPUs,
		Memory:            orUnlimited(want.Memory, now.Memory),
		MemoryReservation: orUnlimited(want.MemoryReservation, now.MemoryReservation),
	}
	switch {
	case r.Memory > 0:
		r.MemorySwap = 2 * r.Memory
	case r.Memory < 0:
		r.MemorySwap = unlimited
	}
	if want.Pids != now.Pids {
		pids := want.Pids
		if pids == 0 {
			pids = unlimited
		}
		r.PidsLimit = &pids
	}
	return r
}

func orUnlimited(want, now int64) int64 {
	if want == 0 && now != 0 {
		return unlimited
	}
	return want
}
