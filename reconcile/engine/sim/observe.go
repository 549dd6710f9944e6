package sim

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// snapshot is a state of a host, good for as long as the host's version and
// the question stay the same. Observers share it and must not change it.
type snapshot struct {
	version int
	owner   string
	refs    []string
	key     model.DigestKey
	state   model.HostState
}

// Observe reports the host as it is now, or as a fault wants it seen.
func (h *Host) Observe(ctx context.Context, q engine.Query) (model.HostState, error) {
	const doing = "list containers"
	if err := h.pass(ctx, "observe", doing); err != nil {
		return model.HostState{Name: h.name}, err
	}
	defer h.lock()()
	now := time.Now()
	if h.stale > 0 && len(h.history) > 0 {
		old := h.history[max(0, len(h.history)-h.stale)]
		return h.answer(filtered(old, q.Owner), q.Images, now), nil
	}
	if h.seen.version != h.version || h.seen.owner != q.Owner || h.seen.key != q.DigestKey || !slices.Equal(h.seen.refs, q.Images) || h.seen.state.Name == "" {
		h.seen = snapshot{h.version, q.Owner, slices.Clone(q.Images), q.DigestKey, h.state(q.Owner, now)}
		h.digest(&h.seen)
		h.seen.state = h.answer(h.seen.state, q.Images, now)
	}
	state := h.seen.state
	state.At = now
	return state, nil
}

// Ping fails as Observe would.
func (h *Host) Ping(ctx context.Context) error { return h.pass(ctx, "observe", "list containers") }

// digest makes the digests of secrets those of the question's key.
func (h *Host) digest(s *snapshot) {
	for i := range s.state.Containers {
		c := &s.state.Containers[i]
		if k := h.byName[c.Name]; k != nil && c.Spec != nil {
			c.Spec = k.secrets.reported(c.Spec, s.key)
		}
	}
}

func (h *Host) answer(state model.HostState, refs []string, now time.Time) model.HostState {
	state.At = now
	state.Images = make(map[string]string, len(refs))
	for _, ref := range refs {
		if i := h.image(ref); i != nil {
			state.Images[ref] = i.Defaults.ID
		}
	}
	return state
}

// everybody is the owner whose query shows everything.
const everybody = "*"

// truth is the host's state with everybody's containers inspected.
func (h *Host) truth(now time.Time) model.HostState {
	h.advance(now)
	if h.whole.version != h.version || h.whole.state.Name == "" {
		h.whole = snapshot{version: h.version, state: h.state(everybody, now)}
	}
	state := h.whole.state
	state.At = now
	return state
}

func (h *Host) state(owner string, now time.Time) model.HostState {
	state := model.HostState{Name: h.name, Reachable: true, Info: h.info, Containers: make([]model.Container, len(h.containers))}
	for i, c := range h.containers {
		state.Containers[i] = h.view(c, owner, now)
	}
	for _, n := range h.networks {
		state.Networks = append(state.Networks, model.NetworkState{
			ID: n.id, Name: n.name, Owner: n.owner, Driver: n.driver, CreatedAt: n.made, InUse: h.user(n) != nil,
		})
	}
	for _, v := range h.volumes {
		state.Volumes = append(state.Volumes, v.state())
	}
	slices.SortFunc(state.Networks, model.CompareNetworks)
	slices.SortFunc(state.Volumes, func(a, b model.VolumeState) int { return cmp.Compare(a.Name, b.Name) })
	return state
}

func (h *Host) view(c *container, owner string, now time.Time) model.Container {
	inspected := c.owner.Owner != "" && (owner == everybody || c.owner.Owner == owner)
	if inspected && owner != everybody && h.mute[c.name] {
		v := c.view(h.name, now, false)
		v.InspectError = "no answer in time"
		return v
	}
	return c.view(h.name, now, inspected)
}

// filtered is a state of everybody's as an owner sees it.
func filtered(state model.HostState, owner string) model.HostState {
	state.Containers = slices.Clone(state.Containers)
	for i := range state.Containers {
		c := &state.Containers[i]
		if c.Owner.Owner == owner {
			continue
		}
		*c = model.Container{Host: c.Host, ID: c.ID, Name: c.Name, Owner: c.Owner, State: c.State, Health: c.Health, Ports: c.Ports}
	}
	return state
}
