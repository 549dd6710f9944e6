package rollout

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
)

// volumeHeld says which other container has, or may have, an exclusive volume
// that a new container of a replica needs, or "". The replica's own old
// containers are stopped first, where they can be reached.
func (d *decider) volumeHeld(s *model.Service, change *plan.Change) string {
	for _, hold := range s.Holds {
		for i := range d.in.Live.Hosts {
			h := &d.in.Live.Hosts[i]
			for j := range h.Containers {
				c := &h.Containers[j]
				own := c.ID == change.Current || h.Reachable && slices.Contains(change.Old, c.ID)
				if own || c.Owner.Owner != d.in.Desired.Owner || !mayRun(c, h) || !d.mayMount(c, hold.HostName) {
					continue
				}
				return fmt.Sprintf("waits for container %s on %s to let go of volume %q", c.Name, h.Name, hold.Volume)
			}
		}
	}
	return ""
}

// mayRun is in doubt for a container of which only the name is remembered, on a
// host that can't be asked.
func mayRun(c *model.Container, h *model.HostState) bool {
	return c.Running() || !h.Reachable && c.State == ""
}

// mayMount says whether a container of ours mounts a volume. Of one that is not
// inspected nobody knows, unless a manifest still says it.
func (d *decider) mayMount(c *model.Container, volume string) bool {
	if mounts, known := c.MountsVolume(volume); known {
		return mounts
	}
	app := d.apps[c.Owner.App]
	if app == nil {
		return true
	}
	i := slices.IndexFunc(app.Services, func(s model.Service) bool { return s.Name == c.Owner.Service })
	return i < 0 || app.Services[i].MountsVolume(volume)
}
