package reconcile

import (
	"context"
	"maps"
	"slices"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// keepBack puts, for apps that do not follow the branch by themselves, what
// they were last rolled out to in place of what the new revision says: they are
// held to that, and healed, until a person applies the new one. An app that was
// never rolled out, or whose revision Git no longer has, stays as the new
// revision says, and rollout lets nothing of it begin.
func (c *Controller) keepBack(ctx context.Context, commit git.Commit, d *model.Desired) {
	c.mu.Lock()
	records := maps.Clone(c.memory.Records)
	c.mu.Unlock()
	for i := range d.Apps {
		app := &d.Apps[i]
		record, rolled := records[app.Name]
		if app.Sync.Auto || !rolled || record.Digest == app.Digest {
			continue
		}
		if old := c.rolledOut(ctx, record, d.Blobs); old != nil {
			old.Sync, old.Pending = app.Sync, commit.ID
			*app = *old
		}
	}
}

// rolledOut builds an app as it was at its last rollout, and adds the contents
// of its files to blobs.
func (c *Controller) rolledOut(ctx context.Context, record rollout.Record, blobs model.Blobs) *model.App {
	commit, err := c.cfg.Source.Resolve(ctx, record.Revision)
	if err != nil {
		return nil
	}
	d, err := c.build(commit)
	if err != nil {
		return nil
	}
	i := slices.IndexFunc(d.Apps, func(a model.App) bool { return a.Name == record.App && a.Digest == record.Digest })
	if i < 0 {
		return nil
	}
	maps.Copy(blobs, d.Blobs)
	return &d.Apps[i]
}
