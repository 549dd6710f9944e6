package sim

import (
	"fmt"
	"slices"
	"strings"

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

// answer is why a registry does not tell of an image.
type answer struct {
	text    string
	refused bool // and not only out of reach
}

func (a *answer) Error() string { return a.text }

// Refused says that it did answer.
func (a *answer) Refused() bool { return a.refused }

// lets says whether the registry gives the image to who shows this.
func (i *Image) lets(shown model.Unsealed) bool {
	return i.Needs == "" || slices.ContainsFunc(shown, func(config []byte) bool { return strings.Contains(string(config), i.Needs) })
}

// RegistryDown takes the registry out of reach, or brings it back. Hosts keep
// what they have.
func (w *World) RegistryDown(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
}

// Digest is what a reference stands for now, for who shows this.
func (w *World) Digest(ref string, shown model.Unsealed) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	switch i := w.registry[ref]; {
	case w.down:
		return "", &answer{fmt.Sprintf("resolve image %q: the registry can't be reached", ref), false}
	case i == nil:
		return "", &answer{fmt.Sprintf("resolve image %q: the registry has no such image", ref), true}
	case !i.lets(shown):
		return "", &answer{fmt.Sprintf("resolve image %q: the registry denies access", ref), true}
	default:
		return i.Digest(), nil
	}
}

// Platforms are what the image is made for that a reference with a digest names.
func (w *World) Platforms(ref string) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.askedPlatforms++
	switch i := w.registry[exact(ref)]; {
	case w.down:
		return nil, &answer{fmt.Sprintf("resolve image %q: the registry can't be reached", ref), false}
	case i == nil:
		return nil, &answer{fmt.Sprintf("resolve image %q: the registry has no such image", ref), true}
	default:
		return i.Platforms, nil
	}
}

// AskedPlatforms is how often the registry was asked what an image is made for.
func (w *World) AskedPlatforms() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.askedPlatforms
}

// Offer has every reference that nobody published stand for an image that f makes:
// hosts can pull it, and have it already where it is named without a digest, as
// what is only on the hosts is.
func (w *World) Offer(f func(ref string) *Image) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.offer = f
}

// offered is the image that a reference with a digest stands for, or nil.
func (w *World) offered(ref string) *Image {
	declared, digest := model.SplitDigest(ref)
	if w.offer == nil {
		return nil
	}
	if i := w.offer(declared); digest == "" || i.Digest() == digest {
		return i
	}
	return nil
}

// Asked is how often the registry was asked what a reference stands for.
func (w *World) Asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}

// pullable is the image that a pull would bring.
func (w *World) pullable(o model.PullImage, blobs model.Blobs) (*Image, error) {
	shown, err := blobs.Unseal(o.PullSecrets)
	i := w.registry[exact(o.Image)]
	if i == nil {
		i = w.offered(o.Image)
	}
	switch {
	case err != nil:
		return nil, refuse(engine.Invalid, "%v", err)
	case w.down:
		return nil, refuse(engine.Failed, "the registry of %s can't be reached", o.Image)
	case i == nil:
		return nil, refuse(engine.NotFound, "manifest for %s not found", o.Image)
	case !i.lets(shown):
		return nil, refuse(engine.Denied, "pull access denied for %s", o.Image)
	}
	return i, nil
}

// suits says whether the image is made for what the host is.
func (i *Image) suits(h *Host) bool {
	return model.Platforms{i.Digest(): i.Platforms}.For(i.canonical(), &h.info)
}

// image is the image that the host has of ref, or nil.
func (h *Host) image(ref string) *Image {
	if i := h.images[exact(ref)]; i != nil {
		return i
	}
	if _, digest := model.SplitDigest(ref); digest == "" {
		return h.world.offered(ref)
	}
	return nil
}

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
