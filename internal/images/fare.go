package images

import (
	"fmt"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// Fare is how the policies fare, by name; none before there is a commit in force.
func (l *Loop) Fare() []report.ImagePolicy {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.fares)
}

// fare is how a policy fares, to be changed by the loop alone.
func (r *round) fare(p *manifest.ImagePolicy) *report.ImagePolicy { return &r.due[says(p)].fare }

// publish lets others see how the policies fare. It is done before anybody is asked
// too: an answer may take minutes.
func (r *round) publish() {
	fares := make([]report.ImagePolicy, 0, len(r.set.ImagePolicies))
	for _, p := range r.set.ImagePolicies {
		f := *r.fare(p)
		f.Name, f.App, f.Image, f.Current = p.Metadata.Name, p.App, p.Spec.Image, currentOf(r.set, p)
		f.Next = slices.DeleteFunc(slices.Clone(f.Next), func(ref string) bool { return slices.Contains(f.Current, ref) })
		fares = append(fares, f)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fares = fares
}

// currentOf are the references that a policy's services have, each once.
func currentOf(set *manifest.Set, p *manifest.ImagePolicy) []string {
	refs := []string{}
	for _, s := range set.ServicesOf(p) {
		refs = append(refs, s.Spec.Image)
	}
	slices.Sort(refs)
	return slices.Compact(refs)
}

// fail notes what kept images from being followed, once their registries had
// answered.
func (r *round) fail(err error, policies ...*manifest.ImagePolicy) {
	r.errs = append(r.errs, err)
	for _, p := range policies {
		r.failed[p] = err
	}
}

// conclude notes how the policies of the round fared: what a registry did not say
// goes before what could not be done.
func (r *round) conclude() {
	for _, p := range r.policies {
		f, failed := r.fare(p), r.failed[p]
		if err, asked := r.asked[p]; asked {
			f.Asked = r.now
			if err != nil {
				failed = err
			}
		}
		went(f, failed, r.now)
	}
}

// went keeps since when a policy fails, whatever the reason.
func went(f *report.ImagePolicy, err error, now time.Time) {
	switch {
	case err == nil:
		f.Error, f.Since = "", time.Time{}
		return
	case f.Error == "":
		f.Since = now
	}
	f.Error = err.Error()
}

// unread has all policies fail whose manifests can't be read any more.
func (l *Loop) unread(err error, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	fares := slices.Clone(l.fares)
	for i := range fares {
		went(&fares[i], err, now)
	}
	l.fares = fares
	return err
}

// asks notes an open pull request with the policies that it is the newest one of.
func (r *round) asks(a *report.ImagesAsked, pr forge.PullRequest) {
	for _, p := range r.policies {
		f := r.fare(p)
		if refs := a.OfPolicy(p.Metadata.Name); f.PullRequest == "" && refs != nil {
			f.PullRequest, f.Next = pr.URL, refs
		}
	}
}

// unanswered is why a registry that took all of a round's time gave no answer.
func unanswered(err error) error {
	return fmt.Errorf("no answer within %s: %w", lookTime, err)
}
