package plan

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/place"
)

const us = "ours"

var dawn = time.Date(2026, 1, 1, 6, 0, 0, 0, time.UTC)

// world is what is desired and what is live, with a very small engine on each
// host: performing an op changes the live side as a real engine would, and what
// a real engine refuses is an error.
type world struct {
	desired model.Desired
	live    model.Live
	known   func(string) bool
	allow   bool
	rolling bool
	said    map[string]model.Sync // policies of apps that have gone
	guards  model.Guards          // what is remembered of them
	made    int                   // containers so far; their ids are made of it
	refused bool
}

var errPortTaken = errors.New("port is taken")

// newWorld has reachable hosts of these names and the app "shop".
func newWorld(hosts ...string) *world {
	w := &world{desired: model.Desired{Revision: "c0ffee", Owner: us, Apps: []model.App{{Name: "shop", Sync: model.DefaultSync()}}}}
	for _, name := range hosts {
		w.desired.Hosts = append(w.desired.Hosts, model.Host{Name: name, Schedulable: true})
		w.live.Hosts = append(w.live.Hosts, model.HostState{
			Name: name, Reachable: true, Images: map[string]string{"web:1": "sha256:11", "web:2": "sha256:22", "db:1": "sha256:33"},
		})
	}
	return w
}

// service is a service of app shop, ready to be changed.
func service(name, image string, replicas int) model.Service {
	return model.Service{
		App: "shop", Name: name, Mode: model.ModeReplicated, Replicas: replicas, Pull: "missing",
		Container: model.ContainerSpec{Image: image},
		Update:    model.Update{Order: model.OrderAuto, Parallelism: model.Portion{N: 1}, Monitor: 5 * time.Second},
	}
}

// declare makes these the services of their apps. Fingerprints are made here, as
// the manifests' side does.
func (w *world) declare(services ...model.Service) {
	for i := range w.desired.Apps {
		w.desired.Apps[i].Services = nil
	}
	for _, s := range services {
		s.Fingerprint = model.Fingerprint(s.Container)
		if s.IsPod() {
			s.Fingerprint = model.PodFingerprint(s.Container, s.Members)
		}
		app := w.app(s.App)
		app.Services = append(app.Services, s)
	}
}

func (w *world) app(name string) *model.App {
	i := slices.IndexFunc(w.desired.Apps, func(a model.App) bool { return a.Name == name })
	return &w.desired.Apps[i]
}

func (w *world) host(name string) *model.HostState {
	i := slices.IndexFunc(w.live.Hosts, func(h model.HostState) bool { return h.Name == name })
	return &w.live.Hosts[i]
}

func (w *world) plan() Plan {
	live := model.Live{}
	for _, h := range w.live.Hosts {
		live.Hosts = append(live.Hosts, model.FoldPods(h, func(c *model.Container) bool { return c.OwnedBy(us, w.known) }))
	}
	var services []model.Service
	for _, a := range w.desired.Apps {
		services = append(services, a.Services...)
	}
	placement := place.Place(place.Input{
		Services: services, Hosts: w.desired.Hosts, Live: live, Owner: us,
		Owned: func(c *model.Container) bool { return c.OwnedBy(us, w.known) && !w.orphan(c) },
	})
	return Build(Input{Desired: &w.desired, Live: &live, Placement: placement, Known: w.known, Policies: w.said, Guards: w.guards, AllowRemovals: w.allow,
		Rolling: func(string) bool { return w.rolling }})
}

// orphan says whether the container is let go of.
func (w *world) orphan(c *model.Container) bool {
	declared := slices.ContainsFunc(w.desired.Apps, func(a model.App) bool {
		return slices.ContainsFunc(a.Services, func(s model.Service) bool { return s.App == c.Owner.App && s.Name == c.Owner.Service })
	})
	return !declared && w.guards.Of(c.Owner).Orphan
}

// settle performs plans until one is empty.
func (w *world) settle() error {
	for range 5 {
		p := w.plan()
		ops := p.Ops()
		if len(ops) == 0 {
			return nil
		}
		for _, op := range ops {
			if err := w.do(op); err != nil {
				return fmt.Errorf("%s: %w\n%s", model.Verb(op), err, p.String())
			}
		}
	}
	p := w.plan()
	return fmt.Errorf("no end to it:\n%s", p.String())
}

// container is the first of ours of a replica, "web-1".
func (w *world) container(replica string) *model.Container {
	for i := range w.live.Hosts {
		for j := range w.live.Hosts[i].Containers {
			c := &w.live.Hosts[i].Containers[j]
			if c.Owner.Service+"-"+c.Owner.Slot == replica {
				return c
			}
		}
	}
	panic("no container of " + replica)
}

func (w *world) do(op model.Op) error {
	h := w.host(op.On())
	if !h.Reachable {
		return fmt.Errorf("host %q is unreachable", h.Name)
	}
	switch o := op.(type) {
	case model.PullImage:
		h.Images[o.Image] = "sha256:" + o.Image
	case model.LoadImage:
		h.Images[o.Image] = "sha256:" + o.Image
	case model.CreateNetwork:
		h.Networks = append(h.Networks, model.NetworkState{ID: "net-" + o.Network.HostName, Name: o.Network.HostName, Owner: o.Owner})
	case model.RemoveNetwork:
		return w.removeNetwork(h, o)
	case model.CreateVolume:
		h.Volumes = append(h.Volumes, model.VolumeState{Name: o.Volume.HostName, Owner: o.Owner})
	case model.CreateContainer:
		return w.create(h, o)
	case model.RemoveContainer:
		return w.remove(h, o.Target)
	case interface{ Ref() string }:
		c, err := w.target(h, op)
		if err != nil {
			return err
		}
		return w.change(h, c, op)
	}
	return nil
}

func (w *world) create(h *model.HostState, o model.CreateContainer) error {
	if slices.ContainsFunc(h.Containers, func(c model.Container) bool { return c.Name == o.Owner.Name }) {
		return fmt.Errorf("the name %q is taken", o.Owner.Name)
	}
	if h.Images[o.Spec.Image] == "" {
		return fmt.Errorf("no image %q", o.Spec.Image)
	}
	for _, n := range o.Spec.Networks {
		if n.Network != model.HostNetwork && !slices.ContainsFunc(h.Networks, func(s model.NetworkState) bool { return s.Name == n.Network }) {
			return fmt.Errorf("no network %q", n.Network)
		}
	}
	w.made++
	c := madeFrom(o.Spec, image())
	c.Host, c.ID, c.Name, c.Owner = h.Name, fmt.Sprintf("id%03d", w.made), o.Owner.Name, o.Owner
	c.State, c.Ports, c.CreatedAt = model.StateCreated, o.Spec.Ports, dawn.Add(time.Duration(w.made)*time.Minute)
	h.Containers = append(h.Containers, *c)
	return nil
}

func (w *world) remove(h *model.HostState, t model.Target) error {
	c, err := w.target(h, model.RemoveContainer{Target: t})
	if err != nil {
		return err
	}
	if c.Running() {
		return fmt.Errorf("container %q is running", c.Name)
	}
	h.Containers = slices.DeleteFunc(h.Containers, func(o model.Container) bool { return o.ID == c.ID })
	return nil
}

func (w *world) removeNetwork(h *model.HostState, o model.RemoveNetwork) error {
	for _, c := range h.Containers {
		if c.Spec != nil && slices.ContainsFunc(c.Spec.Networks, func(a model.Attachment) bool { return a.Network == o.Name }) {
			return fmt.Errorf("network %q is in use by %q", o.Name, c.Name)
		}
	}
	h.Networks = slices.DeleteFunc(h.Networks, func(n model.NetworkState) bool { return n.ID == o.ID })
	return nil
}

// target finds the op's container and holds it against the preconditions.
func (w *world) target(h *model.HostState, op model.Op) (*model.Container, error) {
	ref := op.(interface{ Ref() string }).Ref()
	for i := range h.Containers {
		c := &h.Containers[i]
		if c.ID != ref && c.Name != ref {
			continue
		}
		if c.Owner.Owner != us {
			return nil, fmt.Errorf("container %q is not ours", c.Name)
		}
		return c, nil
	}
	return nil, fmt.Errorf("no container %q", ref)
}

func (w *world) change(h *model.HostState, c *model.Container, op model.Op) error {
	switch o := op.(type) {
	case model.StartContainer:
		for _, other := range h.Containers {
			if other.ID != c.ID && other.Running() && model.PortsClash(c.Ports, other.Ports) {
				return fmt.Errorf("%w: of %q by %q", errPortTaken, c.Name, other.Name)
			}
		}
		c.State, c.StartedAt, c.Health = model.StateRunning, c.CreatedAt, model.HealthNone
	case model.StopContainer:
		c.State = model.StateExited
	case model.UnpauseContainer:
		c.State = model.StateRunning
	case model.ResumeHealthCheck:
		c.Unchecked = false
	case model.RenameContainer:
		c.Name = c.Owner.Name
	case model.UpdateContainer:
		c.Spec.Adjustable = o.Adjustable
	case model.ConnectNetwork:
		c.Spec.Networks = append(c.Spec.Networks, o.Attachment)
	case model.DisconnectNetwork:
		c.Spec.Networks = slices.DeleteFunc(slices.Clone(c.Spec.Networks), func(a model.Attachment) bool { return a.Network == o.Network })
	}
	return nil
}
