// Package imagepolicy says which version of an image comes next: of the tags that
// a registry has, by a rule, after the one that is in force and after those that
// were gone back from.
//
// It is pure, and imports nothing of the arrow, so manifests are checked with the
// same code that later decides from them. It knows nothing of registries and of
// Git.
package imagepolicy

import (
	"errors"
	"slices"
	"strings"
)

// The orders in which tags that match a pattern follow each other.
const (
	Numeric    = "numeric"
	Alphabetic = "alphabetic"
)

// Follow is a rule as people write it: one of Semver, Pattern and DigestOf.
type Follow struct{ Semver, Pattern, Order, DigestOf string }

// Version is what stands behind an image's name.
type Version struct{ Tag, Digest string }

// Of is the reference of an image's version.
func (v Version) Of(image string) string {
	if v.Tag != "" {
		image += ":" + v.Tag
	}
	if v.Digest != "" {
		image += "@" + v.Digest
	}
	return image
}

// Split takes a reference apart. A colon before a slash is a registry's port.
func Split(ref string) (image string, v Version) {
	image, v.Digest, _ = strings.Cut(ref, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image, v.Tag = image[:i], image[i+1:]
	}
	return image, v
}

// Rule decides by what Follow says.
type Rule struct {
	order    order  // nil for one that follows a tag's digest
	digestOf string // the tag
}

// order is how tags follow each other.
type order interface {
	// allows says whether a tag may be chosen.
	allows(tag string) bool
	// knows says whether a tag has a place in the order at all.
	knows(tag string) bool
	// compare is negative where a comes before b, both of them known.
	compare(a, b string) int
}

// Parse reads a rule.
func Parse(f Follow) (*Rule, error) {
	switch {
	case f.DigestOf != "":
		return &Rule{digestOf: f.DigestOf}, nil
	case f.Semver != "":
		o, err := parseSemver(f.Semver)
		return &Rule{order: o}, err
	case f.Pattern != "":
		o, err := parsePattern(f.Pattern, f.Order)
		return &Rule{order: o}, err
	}
	return nil, errors.New("says nothing to follow")
}

// DigestOf is the tag whose digest is followed, or "".
func (r *Rule) DigestOf() string { return r.digestOf }

// Choose is the version that is to take the place of the current one, if there is
// any among what the registry has. Held are versions that were in force or asked for
// and are not to be again: of those that the rule allows, only what is newer than
// all of them is chosen, as only what is newer than the current one is. A current
// one that the rule's order does not know is replaced by whatever is the newest.
func (r *Rule) Choose(offered []Version, current Version, held []Version) (Version, bool) {
	if r.order == nil {
		return r.chooseDigest(offered, current, held)
	}
	floor, best := "", ""
	if r.order.knows(current.Tag) {
		floor = current.Tag
	}
	for _, h := range held {
		if r.order.allows(h.Tag) && (floor == "" || r.order.compare(h.Tag, floor) > 0) {
			floor = h.Tag
		}
	}
	for _, o := range offered {
		if !r.order.allows(o.Tag) || floor != "" && r.order.compare(o.Tag, floor) <= 0 {
			continue
		}
		if best == "" || r.better(o.Tag, best, current.Tag) {
			best = o.Tag
		}
	}
	return Version{Tag: best}, best != ""
}

// better says whether a goes before b. Of two names for the same version it is the
// one that begins as the current one does, and then the first in the alphabet: any
// order of the answer gives the same choice.
func (r *Rule) better(a, b, current string) bool {
	if n := r.order.compare(a, b); n != 0 {
		return n > 0
	}
	if like := sameStart(a, current); like != sameStart(b, current) {
		return like
	}
	return a < b
}

func sameStart(a, b string) bool { return a != "" && b != "" && a[0] == 'v' == (b[0] == 'v') }

func (r *Rule) chooseDigest(offered []Version, current Version, held []Version) (Version, bool) {
	for _, o := range offered {
		if o.Tag == r.digestOf && o.Digest != "" && o != current && !slices.Contains(held, o) {
			return o, true
		}
	}
	return Version{}, false
}
