package rollout

import (
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/schedule"
)

// shut says why the app's windows let no rollout begin now, and when they do, or
// "". What has begun goes on: only what begins asks.
func (c *chooser) shut(sync model.Sync) string {
	because, opens := schedule.Shut(sync.Windows, c.in.Now)
	if because == "" || c.in.Manual {
		return ""
	}
	c.wakeAt(opens)
	when := "none opens in the time that can be foreseen"
	if !opens.IsZero() {
		when = "rollouts may begin again at " + opens.UTC().Format("2006-01-02 15:04 MST")
	}
	return "sync windows: " + because + "; " + when + ", or with `tallyman apply`"
}
