package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func (h *Host) wantsPull(o model.PullImage) bool { return o.Always || h.image(o.Image) == nil }

func (h *Host) pull(o model.PullImage) (bool, error) {
	if !h.wantsPull(o) {
		return false, nil
	}
	i, err := h.world.pullable(o.Image)
	if err != nil {
		return false, err
	}
	changed := h.image(o.Image) != i
	h.images[exact(o.Image)], h.images[i.canonical()] = i, i
	return changed, nil
}

func (h *Host) createNetwork(o model.CreateNetwork, now time.Time) (bool, error) {
	name := o.Network.HostName
	if n := h.networks[name]; n != nil {
		if n.owner.Owner == o.Owner.Owner {
			return false, nil
		}
		return false, refuse(engine.Conflict, "network with name %s already exists", name)
	}
	h.networks[name] = &network{id: h.newID(), name: name, driver: o.Network.Driver, owner: o.Owner, made: now}
	for _, c := range h.containers {
		if c.started.IsZero() && c.joins(name) {
			h.showNetworks(c)
		}
	}
	return true, nil
}

func (h *Host) removeNetwork(o model.RemoveNetwork) (bool, error) {
	n := h.networks[o.Name]
	switch {
	case n == nil || o.ID != "" && n.id != o.ID:
		return false, nil
	case n.owner.Owner != o.Owner:
		return false, refuse(engine.Conflict, "it belongs to %q, not to %q", n.owner.Owner, o.Owner)
	}
	for _, c := range h.containers {
		if c.alive() && c.on(n) >= 0 {
			return false, refuse(engine.Conflict, "network %s has active endpoints: %s", n.name, c.name)
		}
	}
	h.dropNetwork(n)
	return true, nil
}

// dropNetwork removes a network. Containers that do not run keep their
// attachment to it, which fits no network of that name made later.
func (h *Host) dropNetwork(n *network) {
	delete(h.networks, n.name)
	for _, c := range h.containers {
		if c.on(n) >= 0 {
			h.showNetworks(c)
		}
	}
}

// on is the index of the container's attachment to a network, or -1.
func (c *container) on(n *network) int {
	return slices.IndexFunc(c.joined, func(a attachment) bool { return a.network == n })
}

func (c *container) joins(name string) bool {
	return slices.ContainsFunc(c.joined, func(a attachment) bool { return a.network.name == name })
}

func (h *Host) connect(c *container, a model.Attachment) (bool, error) {
	n := h.networks[a.Network]
	if n == nil {
		return false, refuse(engine.NotFound, "network %s not found", a.Network)
	}
	if i := c.on(n); i >= 0 && slices.Equal(c.joined[i].aliases, a.Aliases) {
		return false, nil
	}
	c.leave(a.Network)
	c.joined = append(c.joined, attachment{n, a.Aliases})
	h.showNetworks(c)
	return true, nil
}

func (h *Host) disconnect(c *container, name string) bool {
	if !c.leave(name) {
		return false
	}
	h.showNetworks(c)
	return true
}

// leave drops attachments to networks of a name, also to those that no longer
// exist.
func (c *container) leave(name string) bool {
	before := len(c.joined)
	c.joined = slices.DeleteFunc(slices.Clone(c.joined), func(a attachment) bool { return a.network.name == name })
	return len(c.joined) < before
}

func (h *Host) exists(n *network) bool { return h.networks[n.name] == n }

// settleNetworks: one that was never started joins whatever has the names now.
func (h *Host) settleNetworks(c *container) {
	if !c.started.IsZero() {
		return
	}
	for i, a := range c.joined {
		if n := h.networks[a.network.name]; n != nil {
			c.joined[i].network = n
		}
	}
}

// showNetworks makes the spec say what the container is attached to.
func (h *Host) showNetworks(c *container) {
	h.settleNetworks(c)
	var attached []model.Attachment
	for _, a := range c.joined {
		if h.exists(a.network) && a.network.name != defaultNetwork {
			attached = append(attached, model.Attachment{Network: a.network.name, Aliases: a.aliases})
		}
	}
	slices.SortFunc(attached, func(a, b model.Attachment) int { return cmp.Compare(a.Network, b.Network) })
	c.change(func(s *model.ContainerSpec) { s.Networks = attached })
}
