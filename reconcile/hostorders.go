package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/internal/suggest"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// obeyHost is the state after a person's order about a host.
func obeyHost(o rollout.Order, in OrderInput) (rollout.State, error) {
	var names []string
	if in.Desired != nil {
		for i := range in.Desired.Hosts {
			names = append(names, in.Desired.Hosts[i].Name)
		}
	}
	if !slices.Contains(names, o.Host) {
		return in.State, fmt.Errorf("%s %s: there is no such host%s", o.Verb, o.Of(), suggest.Among(o.Host, names))
	}
	return in.State.Obey(o, in.Now)
}

// Note puts into the journal what an order has changed.
func Note(j Journal, before, after rollout.State) error {
	for _, app := range after.Changed(before) {
		r := after.Records[app]
		r.App = app
		if err := j.Record(r, after.Standings[app]); err != nil {
			return err
		}
	}
	for _, host := range after.PinnedHosts(before) {
		pin, is := after.Pins[host]
		if err := j.Pin(host, pinOf(pin, is)); err != nil {
			return err
		}
	}
	return nil
}

// pinOf is a pin as the journal takes it.
func pinOf(pin model.HostPin, is bool) *model.HostPin {
	if !is {
		return nil
	}
	return &pin
}

// MayForget says why what is remembered of a host can't be forgotten, or nil. One
// that the manifests declare is expected back, and what runs on one that answers
// is moved away and removed first, as it is: both need no forgetting.
func MayForget(host string, d *model.Desired, m Memory) error {
	remembered := m.Placed.names(host)
	_, seen := m.Hosts[host]
	at := -1
	if d != nil {
		at = slices.IndexFunc(d.Hosts, func(h model.Host) bool { return h.Name == host })
	}
	switch {
	case d == nil:
		return fmt.Errorf("forget host %q: it is not known which hosts the manifests declare; let them be read first", host)
	case at >= 0 && d.Hosts[at].Endpoint == "":
		return fmt.Errorf("forget host %q: it is there without a manifest, as the local engine that stands in for hosts or as one that a simulation made up, and there is nothing to forget", host)
	case at >= 0:
		return fmt.Errorf("forget host %q: the manifests declare it, so it is expected back; remove its Host manifest by a commit first", host)
	case !seen && !remembered:
		return fmt.Errorf("forget host %q: nothing is remembered of it%s", host, remembering(m, d))
	}
	return nil
}

// remembering lists what could have been meant.
func remembering(m Memory, d *model.Desired) string {
	var names []string
	for name := range m.Hosts {
		if !slices.ContainsFunc(d.Hosts, func(h model.Host) bool { return h.Name == name }) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ", nor of any other host that has left the manifests"
	}
	slices.Sort(names)
	return "; of hosts that have left the manifests there is " + suggest.List(names)
}

// Forget has the journal forget what was on a host, and what was put there. It
// gives back the placements of the apps that this concerns.
func Forget(j Journal, host string, placed Placements) (Placements, error) {
	if err := j.Host(SeenHost{Host: model.Host{Name: host}}); err != nil {
		return nil, err
	}
	changed := Placements{}
	for app, hosts := range placed {
		left := maps.Clone(hosts)
		maps.DeleteFunc(left, func(_, on string) bool { return on == host })
		if len(left) < len(hosts) {
			changed[app] = left
		}
	}
	for _, app := range slices.Sorted(maps.Keys(changed)) {
		if err := j.Place(app, changed[app]); err != nil {
			return nil, err
		}
	}
	return changed, nil
}

// names says whether anything was put on a host.
func (p Placements) names(host string) bool {
	for _, hosts := range p {
		for _, on := range hosts {
			if on == host {
				return true
			}
		}
	}
	return false
}

// forgetHost has a running controller forget a host. Its lock is held.
func (c *Controller) forgetHost(o rollout.Order) error {
	memory := Memory{Hosts: c.seen, Placed: c.placed}
	if err := MayForget(o.Host, c.source.desired, memory); err != nil {
		return err
	}
	h := c.hosts[o.Host]
	if h != nil && h.state.Reachable {
		return Answers(o.Host)
	}
	changed, err := Forget(c.cfg.Journal, o.Host, c.placed)
	if err != nil {
		return fmt.Errorf("forget host %q: %w", o.Host, err)
	}
	maps.Copy(c.placed, changed)
	c.know(SeenHost{Host: model.Host{Name: o.Host}})
	delete(c.seen, o.Host)
	if h != nil {
		h.close()
		delete(c.hosts, o.Host)
	}
	c.event(OrderEvent(o, time.Now()))
	c.Wake()
	return nil
}

// Answers is the error about a host that can't be forgotten because it is there.
func Answers(host string) error {
	return fmt.Errorf("forget host %q: it answers; what is there of ours is replaced elsewhere and removed, and then the host is let go by itself", host)
}
