package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// What people and accidents do to a host. None of it is a call of the
// controller: it is not in the log of calls, and faults do not stop it.

// byHand does something to a container, given by id or name.
func (h *Host) byHand(what, ref string, act func(*container, time.Time) error) error {
	defer h.lock()()
	c := h.find(ref)
	if c == nil {
		return fmt.Errorf("%s container %q: no such container", what, ref)
	}
	now := time.Now()
	if err := act(c, now); err != nil {
		return fmt.Errorf("%s container %q: %w", what, ref, err)
	}
	h.expect(c, now)
	h.changed()
	return nil
}

// Kill kills a container, which the engine then does not restart.
func (h *Host) Kill(ref string) error {
	return h.byHand("kill", ref, func(c *container, now time.Time) error {
		if !c.alive() {
			return fmt.Errorf("it is %s", c.state)
		}
		c.halted = true
		c.ended(now, exitKilled)
		return nil
	})
}

// Crash makes a container's program exit by itself, as a bug would.
func (h *Host) Crash(ref string, exitCode int) error {
	return h.byHand("crash", ref, func(c *container, now time.Time) error {
		if c.state != model.StateRunning {
			return fmt.Errorf("it is %s", c.state)
		}
		c.ended(now, exitCode)
		return nil
	})
}

// Pause pauses a container.
func (h *Host) Pause(ref string) error {
	return h.byHand("pause", ref, func(c *container, now time.Time) error {
		if c.state != model.StateRunning {
			return fmt.Errorf("it is %s", c.state)
		}
		c.state, c.paused = model.StatePaused, now
		return nil
	})
}

// SetHealth makes a running container's health check report this from now on,
// until it is started again. HealthNone gives it back to its behaviour.
func (h *Host) SetHealth(ref string, health model.Health) error {
	return h.byHand("set health of", ref, func(c *container, _ time.Time) error {
		c.health = health
		return nil
	})
}

// LoseChecks is an engine that is restarted with live-restore: what runs goes on,
// and its health is looked at no more.
func (h *Host) LoseChecks() {
	defer h.lock()()
	now := time.Now()
	for _, c := range h.containers {
		if c.state == model.StateRunning {
			c.loseCheck(now)
		}
	}
	h.changed()
}

// Rename renames a container.
func (h *Host) Rename(ref, name string) error {
	return h.byHand("rename", ref, func(c *container, _ time.Time) error {
		_, err := h.rename(c, name)
		return err
	})
}

// UpdateMemory sets a container's memory limit.
func (h *Host) UpdateMemory(ref string, bytes int64) error {
	return h.byHand("update", ref, func(c *container, _ time.Time) error {
		c.change(func(s *model.ContainerSpec) { s.Adjustable.Memory = bytes })
		return nil
	})
}

// ChangeSpec makes a container one that was made differently.
func (h *Host) ChangeSpec(ref string, change func(*model.ContainerSpec)) error {
	return h.byHand("change", ref, func(c *container, _ time.Time) error {
		c.change(change)
		return nil
	})
}

// Disconnect takes a container off a network.
func (h *Host) Disconnect(ref, network string) error {
	return h.byHand("disconnect", ref, func(c *container, _ time.Time) error {
		h.disconnect(c, network)
		return nil
	})
}

// RemoveContainer removes a container, running or not.
func (h *Host) RemoveContainer(ref string) error {
	return h.byHand("remove", ref, func(c *container, now time.Time) error {
		c.halted = true
		c.ended(now, exitKilled)
		h.drop(c)
		return nil
	})
}

// RemoveNetwork removes a network, after taking everything that runs off it.
func (h *Host) RemoveNetwork(name string) error {
	defer h.lock()()
	n, err := h.network(name)
	if err != nil {
		return fmt.Errorf("remove network %q: %w", name, err)
	}
	for _, c := range h.containers {
		if c.alive() {
			h.disconnect(c, name)
		}
	}
	h.dropNetwork(n)
	h.changed()
	return nil
}

// CreateForeignNetwork makes a network that is nobody's.
func (h *Host) CreateForeignNetwork(name string) error {
	defer h.lock()()
	if len(h.named(name)) > 0 {
		return fmt.Errorf("create network %q: it exists", name)
	}
	h.networks = append(h.networks, &network{id: h.newID(), name: name, driver: "bridge"})
	h.changed()
	return nil
}

// TwinNetwork makes a second network of a name, like the first in everything, as
// engines before Docker 25 do for two creators that race.
func (h *Host) TwinNetwork(name string) (bool, error) {
	defer h.lock()()
	n, err := h.network(name)
	if err != nil {
		return false, fmt.Errorf("make a twin of network %q: %w", name, err)
	}
	twin := *n
	twin.id, twin.made = h.newID(), time.Now()
	h.networks = append(h.networks, &twin)
	h.changed()
	return true, nil
}

// CreateForeignVolume makes a volume that is nobody's.
func (h *Host) CreateForeignVolume(name string) error {
	defer h.lock()()
	if h.volumes[name] != nil {
		return fmt.Errorf("create volume %q: it exists", name)
	}
	h.volumes[name] = &volume{name: name, driver: model.LocalDriver}
	h.changed()
	return nil
}

// DeclareVolume makes an image like another one whose containers get an
// anonymous volume at path.
func (h *Host) DeclareVolume(image, path string) (ref string, err error) {
	defer h.lock()()
	base := h.images[image]
	if base == nil {
		return "", fmt.Errorf("declare volume of image %q: no such image", image)
	}
	derived := *base
	derived.Ref = "derived-" + base.Ref
	derived.Defaults.ID = "sha256:" + model.Hash(derived.Ref)
	derived.Defaults.Volumes = []string{path}
	h.load([]*Image{&derived})
	h.changed()
	return derived.Ref, nil
}

// AnonymousVolumes are the names of a container's volumes that nobody named.
func (h *Host) AnonymousVolumes(ref string) ([]string, error) {
	defer h.lock()()
	c := h.find(ref)
	if c == nil {
		return nil, fmt.Errorf("read volumes of container %q: no such container", ref)
	}
	return slices.Clone(c.anonymous), nil
}

// RunForeign runs a container that no controller made, with whatever labels.
func (h *Host) RunForeign(name string, labels map[string]string, ports []model.Port) (id string, err error) {
	defer h.lock()()
	if h.byName[name] != nil {
		return "", fmt.Errorf("run container %q: the name is in use", name)
	}
	now := time.Now()
	c := &container{
		id: h.newID(), name: name, owner: model.OwnershipFrom(labels), state: model.StateCreated, created: now,
		image: &Image{Ref: "foreign"}, spec: &model.ContainerSpec{Image: "foreign", Ports: ports},
	}
	if err := h.launch(c, now); err != nil {
		return "", fmt.Errorf("run container %q: %w", name, err)
	}
	h.add(c)
	h.changed()
	return c.id, nil
}

// SetClockBack sets the host's clock back, or forward by less than nothing: what
// was before seems to have been later by as much.
func (h *Host) SetClockBack(by time.Duration) {
	defer h.lock()()
	for _, c := range h.containers {
		for _, at := range []*time.Time{&c.created, &c.started, &c.finished} {
			if !at.IsZero() {
				*at = at.Add(by)
			}
		}
	}
	h.changed()
}

// PowerCycle is a reboot: what ran is gone, and what has a restart policy
// comes back.
func (h *Host) PowerCycle() {
	defer h.lock()()
	now := time.Now()
	for _, c := range h.containers {
		if !c.alive() {
			continue
		}
		c.backoff = 0
		c.ended(now, exitKilled)
		h.expect(c, now)
	}
	h.changed()
}
