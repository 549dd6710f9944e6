// Package edit changes manifests in Git for people: each edit is one commit on
// the branch, which rolls out like any other. It knows how manifests lie in a
// repository, and nothing of hosts.
package edit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/manifest"
)

// Rollback makes an app again what it was at a revision: its folder, or its files
// one by one where the folder is not the app's alone.
type Rollback struct {
	Repository *git.Repository
	Loader     *manifest.Loader
	Path       string // of the manifests within the repository
	App        string
	To         git.Commit
	By         git.Signature
	Reason     string

	// Message is what the commit says; "" is that somebody asked for it and why.
	Message string
	// Branch is a new branch for the commit; "" is the followed one.
	Branch string
	// Head is the one commit of the branch that it is meant for; another one there
	// is ErrOtherHead. "" is any.
	Head string
}

// ErrOtherHead is a branch that is not where an edit is meant for.
var ErrOtherHead = errors.New("the branch has moved on")

// DeniedError is a remote that does not take the commit. Commands are what a
// person who may can type to do the same.
type DeniedError struct {
	Err      error
	Commands string
}

// Error is the cause's.
func (e *DeniedError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *DeniedError) Unwrap() error { return e.Err }

// Run commits and pushes. What the branch would be then is looked over first: a
// rollback that would break it, or change which hosts or other apps there are,
// is refused. git.ErrNothingToCommit says that the app is as it was then already.
func (r *Rollback) Run(ctx context.Context) (git.Commit, error) {
	head, err := r.Repository.Fetch(ctx)
	if err == nil {
		err = r.meant(head)
	}
	if err != nil {
		return git.Commit{}, err
	}
	b, err := r.prepare(ctx, head)
	if err != nil {
		return git.Commit{}, fmt.Errorf("roll back app %q: %w", r.App, err)
	}
	options := git.EditOptions{Author: r.By, Message: cmp.Or(r.Message, b.message()), Branch: r.Branch}
	var moved error
	c, err := r.Repository.Edit(ctx, options, func(d *git.Draft) error {
		if moved = r.meant(d.Head()); moved != nil {
			return moved
		}
		if d.Head().ID != head.ID { // it moved meanwhile: who else is below the folder may be another
			next, err := r.prepare(ctx, d.Head())
			if err != nil {
				return err
			}
			b = next
		}
		return b.restore(d)
	})
	if moved != nil {
		return c, moved
	}
	if errors.Is(err, git.ErrPushDenied) || errors.Is(err, git.ErrDirty) {
		err = &DeniedError{err, b.commands(options)}
	}
	return c, err
}

// meant says whether the commit may go on top of this head.
func (r *Rollback) meant(head git.Commit) error {
	if r.Head == "" || r.Head == head.ID {
		return nil
	}
	return fmt.Errorf("%w: it is at %s and no longer at %.12s", ErrOtherHead, head.Short(), r.Head)
}

func (b *restoration) message() string {
	var text strings.Builder
	fmt.Fprintf(&text, "Roll back app %s to %s\n\n", b.App, b.To.Short())
	where := "The app's files"
	if b.whole() {
		where = "The files below " + b.inRepository(b.folder)
	}
	fmt.Fprintf(&text, "%s are again what they were at\n%s\nin place of\n%s\n\n", where, named(b.To), named(b.head))
	fmt.Fprintf(&text, "Asked for by %s", b.By.Name)
	if b.Reason != "" {
		fmt.Fprintf(&text, ": %s", b.Reason)
	}
	return text.String()
}

func named(c git.Commit) string { return fmt.Sprintf("%s %q by %s,", c.ID, c.Subject, c.Author) }
