package reconcile

import (
	"maps"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/jobs"
)

// jobEvents tells what has become of an app's runs since the last pass.
func (c *Controller) jobEvents(app string, before, after *jobs.Memory, now time.Time) {
	if after == nil || before == after {
		return
	}
	var old jobs.Memory
	if before != nil {
		old = *before
	}
	for _, line := range jobs.News(old, *after, slices.Sorted(maps.Keys(*after))) {
		kind := "job"
		if line.Bad {
			kind = "failed"
		}
		c.event(Event{Time: now, Kind: kind, App: app, Host: line.Host, Thing: app + "/" + line.Job, Text: line.Text})
	}
}
