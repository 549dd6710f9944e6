package reconcile

import (
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// saveEvery bounds how often a host's containers are written down: writing
// competes for the disk with the containers that start.
const saveEvery = 2 * time.Second

// save keeps in the journal which containers and volumes of ours the host has, so
// that a controller that starts while the host is away knows of them. Of volumes
// it is their names: their options may hold a password.
func (c *Controller) save(h *hostState) {
	seen := SeenHost{Host: h.host}
	for i := range h.state.Containers {
		if k := &h.state.Containers[i]; k.OwnedBy(c.cfg.Owner, c.isKnown) {
			seen.Containers = append(seen.Containers, model.Container{Host: h.host.Name, ID: k.ID, Name: k.Owner.Name, Owner: k.Owner})
		}
	}
	held := c.source.desired.Held()
	for _, v := range h.state.Volumes {
		if v.Owner.Owner == c.cfg.Owner || held[v.Name] {
			seen.Volumes = append(seen.Volumes, model.VolumeState{Name: v.Name, Owner: v.Owner})
		}
	}
	c.know(seen)
	if wait := saveEvery - time.Since(h.savedAt); wait <= 0 {
		c.flush(h)
	} else if !h.saving {
		h.saving = true
		time.AfterFunc(wait, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.flush(h)
		})
	}
}

// flush writes down what is known of a host's containers, if it has changed.
func (c *Controller) flush(h *hostState) {
	h.saving = false
	seen, remembered := c.seen[h.host.Name]
	hash := model.Hash(seen)
	if hash == h.saved || !remembered { // it may have been forgotten while the write was due
		return
	}
	h.savedAt = time.Now()
	if err := c.cfg.Journal.Host(seen); err != nil {
		c.cfg.Log.Error("journal the host", "host", h.host.Name, "error", err)
		return
	}
	h.saved = hash
}

// know takes over which containers of ours a host has.
func (c *Controller) know(seen SeenHost) {
	for _, k := range c.seen[seen.Host.Name].Containers {
		delete(c.known, k.ID)
	}
	for _, k := range seen.Containers {
		c.known[k.ID] = true
	}
	c.seen[seen.Host.Name] = seen
}

func (c *Controller) isKnown(id string) bool { return c.known[id] }
