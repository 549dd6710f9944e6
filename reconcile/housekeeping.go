package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
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

// imageOn is an image on a host.
type imageOn struct{ host, image string }

// cleared are the old images that are dealt with on a host while another host
// still has to come back for them. Only memory has them: at worst a removal is
// asked for once more.
type cleared map[imageOn]bool

// only forgets all images but these: one that an app is at again may be pulled.
func (d cleared) only(images []string) {
	maps.DeleteFunc(d, func(on imageOn, _ bool) bool { return !slices.Contains(images, on.image) })
}

// keepHouse removes, in the background, images that no app is at or may have to
// go back to. It is no part of the plan: nobody declares images, and one that
// stays does no harm. What a container is made from is left alone by the port.
func (c *Controller) keepHouse(now time.Time) {
	garbage := c.memory.Garbage(c.effective)
	c.cleared.only(garbage)
	if len(garbage) == 0 || c.drain || c.memory.Rolling() || now.Before(c.houseKept.Add(keepHouseEvery)) {
		return
	}
	c.houseKept = now
	garbage = c.unused(garbage)
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

// unused leaves out what a container of ours is made from, such as that of a run
// which is kept for its log: its image goes after it. While one of ours is not
// inspected nobody knows its image, and none is unused.
func (c *Controller) unused(images []string) []string {
	used := map[string]bool{}
	for _, h := range c.hosts {
		for i := range h.state.Containers {
			k := &h.state.Containers[i]
			switch {
			case !k.OwnedBy(c.cfg.Owner, c.isKnown):
			case k.Spec != nil:
				used[digestOf(k.Spec.Image)] = true
			case h.state.Reachable:
				return nil
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(images), func(image string) bool { return used[digestOf(image)] })
}

// digestOf is what an image is in use by: another tag of it is the same image.
func digestOf(image string) string {
	_, digest := model.SplitDigest(image)
	return digest
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
			everywhere = c.clear(ctx, e, imageOn{host, image}) && everywhere
		}
		if everywhere {
			done = append(done, image)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remember(c.memory.Removed(done), time.Now())
}

// clear reports whether there is nothing more to be done about an image on a
// host, and tells once what was done.
func (c *Controller) clear(ctx context.Context, e engine.Engine, on imageOn) bool {
	c.mu.Lock()
	before := c.cleared[on]
	c.mu.Unlock()
	if before {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, removeImageTime)
	defer cancel()
	op := model.RemoveImage{Host: on.host, Image: on.image}
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
	c.cleared[on] = true
	return true
}
