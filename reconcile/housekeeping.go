package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

const (
	// keepHouseEvery is how often at most old images are looked for: it is about
	// disk space, and may wait.
	keepHouseEvery = time.Minute
	// removeImageTime bounds the removal of one image on one host.
	removeImageTime = time.Minute
)

// keepHouse removes, in the background, images that no app is at or may have to
// go back to. It is no part of the plan: nobody declares images, and one that
// stays does no harm. What a container is made from is left alone by the port.
func (c *Controller) keepHouse(now time.Time) {
	if c.drain || now.Before(c.houseKept.Add(keepHouseEvery)) {
		return
	}
	garbage := c.memory.Garbage(c.effective)
	if len(garbage) == 0 {
		return
	}
	c.houseKept = now
	engines := map[string]engine.Engine{}
	all := true
	for name, h := range c.hosts {
		if h.engine != nil && h.state.Reachable {
			engines[name] = h.engine
		} else {
			all = false
		}
	}
	go c.removeImages(c.ctx, garbage, removal{engines, all})
}

// removal says where images are removed, and whether that is everywhere.
type removal struct {
	engines map[string]engine.Engine
	all     bool
}

// removeImages removes images from hosts. What is removed from all hosts, or is
// in somebody else's use, is not thought of again.
func (c *Controller) removeImages(ctx context.Context, images []string, from removal) {
	var done []string
	for _, image := range images {
		everywhere := from.all
		for host, e := range from.engines {
			everywhere = c.removeImage(ctx, e, model.RemoveImage{Host: host, Image: image}) && everywhere
		}
		if everywhere {
			done = append(done, image)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remember(c.memory.Removed(done), time.Now())
}

// removeImage reports whether there is nothing more to be done about an image on
// a host.
func (c *Controller) removeImage(ctx context.Context, e engine.Engine, op model.RemoveImage) bool {
	ctx, cancel := context.WithTimeout(ctx, removeImageTime)
	defer cancel()
	err := e.Do(ctx, op, nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.event(Event{Kind: "op", Host: op.Host, Thing: op.Image, Text: engine.Doing(op) + ": no app may go back to it any more"})
	case engine.ClassOf(err) == engine.Conflict:
		c.event(Event{Kind: "host", Host: op.Host, Thing: op.Image, Text: fmt.Sprintf("image kept: %v", err)})
	default:
		return false
	}
	return true
}
