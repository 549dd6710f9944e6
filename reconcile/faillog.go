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
		_ = e.Logs(ctx, r.Container, engine.LogOptions{Tail: failLines, Kept: true}, &log) // without it the reason has to do
		c.addLog(r, log.Bytes()[max(0, log.Len()-failBytes):])
	}(h.engine)
}

// addLog adds the lines to the record, which may not be the app's newest any
// more, and says that the container may go.
func (c *Controller) addLog(r rollout.Record, said []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.memory.Clone()
	log := strings.ToValidUTF8(strings.TrimSpace(string(said)), "?")
	if newest := next.Records[r.App]; log != "" && newest.StartedAt.Equal(r.StartedAt) {
		newest.Log = log
		next.Records[r.App] = newest
	}
	if log != "" {
		c.amend(r, log)
	}
	if standing := next.Standings[r.App]; standing.Hold != nil && standing.Hold.Container == r.Container {
		hold := *standing.Hold
		hold.Log, hold.LogRead = log, true
		standing.Hold = &hold
		next.Standings[r.App] = standing
	}
	c.remember(next, time.Now())
	c.Wake()
}

func (c *Controller) amend(r rollout.Record, log string) {
	c.journal("log of "+r.App, func() error { return c.cfg.Journal.Amend(r.App, r.StartedAt, log) })
	c.event(Event{Kind: "failed", App: r.App, Host: r.Host, Thing: r.App + "/" + r.Service, Text: "last log lines of the failed container:\n" + log})
}
