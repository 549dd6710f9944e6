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
		if err := e.Logs(ctx, r.Container, engine.LogOptions{Tail: failLines}, &log); err != nil || log.Len() == 0 {
			return
		}
		c.addLog(r, log.Bytes()[max(0, log.Len()-failBytes):])
	}(h.engine)
}

// addLog adds the lines to the record, if it is still the app's newest.
func (c *Controller) addLog(r rollout.Record, log []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.memory.Records[r.App] != r {
		return
	}
	r.Log = strings.ToValidUTF8(strings.TrimSpace(string(log)), "?")
	c.memory.Records[r.App] = r
	if err := c.cfg.Journal.Record(r); err != nil {
		c.cfg.Log.Error("journal the rollout", "app", r.App, "error", err)
	}
	c.event(Event{Kind: "failed", App: r.App, Host: r.Host, Thing: r.App + "/" + r.Service, Text: "last log lines of the failed container:\n" + r.Log})
}
