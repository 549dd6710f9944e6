package images

import (
	"context"

	"github.com/tallyman-io/tallyman/internal/registry"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/imagepolicy"
)

// offer is what a registry has for a policy.
type offer struct {
	rule     *imagepolicy.Rule
	versions []imagepolicy.Version
	keys     registry.Keychain
}

// question is asked once a round, however many policies wait for the answer. Apps
// have credentials of their own, and so answers of their own.
type question struct{ app, image, digestOf string }

type answer struct {
	versions []imagepolicy.Version
	err      error
}

// ask asks the registries for all policies that are due; those that got an answer
// have an offer, by name.
func (r *round) ask(ctx context.Context) map[string]offer {
	offers, answers := map[string]offer{}, map[question]answer{}
	keysOf, err := r.Keys(r.set)
	for _, p := range r.policies {
		o, failed := offer{}, err
		if failed == nil {
			o.keys, failed = keysOf(p.App)
		}
		if failed == nil {
			o.rule, failed = p.Spec.Follow.Rule()
		}
		if failed == nil {
			o.versions, failed = r.versions(ctx, p, o, answers)
		}
		if failed == nil {
			offers[p.Metadata.Name] = o
		}
		if ctx.Err() == nil {
			r.asked[p] = failed
		} else if failed != nil {
			r.failed[p] = unanswered(failed)
		}
	}
	return offers
}

func (r *round) versions(ctx context.Context, p *manifest.ImagePolicy, o offer, answers map[question]answer) ([]imagepolicy.Version, error) {
	q := question{p.App, p.Spec.Image, o.rule.DigestOf()}
	a, asked := answers[q]
	if !asked {
		a.versions, a.err = r.answer(ctx, q, o.keys)
		answers[q] = a
	}
	return a.versions, a.err
}

func (r *round) answer(ctx context.Context, q question, keys registry.Keychain) ([]imagepolicy.Version, error) {
	if q.digestOf != "" {
		v := imagepolicy.Version{Tag: q.digestOf}
		var err error
		v.Digest, err = r.Registry.Resolve(ctx, v.Of(q.image), keys)
		return []imagepolicy.Version{v}, err
	}
	tags, err := r.Registry.Tags(ctx, q.image, keys)
	var versions []imagepolicy.Version
	for _, tag := range tags {
		versions = append(versions, imagepolicy.Version{Tag: tag})
	}
	return versions, err
}
