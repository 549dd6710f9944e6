package sim

import (
	"errors"
	"fmt"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Digest is what a registry calls the image: hosts call it by another id.
func (i *Image) Digest() string { return "sha256:" + model.Hash("manifest of "+i.Defaults.ID) }

// exact is a reference as hosts look it up: with a digest, the tag does not
// count.
func exact(ref string) string {
	declared, digest := model.SplitDigest(ref)
	if digest == "" {
		return ref
	}
	return model.WithDigest(nameOf(declared), digest)
}

// nameOf is a reference without its tag.
func nameOf(declared string) string {
	for i := len(declared) - 1; i >= 0 && declared[i] != '/'; i-- {
		if declared[i] == ':' {
			return declared[:i]
		}
	}
	return declared
}

// canonical is the image's reference by digest.
func (i *Image) canonical() string { return model.WithDigest(nameOf(i.Ref), i.Digest()) }

// errNoSuchImage and errRegistryDown are answers of the registry.
var (
	errNoSuchImage  = errors.New("the registry has no such image")
	errRegistryDown = errors.New("the registry can't be reached")
)

// RegistryDown takes the registry out of reach, or brings it back. Hosts keep
// what they have.
func (w *World) RegistryDown(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
}

// Digest is what a reference stands for now.
func (w *World) Digest(ref string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	switch i := w.registry[ref]; {
	case w.down:
		return "", fmt.Errorf("resolve image %q: %w", ref, errRegistryDown)
	case i == nil:
		return "", fmt.Errorf("resolve image %q: %w", ref, errNoSuchImage)
	default:
		return i.Digest(), nil
	}
}

// Asked is how often the registry was asked what a reference stands for.
func (w *World) Asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}

// pullable is the image that a pull of ref would bring.
func (w *World) pullable(ref string) (*Image, error) {
	if w.down {
		return nil, refuse(engine.Failed, "the registry of %s can't be reached", ref)
	}
	if i := w.registry[exact(ref)]; i != nil {
		return i, nil
	}
	return nil, refuse(engine.NotFound, "manifest for %s not found", ref)
}

// image is the image that the host has of ref, or nil.
func (h *Host) image(ref string) *Image { return h.images[exact(ref)] }

// removeImage takes a reference off the host, unless a container is made from
// its image.
func (h *Host) removeImage(o model.RemoveImage) (bool, error) {
	i := h.image(o.Image)
	if i == nil {
		return false, nil
	}
	for _, c := range h.containers {
		if c.image == i {
			return false, refuse(engine.Conflict, "container %s is made from the image", c.name)
		}
	}
	delete(h.images, exact(o.Image))
	return true, nil
}
