package rollout

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// pinHost obeys an order about a host. A drain takes the place of a cordon and
// the other way round: what was ordered last counts.
func (s State) pinHost(o Order, now time.Time) error {
	switch o.Verb {
	case VerbCordon, VerbDrain:
		s.Pins[o.Host] = model.HostPin{Drain: o.Verb == VerbDrain, By: o.By, Reason: o.Reason, Since: now, Until: o.Until}
	case VerbUncordon:
		if _, pinned := s.Pins[o.Host]; !pinned {
			return fmt.Errorf("uncordon host %q: %w: nobody has cordoned or drained it without a commit", o.Host, ErrNothingToDo)
		}
		delete(s.Pins, o.Host)
	default:
		return fmt.Errorf("obey order %q: hosts know no such verb", o.Verb)
	}
	return nil
}

// PinnedHosts are the hosts of which s remembers another pin than old, sorted.
func (s State) PinnedHosts(old State) []string {
	changed := map[string]bool{}
	for _, state := range []State{s, old} {
		for host := range state.Pins {
			before, was := old.Pins[host]
			after, is := s.Pins[host]
			changed[host] = was != is || !reflect.DeepEqual(before, after)
		}
	}
	maps.DeleteFunc(changed, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(changed))
}

// pinHosts are the target's hosts as they are under people's orders. Orders that
// have run out, or whose host no manifest names, are forgotten.
func (c *chooser) pinHosts() (hosts []model.Host, pinned bool) {
	hosts = slices.Clone(c.in.Target.Hosts)
	declared := map[string]bool{}
	for i := range hosts {
		name := hosts[i].Name
		declared[name] = true
		pin, is := c.out.State.Pins[name]
		if !is || pin.Ended(c.in.Now) {
			delete(c.out.State.Pins, name)
			continue
		}
		c.wakeAt(pin.Until)
		hosts[i], pinned = hosts[i].Under(pin), true
	}
	maps.DeleteFunc(c.out.State.Pins, func(host string, _ model.HostPin) bool { return !declared[host] })
	return hosts, pinned
}

// HostPinnedBecause tells who ordered a cordon or a drain of a host, why, since when
// and until when.
func HostPinnedBecause(p *model.HostPin) string {
	done := "cordoned"
	if p.Drain {
		done = "drained"
	}
	text := done + " without a commit " + byWhom(p.By, p.Reason) + ", since " + moment(p.Since, p.Since, p.Until)
	if !p.Until.IsZero() {
		text += ", until " + moment(p.Until, p.Since, p.Until)
	}
	return text
}

// moment is a time to the minute, and to the second in what takes only minutes.
func moment(t, since, until time.Time) string {
	const short = 10 * time.Minute
	if until.IsZero() || until.Sub(since) >= short {
		return minute(t)
	}
	return t.UTC().Format("2006-01-02 15:04:05 MST")
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
