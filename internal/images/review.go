package images

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// review looks at the pull requests of the round's policies that may still be open,
// the newest first. What fails is tried again the next time.
func (r *round) review(ctx context.Context) {
	asked, err := r.Journal.Asked()
	if err != nil {
		r.fail(err, r.policies...)
		return
	}
	for _, p := range r.policies {
		r.fare(p).PullRequest = ""
	}
	for i, a := range asked {
		of := slices.DeleteFunc(slices.Clone(r.policies), func(p *manifest.ImagePolicy) bool { return a.OfPolicy(p.Metadata.Name) == nil })
		if a.Over || len(of) == 0 {
			continue
		}
		over, replacedBy := a.Over, a.ReplacedBy
		err := r.lookAfter(ctx, &a, asked[:i])
		if err == nil && (a.Over != over || a.ReplacedBy != replacedBy) {
			err = r.Journal.Ask(a)
		}
		if err != nil {
			r.fail(err, of...)
			return
		}
	}
}

// lookAfter looks at one, and has it give way to those that are newer. The newest one
// is looked for again where it is not found: the token may see it another time.
func (r *round) lookAfter(ctx context.Context, a *report.ImagesAsked, newer []report.ImagesAsked) error {
	by := slices.IndexFunc(newer, a.SharesPolicy)
	pr, err := r.Forge.PullRequest(ctx, a.PullRequest)
	switch {
	case forge.ClassOf(err) == forge.NotFound:
		a.Over = by >= 0
		return nil
	case err == nil && pr.State != forge.StateOpen:
		a.Over = true
		return nil
	case err != nil:
		return err
	}
	if r.asks(a, pr); by < 0 {
		return nil
	}
	if err := r.giveWay(ctx, a, pr, newer[by:]); err != nil {
		return fmt.Errorf("say on pull request %d that #%d has taken its place: %w", a.PullRequest, newer[by].PullRequest, err)
	}
	return nil
}

// giveWay says on a pull request which ones have taken its place: merged after them,
// it would take them back. It is closed where nothing is lost by that: nothing in it
// is asked for by it alone, which would never be asked for again, and its branch has
// what was pushed here and nothing else.
func (r *round) giveWay(ctx context.Context, a *report.ImagesAsked, pr forge.PullRequest, newer []report.ImagesAsked) error {
	by, all := newer[0].PullRequest, len(a.Left(newer)) == 0
	closing := all && a.Commit != "" && pr.Head == a.Commit
	if a.ReplacedBy != by {
		if err := r.Forge.Comment(ctx, a.PullRequest, "tallyman:images", replacedText(a, newer, closing)); err != nil {
			return err
		}
	}
	if closing {
		closed, err := r.Forge.Close(ctx, a.PullRequest)
		if err != nil {
			return err
		}
		r.Log.Info("a newer pull request has taken the place of one", "number", a.PullRequest, "newer", by, "closed", closed)
	}
	a.ReplacedBy, a.Over = by, all
	return nil
}

// replacedText names all that ask for something newer.
func replacedText(a *report.ImagesAsked, newer []report.ImagesAsked, closing bool) string {
	var by []string
	for _, b := range newer {
		if a.SharesPolicy(b) {
			by = append(by, fmt.Sprintf("#%d", b.PullRequest))
		}
	}
	left := a.Left(newer)
	switch {
	case len(left) > 0:
		return fmt.Sprintf("Newer versions of some of these images are asked for by %s. What `%s` brings is asked for here only.", strings.Join(by, ", "), strings.Join(left, "`, `"))
	case closing:
		return fmt.Sprintf("Newer versions of these images are asked for by %s instead. Open this one again to have these all the same.", strings.Join(by, ", "))
	}
	return fmt.Sprintf("Newer versions of these images are asked for by %s instead. Close this one.", strings.Join(by, ", "))
}
