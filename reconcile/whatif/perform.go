package whatif

import (
	"fmt"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// perform carries out an op on the copy. What it returns is why a real engine
// would not do it, or "".
func (f *fleet) perform(op model.Op) string {
	h := f.host(op.On())
	if h == nil || !h.Reachable {
		return fmt.Sprintf("host %q is unreachable", op.On())
	}
	switch o := op.(type) {
	case model.PullImage:
		f.pull(h, o.Image)
	case model.LoadImage:
		f.pull(h, o.Image)
	case model.RemoveImage:
		delete(h.Images, o.Image)
	case model.CreateNetwork:
		h.Networks = append(h.Networks, model.NetworkState{ID: o.Network.HostName, Name: o.Network.HostName, Driver: o.Network.Driver, Owner: o.Owner, CreatedAt: f.now})
	case model.RemoveNetwork:
		h.Networks = slices.DeleteFunc(h.Networks, func(n model.NetworkState) bool { return n.ID == o.ID })
	case model.CreateVolume:
		h.Volumes = append(h.Volumes, model.VolumeState{Name: o.Volume.HostName, Driver: o.Volume.Driver, Options: o.Volume.Options, Owner: o.Owner, CreatedAt: f.now})
	case model.RemoveVolume:
		h.Volumes = slices.DeleteFunc(h.Volumes, func(v model.VolumeState) bool { return v.Name == o.Name })
	case model.CreateContainer:
		f.create(h, o)
	case interface{ Ref() string }:
		return f.change(h, o.Ref(), op)
	}
	return ""
}

// pull gives a host an image: the one that another host has under that name, or
// one that nobody has seen.
func (f *fleet) pull(h *model.HostState, ref string) {
	id := "sha256:" + model.Hash("imagined "+ref)
	for i := range f.live.Hosts {
		if known := f.live.Hosts[i].Images[ref]; known != "" {
			id = known
			break
		}
	}
	h.Images[ref] = id
}

func (f *fleet) create(h *model.HostState, o model.CreateContainer) {
	f.made++
	id := h.Images[o.Spec.Image]
	spec := o.Spec
	spec.ImageID = id
	c := model.Container{
		Host: h.Name, ID: fmt.Sprintf("imagined-%06d", f.made), Name: o.Owner.Name, Owner: o.Owner, State: model.StateCreated,
		CreatedAt: f.now, Ports: o.Spec.Ports, Spec: &spec, Image: &model.ImageDefaults{ID: id},
	}
	if o.Owner.Pod != "" && o.Owner.Role != model.RoleHolder {
		if holder := find(h, o.Owner.Pod); holder != nil {
			c.Joined = holder.ID
		}
	}
	h.Containers = append(h.Containers, c)
}

func find(h *model.HostState, ref string) *model.Container {
	for i := range h.Containers {
		if c := &h.Containers[i]; c.ID == ref || c.Name == ref {
			return c
		}
	}
	return nil
}

// change carries out an op on a container that is there.
func (f *fleet) change(h *model.HostState, ref string, op model.Op) string {
	c := find(h, ref)
	if c == nil {
		return "no such container: " + ref
	}
	switch o := op.(type) {
	case model.StartContainer:
		return f.start(h, c)
	case model.UnpauseContainer:
		c.State = model.StateRunning
	case model.ResumeHealthCheck:
		c.Unchecked = false
		f.goes(h, c)
	case model.RenameContainer:
		c.Name = c.Owner.Name
	case model.StopContainer:
		c.State, c.Health, c.FinishedAt = model.StateExited, model.HealthNone, f.now
	case model.RemoveContainer:
		h.Containers = slices.DeleteFunc(h.Containers, func(other model.Container) bool { return other.ID == c.ID })
	case model.UpdateContainer:
		f.respec(c, func(s *model.ContainerSpec) { s.Adjustable = o.Adjustable })
	case model.ConnectNetwork:
		f.respec(c, func(s *model.ContainerSpec) {
			s.Networks = append(without(s.Networks, o.Attachment.Network), o.Attachment)
			slices.SortFunc(s.Networks, func(a, b model.Attachment) int { return compare(a.Network, b.Network) })
		})
	case model.DisconnectNetwork:
		f.respec(c, func(s *model.ContainerSpec) { s.Networks = without(s.Networks, o.Network) })
	}
	return ""
}

func without(attached []model.Attachment, network string) []model.Attachment {
	return slices.DeleteFunc(slices.Clone(attached), func(a model.Attachment) bool { return a.Network == network })
}

// respec gives a container a changed copy of its spec, which the original fleet
// shares.
func (f *fleet) respec(c *model.Container, change func(*model.ContainerSpec)) {
	if c.Spec == nil {
		return
	}
	spec := *c.Spec
	change(&spec)
	c.Spec = &spec
}

// jobTime is how long what runs to its end is assumed to run.
const jobTime = time.Second

func (f *fleet) start(h *model.HostState, c *model.Container) string {
	for i := range h.Containers {
		other := &h.Containers[i]
		if other.ID != c.ID && other.Running() && model.PortsClash(c.Ports, other.Ports) {
			return fmt.Sprintf("a port of it is held by %s", other.Name)
		}
	}
	c.State, c.StartedAt, c.EngineStart, c.FinishedAt, c.ExitCode, c.Error = model.StateRunning, f.now, f.now, time.Time{}, 0, ""
	c.Unchecked = false
	if c.Spec != nil && c.Spec.HealthCheck.Enabled() {
		c.Health = model.HealthStarting
	}
	f.goes(h, c)
	return ""
}

// goOn lets what has begun before the question come to its end, too.
func (f *fleet) goOn(h *model.HostState) {
	for i := range h.Containers {
		if c := &h.Containers[i]; h.Condition != model.Lost && c.Running() {
			f.goes(h, c)
		}
	}
}

// goes has a running container do what it does by itself.
func (f *fleet) goes(h *model.HostState, c *model.Container) {
	switch {
	case c.Owner.Job != "" || c.Owner.Role == model.RoleInit:
		f.later(jobTime, h.Name, c.ID)
	case c.Health == model.HealthStarting:
		f.later(interval(c.Spec), h.Name, c.ID)
	}
}

// interval is when the first check comes: engines wait for one interval.
func interval(s *model.ContainerSpec) time.Duration {
	if s != nil && s.HealthCheck != nil && s.HealthCheck.Interval > 0 {
		return s.HealthCheck.Interval
	}
	return 30 * time.Second // the engine's own
}

// mature lets happen to a container what was to happen by now: a job's ends well,
// another becomes healthy.
func (f *fleet) mature(d due) {
	h := f.host(d.host)
	c := find(h, d.container)
	if c == nil || !c.Running() {
		return
	}
	if c.Owner.Job != "" || c.Owner.Role == model.RoleInit {
		c.State, c.FinishedAt = model.StateExited, f.now
		return
	}
	c.Health = model.HealthHealthy
}
