package reconcile

import (
	"cmp"
	"maps"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/liveness"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// looked says whether every host has answered, or has had its chance to, since
// the controller started. Before that, a replica might seem to be missing that
// is only not seen yet. A host that is registered later holds up nobody.
func (c *Controller) looked() bool {
	for _, h := range c.hosts {
		if !h.looked && !c.warm {
			return false
		}
	}
	c.warm = true
	return true
}

// Observed is what the hosts reported last, container by container.
func (c *Controller) Observed() model.Live {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.observed()
}

func (c *Controller) observed() model.Live {
	live := model.Live{Hosts: make([]model.HostState, 0, len(c.hosts))}
	for _, name := range slices.Sorted(maps.Keys(c.hosts)) {
		live.Hosts = append(live.Hosts, c.condition(c.hosts[name]))
	}
	return live
}

// live is what is made of that.
func (c *Controller) live() *model.Live {
	live := &model.Live{Hosts: make([]model.HostState, 0, len(c.hosts))}
	for _, name := range slices.Sorted(maps.Keys(c.hosts)) {
		h := c.hosts[name]
		if h.leaving && c.judged.Conditions[name] == model.Lost {
			continue // gone for good, as far as anybody can tell; nothing waits for it
		}
		state := c.condition(h)
		state.Unasked = h.unasked()
		if h.engine != nil {
			state.Pulls = h.engine.Pulls()
		}
		live.Hosts = append(live.Hosts, state)
	}
	if c.effective != nil {
		liveness.Evict(live, c.effective)
		Supplant(live, c.effective.Hosts)
	}
	Unalias(live, c.placed)
	FoldPods(live, c.cfg.Owner, c.isKnown)
	return live
}

// Unalias looks for hosts that are one engine under two names, and leaves only one
// of them, the one under whose name most was placed: through the other the same
// containers would be taken for others, and removed as surplus.
func Unalias(live *model.Live, placed Placements) {
	byPlaced := make([]*model.HostState, len(live.Hosts))
	for i := range live.Hosts {
		byPlaced[i] = &live.Hosts[i]
	}
	on := placed.count()
	slices.SortStableFunc(byPlaced, func(a, b *model.HostState) int { return cmp.Compare(on[b.Name], on[a.Name]) })
	first := map[string]string{}
	for _, h := range byPlaced {
		for j := range h.Containers {
			id := h.Containers[j].ID
			if other := first[id]; other != "" && other != h.Name && h.Reachable {
				h.Reachable, h.Containers, h.Volumes = false, nil, nil
				h.SameAs, h.Error = other, "is the same engine as host "+other+"; register it once"
				break
			}
			first[id] = h.Name
		}
	}
}

// unasked are the images that a commit brought up since the last look.
func (s *hostState) unasked() []string {
	if slices.Equal(s.images, s.asked) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.images), func(ref string) bool { return slices.Contains(s.asked, ref) })
}

// condition is a host's report with what is made of it.
func (c *Controller) condition(h *hostState) model.HostState {
	state := h.state
	state.Condition, state.Withheld = c.judged.Conditions[state.Name], c.judged.Withheld[state.Name]
	return state
}
