package model

import (
	"slices"
	"strings"
)

// A resolved reference is the declared one with the digest that it was resolved
// to behind it: web:1.4@sha256:…. Engines pull and run what the digest names
// and leave the tag alone, which stays for people. Because it is what
// ContainerSpec.Image says, another digest is another fingerprint, another
// rendering of the app, and a difference from a live container, like any other.

// WithDigest is the declared reference as it was resolved.
func WithDigest(ref, digest string) string { return ref + "@" + digest }

// SplitDigest gives a reference's two parts; digest is "" when it has none.
func SplitDigest(ref string) (declared, digest string) {
	declared, digest, _ = strings.Cut(ref, "@")
	return declared, digest
}

// Digests are what the references of the app's services and jobs were resolved to, by
// reference; nil where none was.
func (a *App) Digests() map[string]string {
	var digests map[string]string
	for _, image := range a.Images() {
		ref, digest := SplitDigest(image)
		if digest == "" {
			continue
		}
		if digests == nil {
			digests = map[string]string{}
		}
		digests[ref] = digest
	}
	return digests
}

// Undigested are the references that have no digest, sorted: with pull never the
// image is what each host has under the name, of which no registry knows.
func (a *App) Undigested() []string {
	var refs []string
	for _, image := range a.Images() {
		if _, digest := SplitDigest(image); digest == "" {
			refs = append(refs, image)
		}
	}
	slices.Sort(refs)
	return slices.Compact(refs)
}

// digestShown is how much of a digest people are shown.
const digestShown = 12

// ShortImage is a reference for people: web:1.4@7f3a91c2abcd.
func ShortImage(ref string) string {
	declared, digest := SplitDigest(ref)
	if digest == "" {
		return ref
	}
	_, hash, found := strings.Cut(digest, ":")
	if !found {
		return ref
	}
	return WithDigest(declared, hash[:min(len(hash), digestShown)])
}
