package reconcile

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// platformTime bounds all questions of one revision for what its images are made
// for. Nobody has to know that: it only tells the hosts apart.
const platformTime = 5 * time.Second

// platforms adds what the images of a revision are made for, as far as that is
// known or a registry can say. It is asked once per digest.
func (o *BuildOptions) platforms(ctx context.Context, d *model.Desired, own map[string]model.Unsealed) {
	known := model.Platforms{}
	maps.Copy(known, o.Platforms)
	if o.Registries != nil {
		maps.Copy(known, o.askPlatforms(ctx, unknownPlatforms(d, known), own))
	}
	eachService(d, func(s *model.Service) { s.Platforms = known.Those(s.Images()) })
}

// ofRegistry is an image of an app that comes from a registry, by its digest.
type ofRegistry struct{ app, image string }

// unknownPlatforms are the images of which it has to be asked, one per digest.
func unknownPlatforms(d *model.Desired, known model.Platforms) []ofRegistry {
	var unknown []ofRegistry
	asked := map[string]bool{}
	add := func(app, pull, image string) {
		_, digest := model.SplitDigest(image)
		if digest != "" && pull != pullNever && known[digest] == nil && !asked[digest] {
			asked[digest] = true
			unknown = append(unknown, ofRegistry{app, image})
		}
	}
	eachService(d, func(s *model.Service) {
		add(s.App, s.Pull, s.Container.Image)
		for i := range s.Members {
			add(s.App, s.Members[i].Pull, s.Members[i].Container.Image)
		}
	})
	return unknown
}

const pullNever = "never"

func (o *BuildOptions) askPlatforms(ctx context.Context, images []ofRegistry, own map[string]model.Unsealed) model.Platforms {
	ctx, cancel := context.WithTimeout(ctx, platformTime)
	defer cancel()
	found := make([][]string, len(images))
	askAll(len(images), func(i int) {
		q := ImageQuestion{Revision: o.Commit.ID, App: images[i].app, Ref: images[i].image, PullSecrets: own[images[i].app]}
		found[i], _ = o.Registries.Platforms(ctx, q) // who can't say rules no host out
	})
	answers := model.Platforms{}
	for i, list := range found {
		if len(list) > 0 {
			_, digest := model.SplitDigest(images[i].image)
			answers[digest] = list
		}
	}
	return answers
}

// eachService calls f for all services, and for what jobs run.
func eachService(d *model.Desired, f func(*model.Service)) {
	for i := range d.Apps {
		for j := range d.Apps[i].Services {
			f(&d.Apps[i].Services[j])
		}
		for j := range d.Apps[i].Jobs {
			f(&d.Apps[i].Jobs[j].Work)
		}
	}
}

// platformsWith are what is to be remembered with a revision: what is known of its
// images, and of those that apps may have to go back to.
func (c *Controller) platformsWith(d *model.Desired) model.Platforms {
	known := model.Platforms{}
	maps.Copy(known, c.source.accepted.Platforms)
	note := func(s *model.Service) { maps.Copy(known, s.Platforms) }
	eachService(d, note)
	for _, r := range c.rendered {
		if r.App != nil {
			eachService(&model.Desired{Apps: []model.App{*r.App}}, note)
		}
	}
	return known.Those(slices.Concat(d.Images(), c.memory.Needs()))
}
