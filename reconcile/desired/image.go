package desired

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// ImageKey is a reference as an app declares it. The same one of two apps may
// stand for two images: each is held to what was recorded when it was rolled
// out.
type ImageKey struct{ App, Ref string }

// Image is what a registry said of a reference: its digest, or why there is
// none. With both, the digest is a recorded one, and the reason says why it
// stands in.
type Image struct{ Digest, Reason string }

// Images are the references of a revision that its registries were asked for.
type Images map[ImageKey]Image

// pullNever is the pull policy of images that are only on the hosts. No
// registry knows of them.
const pullNever = "never"

// use is a reference in the manifests, and how its image comes to a host.
type use struct{ app, pull, ref string }

// uses are all that a set has. Whatever a manifest can run has its place here:
// for what is left out no registry is asked.
func uses(set *manifest.Set) []use {
	var out []use
	for _, s := range set.Services {
		for _, p := range s.Spec.Processes() {
			out = append(out, use{s.App, p.Pull, p.Image})
		}
	}
	for _, j := range set.Jobs {
		out = append(out, use{j.App, j.Spec.Pull, j.Spec.Image})
	}
	return out
}

// UnresolvedImages are the references that a registry has to be asked for,
// sorted.
func UnresolvedImages(set *manifest.Set) []ImageKey {
	var keys []ImageKey
	for _, u := range uses(set) {
		if asksRegistry(u.pull, u.ref) {
			keys = append(keys, ImageKey{u.app, u.ref})
		}
	}
	slices.SortFunc(keys, func(a, b ImageKey) int { return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Ref, b.Ref)) })
	return slices.Compact(keys)
}

func asksRegistry(pull, ref string) bool {
	_, digest := model.SplitDigest(ref)
	return pull != pullNever && digest == ""
}

// image is the reference to run. One that could not be resolved stays as it was
// declared, and is noted: nobody may be given whatever the tag happens to mean
// on a host.
func (b *builder) image(app, pull, ref string) string {
	if b.images == nil || !asksRegistry(pull, ref) {
		return ref
	}
	found := b.images[ImageKey{app, ref}]
	if found.Digest != "" {
		if found.Reason != "" {
			note(b.stale, app, found.Reason)
		}
		return model.WithDigest(ref, found.Digest)
	}
	note(b.unresolved, app, cmp.Or(found.Reason, "no registry was asked for image "+ref))
	return ref
}

// note adds a reason to those of an app, once.
func note(reasons map[string][]string, app, reason string) {
	if !slices.Contains(reasons[app], reason) {
		reasons[app] = append(reasons[app], reason)
	}
}

// because is the reasons in one text; "" when there is none.
func because(reasons []string) string {
	slices.Sort(reasons)
	return strings.Join(reasons, "; ")
}
