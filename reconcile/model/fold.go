package model

import (
	"cmp"
	"slices"
	"time"
)

// FoldPods gives the host with each pod as one container: it has the identity
// of the holder, which comes first and goes last, the state that all of them
// come to together, and a spec like that of a replica of one container. So only
// what deals with single containers has to know of pods. What belongs to a pod
// whose holder is not there any more stays as it is, and so does what is folded.
func FoldPods(h HostState, owned func(*Container) bool) HostState {
	holders := map[string]string{} // ids by pod
	for i := range h.Containers {
		if c := &h.Containers[i]; c.Owner.Role == RoleHolder && len(c.Pod) == 0 && owned(c) {
			holders[c.Owner.Pod] = c.ID
		}
	}
	if len(holders) == 0 {
		return h
	}
	parts := map[string][]Container{}
	member := func(c *Container) bool {
		id := holders[c.Owner.Pod]
		return c.Owner.Role != "" && id != "" && owned(c) && (c.ID == id || c.Joined == "" || c.Joined == id)
	}
	for i := range h.Containers {
		if c := &h.Containers[i]; member(c) {
			parts[c.Owner.Pod] = append(parts[c.Owner.Pod], *c)
		}
	}
	var folded []Container
	for i := range h.Containers {
		c := &h.Containers[i]
		switch {
		case !member(c):
			folded = append(folded, *c)
		case c.ID == holders[c.Owner.Pod]:
			folded = append(folded, fold(parts[c.Owner.Pod]))
		}
	}
	h.Containers = folded
	return h
}

// fold is a pod as one container.
func fold(parts []Container) Container {
	slices.SortStableFunc(parts, func(a, b Container) int { return cmp.Compare(roleOrder(a.Owner.Role), roleOrder(b.Owner.Role)) })
	c := parts[0]
	c.Pod = parts
	main := c.Part(MainName)
	c.Spec, c.Image = composed(&parts[0], main), nil
	if main != nil {
		c.Image = main.Image
	}
	c.AtWork, c.RestartCount = false, 0
	for i := range parts {
		p := &parts[i]
		c.AtWork = c.AtWork || p.AtWork
		c.InspectError = cmp.Or(c.InspectError, p.InspectError)
		if p.FinishedAt.After(c.FinishedAt) {
			c.FinishedAt = p.FinishedAt
		}
		if p.Owner.Role != RoleInit {
			c.RestartCount += p.RestartCount
		}
	}
	c.foldState(main)
	return c
}

func roleOrder(role string) int {
	return slices.Index([]string{RoleHolder, RoleInit, RoleSidecar, RoleMain}, role)
}

// composed is the spec of a replica of one container that would be what holder
// and main container are together; nil while nobody knows.
func composed(holder, main *Container) *ContainerSpec {
	if main == nil || main.Spec == nil || holder.Spec == nil || main.State == StateCreated {
		return nil
	}
	spec, h := *main.Spec, holder.Spec
	spec.Networks, spec.Ports, spec.Hostname, spec.DNS, spec.ExtraHosts, spec.Sysctls = h.Networks, h.Ports, h.Hostname, h.DNS, h.ExtraHosts, h.Sysctls
	return &spec
}

// foldState makes the state that of the first container which is not as it
// should be. A pod that has none and is not complete yet is starting.
func (c *Container) foldState(main *Container) {
	begun := main != nil && main.StartedOn(&c.Pod[0])
	c.Health, c.StartedAt = HealthNone, time.Time{}
	whole := main != nil
	for i := range c.Pod {
		p := &c.Pod[i]
		past := p.Owner.Role == RoleInit && (begun || p.State == StateExited && p.ExitCode == 0)
		if past || !c.Newest(p) {
			continue
		}
		if p.amiss() {
			c.blame(p)
			return
		}
		whole = whole && p.State == StateRunning && p.Owner.Role != RoleInit && p.StartedOn(&c.Pod[0])
		c.addHealth(p)
	}
	if c.Pod[0].State == StateCreated {
		c.State = StateCreated
		return
	}
	if c.State = StateRunning; !whole && c.Health != HealthUnhealthy {
		c.Health = HealthStarting
	}
}

// StartedOn says whether the container was started after the holder had been, on
// the network that there is now.
func (c *Container) StartedOn(holder *Container) bool {
	return !c.StartedAt.IsZero() && !c.engineStart().Before(holder.engineStart())
}

func (c *Container) engineStart() time.Time {
	if c.EngineStart.IsZero() {
		return c.StartedAt
	}
	return c.EngineStart
}

// amiss says whether a container neither runs nor waits for its first start.
func (c *Container) amiss() bool { return c.State != StateRunning && c.State != StateCreated }

func (c *Container) blame(p *Container) {
	c.Culprit, c.State, c.Health, c.ExitCode, c.OOMKilled, c.Error = p.Owner.Member, p.State, HealthNone, p.ExitCode, p.OOMKilled, p.Error
	c.StartedAt = p.StartedAt
}

// addHealth makes the pod as healthy as its worst container, and as old as its
// youngest.
func (c *Container) addHealth(p *Container) {
	ranks := []Health{HealthNone, HealthHealthy, HealthStarting, HealthUnhealthy}
	if slices.Index(ranks, p.Health) > slices.Index(ranks, c.Health) {
		c.Health, c.HealthOutput = p.Health, p.HealthOutput
		if p.Health == HealthUnhealthy {
			c.Culprit = p.Owner.Member
		}
	}
	if p.StartedAt.After(c.StartedAt) {
		c.StartedAt = p.StartedAt
	}
}

// Part is the pod's container of that name, or nil: the newest if there are two,
// as while one takes over from the other.
func (c *Container) Part(name string) *Container {
	var newest *Container
	for i := range c.Pod {
		if p := &c.Pod[i]; p.Owner.Member == name && (newest == nil || p.CreatedAt.After(newest.CreatedAt)) {
			newest = p
		}
	}
	return newest
}

// Newest says whether no other container of the pod takes over from this one.
func (c *Container) Newest(p *Container) bool {
	newest := c.Part(p.Owner.Member)
	return newest == nil || newest.ID == p.ID
}

// Parts are the containers that c stands for: itself, unless it is a pod.
func (c *Container) Parts() []Container {
	if len(c.Pod) == 0 {
		return []Container{*c}
	}
	return c.Pod
}

// Blamed is the container whose state c has: itself, unless it is a pod.
func (c *Container) Blamed() *Container {
	if c.Culprit != "" {
		return c.Part(c.Culprit)
	}
	if main := c.Part(MainName); main != nil {
		return main
	}
	return c
}

// MountsVolume says whether the container, or any of its pod, mounts a volume,
// and whether that is known.
func (c *Container) MountsVolume(hostName string) (mounts, known bool) {
	known = true
	for _, p := range c.Parts() {
		switch {
		case p.Spec == nil && p.Owner.Role != RoleHolder:
			known = false
		case p.Spec != nil && p.Spec.MountsVolume(hostName):
			return true, true
		}
	}
	return false, known
}
