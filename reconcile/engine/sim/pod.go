package sim

import (
	"fmt"
	"strconv"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// loadImage gives the host an image that the controller makes.
func (h *Host) loadImage(o model.LoadImage) (changed bool) {
	if h.image(o.Image) != nil {
		return false
	}
	h.load([]*Image{{Ref: o.Image, Defaults: model.ImageDefaults{
		ID: "sha256:" + model.Hash(o.Image), Entrypoint: []string{"/tallyman", "hold"},
	}}})
	return true
}

// share finds the container whose network a new one is to share.
func (h *Host) share(o model.Ownership) (*container, error) {
	if o.Role == "" || o.Role == model.RoleHolder {
		return nil, nil
	}
	holder := h.byName[o.Pod]
	switch {
	case holder == nil:
		return nil, refuse(engine.NotFound, "no such container: %s", o.Pod)
	case holder.owner.Owner != o.Owner || holder.owner.Pod != o.Pod || holder.owner.Role != model.RoleHolder:
		return nil, refuse(engine.Conflict, "container %s does not hold a pod's network", o.Pod)
	}
	return holder, nil
}

// inPod says whether the container whose network c shares is still there.
func (h *Host) inPod(c *container) bool {
	return c.joinedTo == nil || h.byID[c.joinedTo.id] != nil
}

// sharable says why a container whose network another one is to share lets
// nobody do that, as Docker does.
func (h *Host) sharable(c *container) error {
	switch holder := c.joinedTo; {
	case holder == nil:
		return nil
	case h.byID[holder.id] == nil:
		return refuse(engine.NotFound, "No such container: %s", holder.id)
	case holder.state != model.StateRunning && holder.state != model.StatePaused:
		return refuse(engine.Conflict, "cannot join network of a non running container: %s", holder.id)
	}
	return nil
}

// enter gives a container that starts its network: one of its own, which is
// another one each time, or the one that the holder has now.
func (h *Host) enter(c *container) {
	if c.joinedTo != nil {
		c.sandbox = c.joinedTo.sandbox
		return
	}
	h.sandboxes++
	c.sandbox = h.sandboxes
}

// Network tells the network that a running container has from all others: while
// it stays the same, so does the address.
func (h *Host) Network(ref string) (string, error) {
	defer h.lock()()
	c := h.find(ref)
	if c == nil || !c.alive() {
		return "", fmt.Errorf("find the network of container %q: it does not run", ref)
	}
	return strconv.Itoa(c.sandbox), nil
}
