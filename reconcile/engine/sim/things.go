package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func (h *Host) wantsPull(o model.PullImage) bool { return o.Always || h.image(o.Image) == nil }

func (h *Host) pull(o model.PullImage, blobs model.Blobs) (bool, error) {
	if !h.wantsPull(o) {
		return false, nil
	}
	i, err := h.world.pullable(o, blobs)
	if err != nil {
		return false, err
	}
	if !i.suits(h) {
		return false, refuse(engine.NotFound, "no matching manifest for %s/%s in the manifest list entries", h.info.OS, h.info.Arch)
	}
	changed := h.image(o.Image) != i
	h.images[exact(o.Image)], h.images[i.canonical()] = i, i
	return changed, nil
}

func (h *Host) createNetwork(o model.CreateNetwork, now time.Time) (bool, error) {
	name := o.Network.HostName
	for _, n := range h.named(name) {
		if n.owner.Owner != o.Owner.Owner {
			return false, refuse(engine.Conflict, "network with name %s already exists", name)
		}
	}
	if len(h.named(name)) > 0 {
		return false, nil
	}
	made := &network{id: h.newID(), name: name, driver: o.Network.Driver, owner: o.Owner, made: now}
	h.networks = append(h.networks, made)
	if h.twins {
		twin := *made
		twin.id = h.newID()
		h.networks = append(h.networks, &twin)
	}
	for _, c := range h.containers {
		if c.started.IsZero() && c.joins(name) {
			h.showNetworks(c)
		}
	}
	return true, nil
}

func (h *Host) removeNetwork(o model.RemoveNetwork) (bool, error) {
	named := h.named(o.Name)
	i := slices.IndexFunc(named, func(n *network) bool { return n.id == cmp.Or(o.ID, n.id) })
	if i < 0 {
		return false, nil
	}
	n := named[i]
	switch {
	case n.owner.Owner != o.Owner:
		return false, refuse(engine.Conflict, "it belongs to %q, not to %q", n.owner.Owner, o.Owner)
	}
	if user := h.user(n); user != nil {
		return false, refuse(engine.Conflict, "network %s has active endpoints: %s", n.name, user.name)
	}
	h.dropNetwork(n)
	return true, nil
}

// dropNetwork removes a network. Containers that do not run keep their
// attachment to it, which fits no network of that name made later.
func (h *Host) dropNetwork(n *network) {
	h.networks = slices.DeleteFunc(h.networks, func(other *network) bool { return other == n })
	for _, c := range h.containers {
		if c.on(n) >= 0 {
			h.showNetworks(c)
		}
	}
}

// user is a container that runs on the network, or nil.
func (h *Host) user(n *network) *container {
	for _, c := range h.containers {
		if c.alive() && c.on(n) >= 0 {
			return c
		}
	}
	return nil
}

// named are the networks of a name, the oldest first.
func (h *Host) named(name string) []*network {
	var found []*network
	for _, n := range h.networks {
		if n.name == name {
			found = append(found, n)
		}
	}
	return found
}

// network is the one of a name, if there is one and no other.
func (h *Host) network(name string) (*network, error) {
	switch named := h.named(name); len(named) {
	case 0:
		return nil, refuse(engine.NotFound, "network %s not found", name)
	case 1:
		return named[0], nil
	default:
		return nil, refuse(engine.Failed, "network %s is ambiguous (%d matches found on name)", name, len(named))
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
	n, err := h.network(a.Network)
	if err != nil {
		return false, err
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

func (h *Host) exists(n *network) bool { return slices.Contains(h.networks, n) }

// settleNetworks: one that was never started joins whatever has the names now.
func (h *Host) settleNetworks(c *container) {
	if !c.started.IsZero() {
		return
	}
	for i, a := range c.joined {
		if named := h.named(a.network.name); len(named) > 0 {
			c.joined[i].network = named[0]
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
