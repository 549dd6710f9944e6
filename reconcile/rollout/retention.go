package rollout

import (
	"maps"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Images are the images that an app has had from registries: those of its last
// good revisions, which stay on the hosts, and all that may still be there. An
// image that is not from a registry is nobody's to remove.
type Images struct {
	// Good are the images of the last good revisions, newest first.
	Good [][]string `json:"good,omitempty"`
	// Seen are all images, each with its digest, sorted.
	Seen []string `json:"seen,omitempty"`
}

// imagesOf are an app's images with their digests, sorted.
func imagesOf(app *model.App) []string {
	var images []string
	for ref, digest := range app.Digests() {
		images = append(images, model.WithDigest(ref, digest))
	}
	slices.Sort(images)
	return images
}

// noteImages notes that the app's images may be on the hosts now and, when it
// is good, that they are a good revision's.
func (r *roll) noteImages(good bool) {
	if r.app.ImageRetention == 0 {
		r.standing.Images = nil // they are all kept, and need not be known
		return
	}
	now := imagesOf(r.app)
	before := r.standing.Images
	if before == nil {
		before = &Images{}
	}
	next := &Images{Good: before.Good, Seen: merged(before.Seen, now)}
	if good {
		others := slices.DeleteFunc(slices.Clone(next.Good), func(images []string) bool { return slices.Equal(images, now) })
		next.Good = slices.Insert(others, 0, now)
	}
	next.Good = next.Good[:min(len(next.Good), r.app.ImageRetention)]
	if !slices.Equal(next.Seen, before.Seen) || !slices.EqualFunc(next.Good, before.Good, slices.Equal) {
		r.standing.Images = next
	}
}

func merged(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// Garbage are the images that no app is at, is held to or may have to go back
// to, sorted. They may go when no app is on its way, see Rolling.
func (s State) Garbage(d *model.Desired) []string {
	needed := map[string]bool{}
	for i := range d.Apps {
		for _, image := range imagesOf(&d.Apps[i]) {
			needed[image] = true
		}
	}
	for app := range s.Standings {
		for _, image := range s.needs(app) {
			needed[image] = true
		}
	}
	garbage := map[string]bool{}
	for _, standing := range s.Standings {
		if standing.Images == nil {
			continue
		}
		for _, image := range standing.Images.Seen {
			if !needed[image] {
				garbage[image] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(garbage))
}

// Rolling says whether any app is on its way.
func (s State) Rolling() bool {
	for _, r := range s.Records {
		if r.Phase == Progressing {
			return true
		}
	}
	return false
}

// needs are the images that an app may have to go back to, and those of its
// newest rollout.
func (s State) needs(app string) []string {
	var images []string
	add := func(digests map[string]string) {
		for ref, digest := range digests {
			images = append(images, model.WithDigest(ref, digest))
		}
	}
	add(s.Records[app].Images)
	standing := s.Standings[app]
	if standing.Good != nil {
		add(standing.Good.Images)
	}
	if standing.Hold != nil {
		add(standing.Hold.Images)
	}
	if standing.Pin != nil {
		add(standing.Pin.Images)
	}
	if standing.Images != nil {
		images = append(images, slices.Concat(standing.Images.Good...)...)
	}
	return images
}

// Needs are the images that apps may have to go back to, and those of their newest
// rollouts.
func (s State) Needs() []string {
	var images []string
	for app := range s.Records {
		images = append(images, s.needs(app)...)
	}
	for app := range s.Standings {
		images = append(images, s.needs(app)...)
	}
	slices.Sort(images)
	return slices.Compact(images)
}

// Removed is the state when these images are on no host any more.
func (s State) Removed(images []string) State {
	next := s.Clone()
	for app, standing := range next.Standings {
		if standing.Images == nil {
			continue
		}
		left := slices.DeleteFunc(slices.Clone(standing.Images.Seen), func(image string) bool { return slices.Contains(images, image) })
		if len(left) < len(standing.Images.Seen) {
			standing.Images = &Images{Good: standing.Images.Good, Seen: left}
			next.Standings[app] = standing
		}
	}
	return next
}
