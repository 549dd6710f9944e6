package reconcile

import (
	"time"

	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// tellStanding tells what is new of an app beside its rollout.
func (c *Controller) tellStanding(app string, old, next rollout.Standing, now time.Time) {
	c.jobEvents(app, old.Jobs, next.Jobs, now)
	hold := next.Hold
	if hold == nil || !hold.Revert || c.cfg.Reverts || old.Hold != nil && old.Hold.Since.Equal(hold.Since) {
		return
	}
	c.cfg.Log.Warn("nobody reverts the commit in Git that an app went back from; tell serve of the forge, or --revert push",
		"app", app, "commit", hold.Revision)
}
