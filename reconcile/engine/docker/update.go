package docker

import (
	"context"

	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// updateContainer changes limits and restart policy in place. An update reads
// a zero as "leave it", and has no other word for taking a limit of CPU or
// memory away: that needs a new container.
func (e *Engine) updateContainer(ctx context.Context, op model.UpdateContainer) error {
	return e.with(ctx, op.Target, func(ctx context.Context, raw container.InspectResponse) error {
		now, want := adjustableFrom(raw.HostConfig), op.Adjustable
		switch {
		case now == want:
			return nil
		case lifted(now.NanoCPUs, want.NanoCPUs), lifted(now.Memory, want.Memory),
			lifted(now.MemoryReservation, want.MemoryReservation):
			return invalid("the engine can change a limit of CPU or memory in place but not take it away")
		}
		_, err := e.api().ContainerUpdate(ctx, raw.ID, container.UpdateConfig{
			Resources: limits(now, want), RestartPolicy: restartPolicy(want.Restart),
		})
		return err
	})
}

func lifted(now, want int64) bool { return now != 0 && want == 0 }

// unlimited is how many processes "no limit" is.
const unlimited = -1

// limits are the settings that lead from now to want. Memory and swap go
// together: engines refuse a memory limit above the limit of both, which they
// once set to twice the memory by themselves.
func limits(now, want model.Adjustable) container.Resources {
	r := container.Resources{
		NanoCPUs: want.NanoCPUs, Memory: want.Memory, MemoryReservation: want.MemoryReservation,
		MemorySwap: 2 * want.Memory,
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
