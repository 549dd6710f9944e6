package place

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// pin says where a service has to be because of its exclusive volumes: nowhere
// but where they are, also while that host is away. Nobody can tell then whether
// a container there still writes to them.
type pin struct {
	host int // one of the hosts, anywhere or nowhere
	// volume is the one that it is about; where there is no host, reason says
	// why.
	volume, reason string
	// maybe says that the volume may be on the host, and may not.
	maybe bool
}

// anywhere is the host of what is not pinned.
const anywhere = -2

func (p pin) allows(host int) bool { return p.host == anywhere || p.host == host }

// pinAll finds out where the services have to be.
func (p *placer) pinAll(in Input) {
	for i := range p.services {
		s := &p.services[i]
		s.pin = pin{host: anywhere}
		if len(s.Holds) > 0 && !s.global() && len(s.slots) > 0 {
			s.pin = p.pinOf(s, in)
		}
	}
}

func (p *placer) pinOf(s *service, in Input) pin {
	result := pin{host: anywhere}
	for i := range s.Holds {
		next := p.locate(s, &s.Holds[i], in)
		switch {
		case next.host == nowhere:
			return next
		case next.host == anywhere, result.host != anywhere && next.maybe:
		case result.host != anywhere && !result.maybe && next.host != result.host:
			return pin{host: nowhere, reason: fmt.Sprintf("its volumes are on different hosts: %q is on %s and %q on %s; bring one to the other by hand",
				result.volume, p.hosts[result.host].Name, next.volume, p.hosts[next.host].Name)}
		default:
			result = next
		}
	}
	return result
}

// locate finds the host that has a volume. What a host that can't be reached was
// last seen with counts.
func (p *placer) locate(s *service, hold *model.Hold, in Input) pin {
	var having []*model.HostState
	for i := range in.Live.Hosts {
		h := &in.Live.Hosts[i]
		if s.leaves(h.Condition) {
			continue
		}
		if v := h.Volume(hold.HostName); v != nil && (hold.External || v.Owner.Owner == in.Owner) {
			having = append(having, h)
		}
	}
	if len(having) == 0 {
		return p.unfound(s, hold, in)
	}
	has := having[0]
	if len(having) > 1 {
		if has = p.lastRun(s, having); has == nil {
			has = p.kept(s, hold, in, having)
		}
		if has == nil {
			return pin{host: nowhere, reason: fmt.Sprintf("its volume %q is on %s, and no container tells which of them has its data; remove what is not it with `tallyman volume remove`",
				hold.Volume, hostNames(having))}
		}
	}
	host, registered := p.byName[has.Name]
	if !registered {
		return pin{host: nowhere, reason: fmt.Sprintf("its volume %q is on %s, which is not in the manifests any more; declare the host again, or bring the data to another host by hand",
			hold.Volume, has.Name)}
	}
	return pin{host: host, volume: hold.Volume}
}

func hostNames(hosts []*model.HostState) string {
	var names []string
	for _, h := range hosts {
		names = append(names, h.Name)
	}
	slices.Sort(names)
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// lastRun is the host, of several that have a service's volume, where the service
// ran last, or nil when nobody knows.
func (p *placer) lastRun(s *service, hosts []*model.HostState) *model.HostState {
	var best *model.HostState
	var latest time.Time
	for _, h := range hosts {
		for i := range h.Containers {
			c := &h.Containers[i]
			if c.Owner.App != s.App || c.Owner.Service != s.Name || !p.owned(c) {
				continue
			}
			at := ranUntil(c, h)
			switch {
			case best == nil || at.After(latest):
				best, latest = h, at
			case best != h && at.Equal(latest):
				return nil
			}
		}
	}
	return best
}

// forever is later than all times.
var forever = time.Unix(1<<40, 0)

// ranUntil is when a container last ran. One that runs still, or may because its
// host can't be asked, is ahead of all others.
func ranUntil(c *model.Container, h *model.HostState) time.Time {
	switch {
	case c.Running(), !h.Reachable && c.State == "":
		return forever
	case c.FinishedAt.After(c.StartedAt):
		return c.FinishedAt
	}
	return c.StartedAt
}

// kept is the host, of several that have a volume, that it was once put on.
func (p *placer) kept(s *service, hold *model.Hold, in Input, having []*model.HostState) *model.HostState {
	if in.Kept == nil {
		return nil
	}
	name := in.Kept(s.App, hold.HostName)
	if i := slices.IndexFunc(having, func(h *model.HostState) bool { return h.Name == name }); i >= 0 {
		return having[i]
	}
	return nil
}

// unfound is for a volume that no host is known to have. It may be where it was
// put, if that host's list is older than it, or on a host that nobody has seen
// yet. Where it was put comes first: a container of the service may be from
// before it had the volume. From a host that takes the service no more and is not
// known to make the volume it may go: nothing was begun there.
func (p *placer) unfound(s *service, hold *model.Hold, in Input) pin {
	if in.Kept != nil {
		name := in.Kept(s.App, hold.HostName)
		host, registered := p.byName[name]
		making := in.Making != nil && in.Making(name, hold.HostName)
		if registered && !s.leaves(p.hosts[host].condition) && (!p.hosts[host].reachable || making || p.welcome(s, host)) {
			return pin{host: host, volume: hold.Volume, maybe: true}
		}
	}
	if s.slots[0].first >= 0 {
		return pin{host: anywhere} // where its container is
	}
	for i := range p.hosts {
		h := &p.hosts[i]
		if !h.reachable && !h.known && !s.leaves(h.condition) && unmet(s.Placement.Constraints, h) == nil {
			return pin{host: i, volume: hold.Volume, maybe: true}
		}
	}
	if hold.External {
		return pin{host: nowhere, reason: fmt.Sprintf("its external volume %q is on no host; make it with `docker volume create %s` on the one that is to have it",
			hold.Volume, hold.HostName)}
	}
	return pin{host: anywhere}
}

// leaves says whether a service gives up its volumes on a host with that host,
// which people have to ask for.
func (s *service) leaves(c model.Condition) bool {
	return c == model.Lost && s.OnHostLoss == model.OnHostLossMove
}

// welcome says whether people let new replicas of the service onto a host.
func (p *placer) welcome(s *service, host int) bool {
	v := view{service: s, host: &p.hosts[host], index: host}
	return meetsConstraints(v) && untainted(v) && schedulable(v) && undrained(v)
}

// explainPin says why the only host that a service can be on does not take it.
func (p *placer) explainPin(s *service) string {
	if s.pin.host == nowhere {
		return s.pin.reason
	}
	is := "is on"
	if s.pin.maybe {
		is = "may be on"
	}
	return fmt.Sprintf("its volume %q %s %s, which %s", s.pin.volume, is, p.hosts[s.pin.host].Name, p.reasonOf(s, s.pin.host).alone())
}

func hasVolume(v view) bool { return v.service.pin.allows(v.index) }

func volumeReason(v view) reason {
	if v.service.pin.host == nowhere {
		return reason{one: "does not have its volume", many: "do not have its volume"}
	}
	text := fmt.Sprintf("have its volume %q", v.service.pin.volume)
	return reason{one: "does not " + text, many: "do not " + text}
}
