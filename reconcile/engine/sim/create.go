package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func (h *Host) create(o model.CreateContainer, j *job) (bool, error) {
	holder, err := h.share(o.Owner)
	if err != nil {
		return false, err
	}
	if c := h.byName[o.Owner.Name]; c != nil {
		if c.owner.Owner == o.Owner.Owner && c.owner.Fingerprint == o.Owner.Fingerprint && c.owner.Name == o.Owner.Name && h.inPod(c) {
			return false, nil
		}
		return false, refuse(engine.Conflict, "the container name is already in use by %s", c.id[:12])
	}
	image := h.image(o.Spec.Image)
	if image == nil {
		return false, refuse(engine.NotFound, "no such image: %s", o.Spec.Image)
	}
	secrets, err := secretsOf(&o.Spec, j.blobs)
	if err != nil {
		return false, err
	}
	c := &container{
		id: h.newID(), name: o.Owner.Name, owner: o.Owner, image: image, spec: h.live(image, o), secrets: secrets,
		state: model.StateCreated, created: j.now, joinedTo: holder,
	}
	switch {
	case image.Behaviour != nil:
		c.behaviour = image.Behaviour(secrets.filled(*c.spec))
	case o.Owner.Job != "" || o.Owner.Role == model.RoleInit:
		c.behaviour = Behaviour{Exits: true, ExitAfter: time.Second}
	}
	if err := h.joinAll(c); err != nil {
		return false, err
	}
	for _, m := range c.spec.Mounts {
		if m.Kind == model.MountVolume && h.volumes[m.Source] == nil {
			h.volumes[m.Source] = &volume{name: m.Source, driver: model.LocalDriver} // as Docker does, nobody's
		}
	}
	h.declareVolumes(c)
	h.add(c)
	return true, nil
}

// declareVolumes makes the anonymous volumes that the image wants where the
// container mounts nothing. They stay when the container goes.
func (h *Host) declareVolumes(c *container) {
	for _, path := range c.image.Defaults.Volumes {
		if slices.ContainsFunc(c.spec.Mounts, func(m model.Mount) bool { return m.Target == path }) {
			continue
		}
		name := h.newID()
		h.volumes[name] = &volume{name: name, driver: model.LocalDriver}
		c.anonymous = append(c.anonymous, name)
	}
}

func (h *Host) joinAll(c *container) error {
	for _, a := range c.spec.Networks {
		named := h.named(a.Network)
		if len(named) == 0 {
			return refuse(engine.NotFound, "network %s not found", a.Network)
		}
		c.joined = append(c.joined, attachment{named[0], a.Aliases}) // it is looked up again at the first start
	}
	return nil
}

func (c *container) copyFiles(files []model.File, blobs model.Blobs) (bool, error) {
	merged := slices.Clone(c.spec.Files)
	for _, f := range files {
		content, ok := blobs[f.Digest]
		if !ok {
			return false, refuse(engine.Invalid, "the content of %s is not known", f.Path)
		}
		if f.Secret == "" {
			f.Digest = model.Digest(content)
		} else if err := c.secrets.learn(f.Path, f.Digest, blobs); err != nil {
			return false, err
		}
		merged = slices.DeleteFunc(merged, func(old model.File) bool { return old.Path == f.Path })
		merged = append(merged, f)
	}
	slices.SortFunc(merged, func(a, b model.File) int { return cmp.Compare(a.Path, b.Path) })
	if slices.Equal(merged, c.spec.Files) {
		return false, nil
	}
	if !c.started.IsZero() {
		return false, refuse(engine.Conflict, "the container has been started already")
	}
	c.change(func(s *model.ContainerSpec) { s.Files = merged })
	return true, nil
}

// change gives the container a changed copy of its spec.
func (c *container) change(f func(*model.ContainerSpec)) {
	spec := *c.spec
	f(&spec)
	c.spec = &spec
}

// update sets limits and restart policy. Docker has no way to take a CPU or
// memory limit away in place.
func (c *container) update(a model.Adjustable) (bool, error) {
	a = normal(a)
	switch now := c.spec.Adjustable; {
	case a == now:
		return false, nil
	case a.NanoCPUs == 0 && now.NanoCPUs != 0 || a.Memory == 0 && now.Memory != 0:
		return false, refuse(engine.Invalid, "the limit can be changed in place but not taken away")
	}
	c.change(func(s *model.ContainerSpec) { s.Adjustable = a })
	return true, nil
}

func (h *Host) rename(c *container, name string) (bool, error) {
	switch other := h.byName[name]; {
	case name == "":
		return false, refuse(engine.Conflict, "no label tells its name")
	case other == c:
		return false, nil
	case other != nil:
		return false, refuse(engine.Conflict, "the container name is already in use by %s", other.id[:12])
	}
	h.drop(c)
	c.name = name
	h.add(c)
	return true, nil
}

func (h *Host) remove(c *container) (bool, error) {
	if c.state == model.StateRunning || c.state == model.StatePaused {
		return false, refuse(engine.Conflict, "the container is %s: stop it before removing it", c.state)
	}
	c.halted, c.state = true, model.StateExited // one between two restarts has nothing to stop
	h.drop(c)
	return true, nil
}
