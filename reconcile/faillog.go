package reconcile

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

const (
	// failLines is how much of a failed container's log is kept; as much as
	// fits a screen together with the reason.
	failLines    = 10
	failBytes    = 8 << 10
	failDeadline = 10 * time.Second
)

// keepLog puts the last log lines of the container that made a rollout fail
// into its record: by the time a person looks, it may be gone.
func (c *Controller) keepLog(r rollout.Record) {
	h := c.hosts[r.Host]
	if r.Phase != rollout.Failed || r.Container == "" || r.Log != "" || h == nil || h.engine == nil {
		return
	}
	go func(e engine.Engine) {
		ctx, cancel := context.WithTimeout(c.ctx, failDeadline)
		defer cancel()
		var log bytes.Buffer
		_ = e.Logs(ctx, r.Container, engine.LogOptions{Tail: failLines}, &log) // without it the reason has to do
		c.addLog(r, log.Bytes()[max(0, log.Len()-failBytes):])
	}(h.engine)
}

// addLog adds the lines to the record, which may not be the app's newest any
// more, and says that the container may go.
func (c *Controller) addLog(r rollout.Record, log []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.memory.Clone()
	if r.Log = strings.ToValidUTF8(strings.TrimSpace(string(log)), "?"); r.Log != "" {
		if newest := next.Records[r.App]; newest.StartedAt.Equal(r.StartedAt) && newest.Phase == r.Phase {
			next.Records[r.App] = r
		}
		c.amend(r)
	}
	if standing := next.Standings[r.App]; standing.Hold != nil && standing.Hold.Container == r.Container {
		hold := *standing.Hold
		hold.Log, hold.LogRead = r.Log, true
		standing.Hold = &hold
		next.Standings[r.App] = standing
	}
	c.remember(next, time.Now())
	c.Wake()
}

func (c *Controller) amend(r rollout.Record) {
	if err := c.cfg.Journal.Amend(r); err != nil {
		c.cfg.Log.Error("journal the log", "app", r.App, "error", err)
	}
	c.event(Event{Kind: "failed", App: r.App, Host: r.Host, Thing: r.App + "/" + r.Service, Text: "last log lines of the failed container:\n" + r.Log})
}
