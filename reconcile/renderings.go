package reconcile

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// Renderings are apps as they are at other revisions than the branch's: what an
// app is held to, or may have to go back to.
type Renderings map[rollout.Rendering]rollout.Rendered

// Choose says what every app is held to, and reads the renderings that it takes
// for that. It is for those who can wait; the controller reads in the
// background.
func Choose(in rollout.ChooseInput, read func(revision string) (*model.Desired, error)) rollout.Choice {
	have := Renderings{}
	in.Renderings = have
	for {
		choice := rollout.Choose(in)
		missing := have.missing(choice.Renderings)
		if len(missing) == 0 {
			return choice
		}
		have.read(missing, read)
	}
}

// missing are the asked that are not there.
func (r Renderings) missing(asked []rollout.Rendering) []rollout.Rendering {
	var missing []rollout.Rendering
	for _, rendering := range asked {
		if _, have := r[rendering]; !have {
			missing = append(missing, rendering)
		}
	}
	return missing
}

// read adds renderings. Those of one revision are read together.
func (r Renderings) read(asked []rollout.Rendering, read func(revision string) (*model.Desired, error)) {
	revisions := map[string]*model.Desired{}
	for _, rendering := range asked {
		d, known := revisions[rendering.Revision]
		if !known {
			var err error
			if d, err = read(rendering.Revision); err != nil {
				r[rendering] = rollout.Rendered{Error: err.Error()}
				continue
			}
			revisions[rendering.Revision] = d
		}
		r[rendering] = rendered(d, rendering.App)
	}
}

func rendered(d *model.Desired, app string) rollout.Rendered {
	i := slices.IndexFunc(d.Apps, func(a model.App) bool { return a.Name == app })
	if i < 0 {
		return rollout.Rendered{}
	}
	return rollout.Rendered{App: &d.Apps[i], Blobs: d.Blobs, DigestKey: d.DigestKey}
}

// choose decides what the apps are held to now, and has read in the background
// what that takes.
func (c *Controller) choose(target *model.Desired, now time.Time) rollout.Choice {
	choice := rollout.Choose(rollout.ChooseInput{
		Target: target, Renderings: c.rendered, State: c.memory, Now: now, Manual: c.cfg.Manual || c.asked(),
	})
	c.needed = choice.Renderings
	for rendering := range c.rendered {
		if !slices.Contains(c.needed, rendering) {
			delete(c.rendered, rendering)
		}
	}
	if len(c.rendered.missing(c.needed)) > 0 {
		poke(c.render)
	}
	if c.effective != choice.Desired {
		c.effective, c.images = choice.Desired, images(choice.Desired, c.rendered)
	}
	return choice
}

// images are those that an app may need now or on its way back.
func images(d *model.Desired, rendered Renderings) []string {
	refs := d.Images()
	for _, r := range rendered {
		if r.App != nil {
			refs = append(refs, (&model.Desired{Apps: []model.App{*r.App}}).Images()...)
		}
	}
	slices.Sort(refs)
	return slices.Compact(refs)
}

// followRenderings reads what is missing, whenever something is, and sees to it
// that what apps may have to go back to stays readable.
func (c *Controller) followRenderings(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.render:
			c.readRenderings(ctx)
			c.keepRevisions(ctx)
		}
	}
}

// keepRevisions has the source keep what apps may be held to.
func (c *Controller) keepRevisions(ctx context.Context) {
	c.mu.Lock()
	ids := slices.Concat(c.memory.Revisions(), slices.Sorted(maps.Values(c.source.accepted.Verified)), c.previewHeads())
	c.mu.Unlock()
	if err := c.cfg.Source.Keep(ctx, ids); err != nil && ctx.Err() == nil {
		c.cfg.Log.Warn("what apps may have to go back to can't be kept", "error", err)
	}
}

func (c *Controller) readRenderings(ctx context.Context) {
	c.mu.Lock()
	missing := c.rendered.missing(c.needed)
	c.mu.Unlock()
	if len(missing) == 0 {
		return
	}
	fresh := Renderings{}
	fresh.read(missing, func(revision string) (*model.Desired, error) { return c.read(ctx, revision) })
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	maps.Copy(c.rendered, fresh)
	c.mu.Unlock()
	c.askAgain()
	c.Wake()
}

// rereadRenderings has those read again that could not be.
func (c *Controller) rereadRenderings() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rereadPreviews()
	maps.DeleteFunc(c.rendered, func(_ rollout.Rendering, r rollout.Rendered) bool {
		return r.Error != "" || r.App != nil && r.App.Unresolved != ""
	})
}
