package reconcile

import (
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Supplant leaves out the hosts that no manifest names and that are an engine which
// a manifest names otherwise: one that was renamed, or the local engine that stood
// in until the first Host was declared. What runs there is that host's now. It gives
// the names of both.
func Supplant(live *model.Live, declared []model.Host) (by map[string]string) {
	named := map[string]bool{}
	for i := range declared {
		named[declared[i].Name] = true
	}
	at := map[string]string{}
	for i := range live.Hosts {
		if h := &live.Hosts[i]; named[h.Name] && h.Reachable {
			for j := range h.Containers {
				at[h.Containers[j].ID] = h.Name
			}
		}
	}
	by = map[string]string{}
	live.Hosts = slices.DeleteFunc(live.Hosts, func(h model.HostState) bool {
		if named[h.Name] {
			return false
		}
		i := slices.IndexFunc(h.Containers, func(c model.Container) bool { return at[c.ID] != "" })
		if i >= 0 {
			by[h.Name] = at[h.Containers[i].ID]
		}
		return i >= 0
	})
	return by
}

// handOver forgets the hosts that are others now: nothing of theirs has to leave.
func (c *Controller) handOver() {
	live := c.observed()
	for old, now := range Supplant(&live, c.effective.Hosts) {
		c.know(SeenHost{Host: model.Host{Name: old}})
		delete(c.seen, old)
		if seen, saved := c.seen[now]; saved {
			c.know(seen) // their containers are the same
		}
		c.journal("host "+old, func() error { return c.cfg.Journal.Host(SeenHost{Host: model.Host{Name: old}}) })
		c.event(Event{Kind: "host", Host: now, Text: "host is the engine that was host " + old})
	}
}
