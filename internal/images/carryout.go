package images

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/reconcile/policy"
)

// firstOfBranch is how the branches of pull requests begin.
const firstOfBranch = "tallyman/images"

// carryOut commits a batch, or asks for it.
func (r *round) carryOut(ctx context.Context, a *batch) {
	var err error
	if a.to.To == "pullRequest" {
		err = r.askFor(ctx, a)
	} else {
		err = r.commit(ctx, a)
	}
	switch {
	case errors.Is(err, git.ErrBranchMoved):
		for _, b := range a.bumps {
			r.soon(b.policy.Metadata.Name)
		}
	case err != nil:
		r.fail(fmt.Errorf("%s: %w", strings.ToLower(a.subject()[:1])+a.subject()[1:], err), a.policies()...)
	}
}

func (r *round) commit(ctx context.Context, a *batch) error {
	made, err := r.edit(ctx, a, "")
	if err != nil {
		return err
	}
	r.Log.Info("committed newer images", "commit", made.ID, "images", strings.Join(a.trailers(), ", "))
	r.Committed()
	return nil
}

// edit makes the commit, on top of what the manifests were read from and of nothing
// else. What the branch would be then has to be valid.
func (r *round) edit(ctx context.Context, a *batch, branch string) (git.Commit, error) {
	options := git.EditOptions{Author: r.By, Message: a.message(), Branch: branch}
	return r.Repository.Edit(ctx, options, func(d *git.Draft) error {
		if d.Head().ID != r.revision {
			return git.ErrBranchMoved
		}
		for _, file := range slices.Sorted(maps.Keys(a.files)) {
			if err := d.WriteFile(path.Join(r.Path, file), a.files[file]); err != nil {
				return err
			}
		}
		if err := r.valid(d); err != nil {
			return fmt.Errorf("the branch would not be valid then: %w", err)
		}
		return nil
	})
}

// valid says whether a draft can be followed: it is read, and breaks no Policy.
func (r *round) valid(d *git.Draft) error {
	tree, err := d.Tree(r.Path)
	if err != nil {
		return err
	}
	set, err := r.Loader.Load(tree)
	if err != nil {
		return err
	}
	return policy.Hold(set)
}

// askFor opens a pull request, and notes it last: done twice, the second time finds
// the first. One that was noted is not asked for again, merged or not.
func (r *round) askFor(ctx context.Context, a *batch) error {
	if r.Forge == nil {
		return errors.New("there is no forge to ask on; give serve one (--forge), or say commit: {to: branch}")
	}
	branch := a.branch()
	made, err := r.edit(ctx, a, branch)
	if err != nil && !errors.Is(err, git.ErrBranchExists) {
		return err
	}
	pr, err := r.Forge.OpenPullRequest(ctx, forge.NewPullRequest{Head: branch, Base: r.Branch, Title: a.subject(), Body: a.body()})
	if err != nil {
		return err
	}
	note := a.note(branch, pr.Number)
	note.At, note.Commit = r.now, made.ID
	r.Log.Info("a pull request asks for newer images", "images", strings.Join(note.Images, ", "), "at", pr.URL)
	return r.Journal.Ask(note)
}

// branch is another one for other images: nobody's pull request changes under his
// eyes.
func (a *batch) branch() string {
	first := a.to.Branch
	if first == "" {
		first = firstOfBranch
	}
	sum := sha256.Sum256([]byte(strings.Join(a.trailers(), "\n")))
	return fmt.Sprintf("%s-%x", first, sum[:4])
}

func (a *batch) body() string {
	var text strings.Builder
	text.WriteString("| service | from | to |\n|---|---|---|\n")
	for _, b := range a.bumps {
		fmt.Fprintf(&text, "| `%s/%s` | `%s` | `%s` |\n", b.service.App, b.service.Metadata.Name, b.from, b.to)
	}
	text.WriteString("\nOnce this is closed without being merged, these versions are not asked for again; newer ones are.\n")
	return text.String()
}
