package images

import (
	"context"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/imagepolicy"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// trailerKey is the trailer of the commits that are made here: the policy and the
// reference that it has brought.
const trailerKey = "Tallyman-Image"

const (
	// farBack is how many commits of the branch are looked at, longAgo how many
	// rollouts of an app.
	farBack = 2000
	longAgo = 100
)

// past is what was tried before.
type past struct {
	committed []string // trailers of the branch, the newest first
	asked     []string // the same of pull requests
	history   func(app string) ([]rollout.Record, error)
}

func (r *round) past(ctx context.Context) (*past, error) {
	commits, err := r.Repository.Log(ctx, r.revision, farBack)
	if err != nil {
		return nil, err
	}
	p := &past{history: func(app string) ([]rollout.Record, error) { return r.Journal.History(app, longAgo) }}
	for _, c := range commits {
		for _, t := range c.Trailers() {
			if strings.EqualFold(t.Key, trailerKey) {
				p.committed = append(p.committed, t.Value)
			}
		}
	}
	asked, err := r.Journal.Asked()
	for _, a := range asked {
		p.asked = append(p.asked, a.Images...)
	}
	return p, err
}

// held are the versions that a policy does not bring again. What it has brought
// before is either still in force, or older than what is, or was gone back from. A
// tag may go back to a digest that it had, so of those only the last one counts.
func (p *past) held(policy *manifest.ImagePolicy, rule *imagepolicy.Rule) ([]imagepolicy.Version, error) {
	var held []imagepolicy.Version
	for _, lines := range [][]string{p.committed, p.asked} {
		versions := versionsOf(lines, policy)
		if rule.DigestOf() != "" {
			versions = versions[:min(1, len(versions))]
		}
		held = append(held, versions...)
	}
	records, err := p.history(policy.App)
	return append(held, failed(records, policy.Spec.Image)...), err
}

// versionsOf reads trailers' values.
func versionsOf(lines []string, policy *manifest.ImagePolicy) []imagepolicy.Version {
	var versions []imagepolicy.Version
	for _, line := range lines {
		name, ref, _ := strings.Cut(line, " ")
		if image, v := imagepolicy.Split(ref); name == policy.Metadata.Name && image == policy.Spec.Image {
			versions = append(versions, v)
		}
	}
	return versions
}

// failed are an image's versions with which a rollout failed, and with which none
// was completed: by whomever they were committed.
func failed(records []rollout.Record, image string) []imagepolicy.Version {
	var bad, good []imagepolicy.Version
	for i := range records {
		for ref, digest := range records[i].Images {
			name, v := imagepolicy.Split(ref)
			if v.Digest = digest; name != image {
				continue
			}
			switch records[i].Phase {
			case rollout.Failed:
				bad = append(bad, v)
			case rollout.Complete:
				good = append(good, v)
			}
		}
	}
	return slices.DeleteFunc(bad, func(v imagepolicy.Version) bool { return slices.Contains(good, v) })
}

// note is what is remembered of a pull request.
func (a *batch) note(branch string, number int) report.ImagesAsked {
	return report.ImagesAsked{Branch: branch, PullRequest: number, Images: a.trailers()}
}
