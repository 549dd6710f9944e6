package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/tallyman-io/tallyman/reconcile/liveness"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// judgeHosts says of each host whether it is ready, unreachable or lost, and puts
// into the journal which are given up before anything is done about it.
func (c *Controller) judgeHosts(now time.Time) {
	before := c.judged
	away := map[string]time.Time{}
	for name, h := range c.hosts {
		if !h.state.Reachable {
			away[name] = h.state.AwaySince
		}
	}
	hosts := slices.Concat(c.effective.Hosts, Leaving(c.effective, c.seen))
	c.judged = liveness.Judge(liveness.Input{
		Fleet: c.effective.Fleet, Hosts: hosts, Now: now, Started: c.started, Away: away,
		Lost: before.Lost, GivenUp: before.GivenUp, Anew: before.Anew,
	})
	for _, name := range slices.Sorted(maps.Keys(c.judged.Conditions)) {
		c.tellCondition(name, before)
	}
}

// tellCondition says what is new about a host that gives no answer, once for each
// condition that it comes to.
func (c *Controller) tellCondition(name string, before liveness.Result) {
	at, lost := c.judged.Lost[name]
	_, was := before.Lost[name]
	withheld := c.judged.Withheld[name]
	if c.judged.Conditions[name] == model.Unreachable && before.Conditions[name] != model.Unreachable {
		c.event(Event{Kind: "failed", Host: name, Text: "host is unreachable: no answer since " + c.awaySince(name)})
	}
	switch {
	case lost && !was:
		c.cancelOn(name)
		c.noteLost(c.hosts[name], at)
		c.event(Event{Kind: "failed", Host: name, Text: fmt.Sprintf("host is lost: no answer since %s; what can run elsewhere is placed elsewhere", c.awaySince(name))})
	case withheld != "" && wordsOf(withheld) != wordsOf(before.Withheld[name]):
		c.event(Event{Kind: "host", Host: name, Text: "host is not given up: " + withheld})
	}
}

func (c *Controller) awaySince(name string) string {
	return c.hosts[name].state.AwaySince.UTC().Format("15:04:05 MST")
}

// wordsOf is a text without its numbers: that they change, with each host that
// comes back, is no news of every other one.
func wordsOf(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, text)
}

// cancelOn ends the tasks that are at work on a host: nothing comes of them any
// more, and what they work at can be placed elsewhere.
func (c *Controller) cancelOn(host string) {
	for _, t := range c.busy {
		if slices.Contains(t.hosts, host) {
			t.cancel()
		}
	}
}

// noteLost puts into the journal that a host is given up, so that the next
// controller does not hope for what runs elsewhere by then.
func (c *Controller) noteLost(h *hostState, at time.Time) {
	seen := c.seen[h.host.Name]
	seen.Host, seen.Lost = h.host, at
	c.seen[h.host.Name] = seen
	h.saved = "" // or the next report, if it is as the last one was, would not take this back
	c.journal("host "+h.host.Name, func() error { return c.cfg.Journal.Host(c.seen[h.host.Name]) })
}
