package place

import (
	"fmt"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// foreign is the service number of containers that are not ours.
const foreign = -1

// claim is a published port of a host that somebody has. Claims of slots are
// made in this run; live ones are what the containers hold now.
//
// Of the live ones count: those of other people's containers, always; those of
// another service's replica that is still wanted, for new replicas, because
// its container may run on for as long as its own rollout takes. Not counted
// are containers of the same service, which the rollout replaces or removes,
// and containers of what has left the manifests, which is about to go: else a
// service that is renamed could never take its port along on a single host.
type claim struct {
	port    model.Port
	service int
	slot    int // of the service, unless it is foreign
	live    bool
	holder  string
}

// claimLive notes the ports that a container holds. One that does not run
// holds none: the engine binds ports at start.
func (h *host) claimLive(c *model.Container, of resident) {
	if !c.Running() {
		return
	}
	for _, port := range c.Ports {
		if port.Published != 0 {
			h.claims = append(h.claims, claim{port, of.service, of.slot, true, c.Name})
		}
	}
}

func (h *host) claimSlot(s *service, n int, name string) {
	for _, port := range s.Container.Ports {
		if port.Published != 0 {
			h.claims = append(h.claims, claim{port, s.index, n, false, s.Name + "-" + name})
		}
	}
}

// unclaim forgets what a slot has, and what its containers hold.
func (h *host) unclaim(r resident) {
	h.claims = slices.DeleteFunc(h.claims, func(c claim) bool { return c.service == r.service && c.slot == r.slot })
}

// conflict is a claim that keeps a slot of s off the host, or nil.
func (h *host) conflict(s *service, stays bool) *claim {
	for _, port := range s.Container.Ports {
		for i := range h.claims {
			if h.claims[i].excludes(port, s, stays) {
				return &h.claims[i]
			}
		}
	}
	return nil
}

// holder names who has the port that a new slot of s can't get; of several the
// first by name, because claims are in no particular order.
func (h *host) holder(s *service) string {
	first := h.conflict(s, false)
	name := first.holder
	for _, port := range s.Container.Ports {
		if portText(port) != portText(first.port) {
			continue
		}
		for i := range h.claims {
			if h.claims[i].excludes(port, s, false) {
				name = min(name, h.claims[i].holder)
			}
		}
	}
	return name
}

func (c *claim) excludes(port model.Port, s *service, stays bool) bool {
	return c.port.Clashes(port) && c.counts(s, stays)
}

func (c *claim) counts(s *service, stays bool) bool {
	switch {
	case !c.live || c.service == foreign:
		return true
	case c.service == s.index:
		return false
	}
	return !stays
}

// holds says whether a container publishes, now, every port that its service
// asks for.
func holds(c *model.Container, want []model.Port) bool {
	for _, w := range want {
		if w.Published != 0 && !(c.Running() && slices.ContainsFunc(c.Ports, w.Clashes)) {
			return false
		}
	}
	return true
}

func portText(p model.Port) string { return fmt.Sprintf("%d/%s", p.Published, p.Protocol) }
