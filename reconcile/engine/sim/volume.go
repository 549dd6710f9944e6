package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

var _ engine.VolumeRemover = (*Host)(nil)

func (v *volume) state() model.VolumeState {
	return model.VolumeState{Name: v.name, Owner: v.owner, Driver: v.driver, Options: v.options, CreatedAt: v.made}
}

func (h *Host) createVolume(o model.CreateVolume, now time.Time) (bool, error) {
	name := o.Volume.HostName
	if v := h.volumes[name]; v != nil {
		state := v.state()
		switch {
		case v.owner.Owner != o.Owner.Owner:
			return false, refuse(engine.Conflict, "volume %s exists and is not ours", name)
		case !state.Made(o.Volume.Driver, o.Volume.Options):
			return false, refuse(engine.Conflict, "volume %s exists and was made with other settings", name)
		}
		return false, nil
	}
	h.volumes[name] = &volume{name: name, driver: o.Volume.Driver, options: o.Volume.Options, owner: o.Owner, made: now}
	return true, nil
}

// alone makes sure that no container but one mounts any of some volumes while it
// runs, apart from the others of its pod.
func (h *Host) alone(c *container, volumes []string) error {
	for _, name := range volumes {
		for _, other := range h.containers {
			if other != c && !other.owner.SamePod(c.owner) && other.alive() && other.spec.MountsVolume(name) {
				return refuse(engine.Conflict, "container %s has the exclusive volume %s; it has to stop first", other.name, name)
			}
		}
	}
	return nil
}

// RemoveVolume removes a volume with all that is in it. It is a person's doing,
// and so not in the log of calls.
func (h *Host) RemoveVolume(ctx context.Context, name, owner string) error {
	doing := fmt.Sprintf("remove volume %q", name)
	if err := h.pass(ctx, "removeVolume", doing); err != nil {
		return err
	}
	defer h.lock()()
	_, err := h.dropVolume(name, func(found model.Ownership) bool {
		return owner != "" && found.Owner == owner && found.Name == name
	})
	var r *refusal
	if errors.As(err, &r) {
		return h.fail(doing, r.class, r)
	}
	h.changed()
	return nil
}

func (h *Host) dropVolume(name string, may func(model.Ownership) bool) (dropped bool, err error) {
	v := h.volumes[name]
	if v == nil {
		return false, nil
	}
	if !may(v.owner) {
		return false, refuse(engine.Conflict, "the volume is not ours")
	}
	for _, c := range h.containers {
		if c.spec.MountsVolume(name) {
			return false, refuse(engine.Conflict, "volume %s is in use by %s", name, c.name)
		}
	}
	delete(h.volumes, name)
	return true, nil
}
