package feedback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/edit"
	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/internal/signature"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// RevertJournal is what was done about commits that apps went back from.
type RevertJournal interface {
	Reverted() (map[string]report.Reverted, error)
	Revert(report.Reverted) error
	Unrevert(app string) error
}

// Reverts reverts in Git the commits that apps with onFailure: revert went back
// from: once for each time that one does.
//
// It can't come to a fight. What is reverted has failed, on top of the very commit
// that it was judged at; what failed as a revert is not reverted; and a revert to
// the same files again would change nothing, which is no commit.
type Reverts struct {
	Controller Controller
	Journal    RevertJournal
	// Forge is where pull requests are opened; nil pushes to the branch itself.
	Forge forge.Forge
	// Edit is what all reverts have in common: repository, manifests and author.
	Edit   edit.Rollback
	Branch string // the followed one
	// Signers are whom the installation allows to sign commits.
	Signers func() (signature.Signers, error)
	Log     *slog.Logger

	mu    sync.Mutex
	fares map[string]report.Reverted // as others may see them; replaced, not changed
}

// Fare is what was done about the holds there are, by app, and why it could not be.
func (v *Reverts) Fare() map[string]report.Reverted {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.fares
}

func (v *Reverts) publish(fares map[string]report.Reverted) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fares = fares
}

// Run reverts until ctx ends.
func (v *Reverts) Run(ctx context.Context) {
	keep(ctx, v.Controller, v.Update, func(err error) {
		v.Log.Warn("a commit that failed can't be reverted, which is tried again", "error", err)
	})
}

// Update reverts what has not been reverted yet. What fails does not keep the rest
// from it.
func (v *Reverts) Update(ctx context.Context, status report.Status) error {
	apps, known := status.ToRevert()
	if !known {
		return nil
	}
	done, err := v.Journal.Reverted()
	if err != nil {
		return err
	}
	var failed []error
	fares := maps.Clone(done)
	for _, a := range apps {
		before := done[a.Name]
		if before.Of(a.Hold) {
			continue
		}
		r, err := v.revert(ctx, status.Target.ID, a, before)
		if fares[a.Name] = r; err != nil {
			r.Error = err.Error()
			fares[a.Name], failed = r, append(failed, err)
		}
	}
	v.publish(fares)
	for i := range status.Apps {
		if a := &status.Apps[i]; a.Hold != nil {
			delete(done, a.Name)
		}
	}
	for _, app := range slices.Sorted(maps.Keys(done)) {
		if err := v.obsolete(ctx, done[app]); err != nil {
			failed = append(failed, err)
			continue
		}
		failed = append(failed, v.Journal.Unrevert(app))
	}
	return errors.Join(failed...)
}

// revert does what there is to do about an app's hold, and notes it last: done
// twice, the second time finds the first. It gives what was done before where what
// the branch has come to is to be judged first.
func (v *Reverts) revert(ctx context.Context, head string, a *report.App, before report.Reverted) (report.Reverted, error) {
	r := report.Reverted{App: a.Name, Failed: a.Hold.Revision, Since: a.Hold.Since}
	ours, err := v.isRevert(ctx, r.Failed)
	if err == nil && before.Failed != r.Failed {
		err = v.obsolete(ctx, before)
	}
	if err == nil && !ours {
		err = v.carryOut(ctx, head, a, &r)
	}
	switch {
	case errors.Is(err, edit.ErrOtherHead):
		return before, nil
	case err != nil && !errors.Is(err, git.ErrNothingToCommit):
		return r, fmt.Errorf("revert commit %.12s of app %q: %w", r.Failed, r.App, err)
	}
	return r, v.Journal.Revert(r)
}

// isRevert says of a commit that it is one of those made here.
func (v *Reverts) isRevert(ctx context.Context, id string) (bool, error) {
	c, err := v.Edit.Repository.Resolve(ctx, id)
	if errors.Is(err, git.ErrRevisionNotFound) {
		return false, nil // a force-push has taken it
	}
	_, ours := c.Trailer(revertTrailer)
	return ours, err
}

func (v *Reverts) carryOut(ctx context.Context, head string, a *report.App, r *report.Reverted) error {
	to, err := v.Edit.Repository.Resolve(ctx, a.Hold.To)
	if err != nil {
		return err
	}
	back := v.Edit
	back.App, back.To, back.Head, back.Message = a.Name, to, head, revertMessage(a)
	if v.Forge != nil {
		back.Branch = revertBranch(a)
	}
	made, err := back.Run(ctx)
	if err != nil && !errors.Is(err, git.ErrBranchExists) { // there it was pushed before, and not noted
		return err
	}
	r.Commit = made.ID
	why := v.unvouched(ctx, head, cmp.Or(back.Branch, v.Branch), a.Name)
	if v.Forge == nil {
		v.Log.Info("reverted", "app", a.Name, "failed", r.Failed, "commit", r.Commit)
		return nil
	}
	p, err := v.Forge.OpenPullRequest(ctx, forge.NewPullRequest{Head: back.Branch, Base: v.Branch, Title: revertTitle(a) + " for app " + a.Name, Body: revertBody(a, why)})
	if err != nil {
		return err
	}
	r.PullRequest, r.URL = p.Number, p.URL
	v.Log.Info("a pull request asks for a revert", "app", a.Name, "failed", r.Failed, "at", p.URL)
	return nil
}

// unvouched is why `verify` would not let the app have the revert at the end of a branch,
// which is to be known before it is merged.
func (v *Reverts) unvouched(ctx context.Context, head, branch, app string) string {
	var own signature.Signers
	var found reconcile.Verification
	made, err := v.Edit.Repository.FetchRef(ctx, "refs/heads/"+branch)
	if err == nil {
		own, err = v.Signers()
	}
	if err == nil {
		found, err = reconcile.Verify(ctx, v.Edit.Repository, v.Edit.Loader, reconcile.VerifyOptions{
			Commit: made, Path: v.Edit.Path, Own: own, Verified: map[string]string{"": head, app: head},
		})
	}
	if err != nil {
		v.Log.Warn("whether a revert is signed as it has to be is not known", "app", app, "branch", branch, "error", err)
		return ""
	}
	why := cmp.Or(found.Unverified[""], found.Unverified[app])
	if why != "" {
		v.Log.Warn("a revert will be held back by verify; put the key of --git-signing-key-file among the signers", "app", app, "commit", made.ID, "reason", why)
	}
	return why
}

// obsolete says on a pull request that is still open that nothing is left for it
// to do: merged later, it would take back what came since.
func (v *Reverts) obsolete(ctx context.Context, r report.Reverted) error {
	if r.PullRequest == 0 || v.Forge == nil {
		return nil
	}
	p, err := v.Forge.PullRequest(ctx, r.PullRequest)
	if err == nil && p.State == forge.StateOpen {
		err = v.Forge.Comment(ctx, r.PullRequest, "tallyman:reverts", fmt.Sprintf(
			"App `%s` is no longer held back because of commit %.12s: the branch has something else of it, or somebody tries it again. "+
				"Merging this would take back what came since; look before you do, or close it.", r.App, r.Failed))
	}
	if forge.ClassOf(err) == forge.NotFound {
		return nil
	}
	return err
}
