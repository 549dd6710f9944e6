// Package edit changes manifests in Git for people: each edit is one commit on
// the branch, which rolls out like any other. It knows how manifests lie in a
// repository, and nothing of hosts.
package edit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/manifest"
)

// Rollback makes an app's folder again what it was at a revision.
type Rollback struct {
	Repository *git.Repository
	Loader     *manifest.Loader
	Path       string // of the manifests within the repository
	App        string
	To         git.Commit
	By         git.Signature
	Reason     string
}

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
// rollback that would break it, or change which hosts there are, is refused.
// git.ErrNothingToCommit says that the folder is as it was then already.
func (r *Rollback) Run(ctx context.Context) (git.Commit, error) {
	head, err := r.Repository.Fetch(ctx)
	if err != nil {
		return git.Commit{}, err
	}
	o, err := r.options(head)
	if err != nil {
		return git.Commit{}, fmt.Errorf("roll back app %q: %w", r.App, err)
	}
	c, err := r.Repository.Edit(ctx, o.EditOptions, func(d *git.Draft) error {
		if d.Head().ID != head.ID { // it moved meanwhile: who else is below the folder may be another
			if o, err = r.options(d.Head()); err != nil {
				return err
			}
		}
		if err := r.restore(d, o); err != nil {
			return err
		}
		return r.check(d)
	})
	if errors.Is(err, git.ErrPushDenied) || errors.Is(err, git.ErrDirty) {
		err = &DeniedError{err, r.Repository.RestoreCommands(o)}
	}
	return c, err
}

// restore takes the app's folder back. What no App document owns lies beside
// much else that is none of the app's: there only the manifests go back, and the
// files that they include.
func (r *Rollback) restore(d *git.Draft, o git.RestoreOptions) error {
	then, err := r.look(r.To.ID)
	if err != nil {
		return err
	}
	if r.App != manifest.DefaultApp || then.declares(r.App) {
		return d.Restore(o.Path, o.From, o.Except...)
	}
	now, err := r.look(d.Head().ID)
	if err != nil {
		return fmt.Errorf("the branch is not valid, and which files are the app's can't be told: use git revert: %w", err)
	}
	for _, file := range files(r.App, now, then) {
		if err := r.restoreFile(d, then, file); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rollback) restoreFile(d *git.Draft, then revision, file string) error {
	name := path.Join(r.Path, file)
	content, err := fs.ReadFile(then.tree, file)
	switch {
	case err == nil:
		return d.WriteFile(name, content)
	case errors.Is(err, fs.ErrNotExist):
		return d.Remove(name)
	}
	return err
}

// options say which folder is restored, and what in it is somebody else's.
func (r *Rollback) options(head git.Commit) (git.RestoreOptions, error) {
	then, err := r.look(r.To.ID)
	if err != nil {
		return git.RestoreOptions{}, fmt.Errorf("read revision %s: %w", r.To.Short(), err)
	}
	now, err := r.look(head.ID)
	if err != nil && now.tree == nil {
		return git.RestoreOptions{}, err
	}
	folder, found := then.folder(r.App)
	if !found {
		return git.RestoreOptions{}, fmt.Errorf("revision %s has no such app", r.To.Short())
	}
	if at, there := now.folder(r.App); there && at != folder {
		return git.RestoreOptions{}, fmt.Errorf("it is in folder %q now and was in %q then; use git revert", at, folder)
	}
	except, err := others(r.App, folder, now, then)
	if err != nil {
		return git.RestoreOptions{}, err
	}
	o := git.RestoreOptions{From: r.To.ID, Path: path.Join(r.Path, folder)}
	for _, p := range except {
		o.Except = append(o.Except, path.Join(r.Path, p))
	}
	o.EditOptions = git.EditOptions{Author: r.By, Message: r.message(head, o.Path)}
	return o, nil
}

func (r *Rollback) message(head git.Commit, folder string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Roll back app %s to %s\n\n", r.App, r.To.Short())
	where := "The files below " + folder
	if folder == "." {
		where = "The app's files"
	}
	fmt.Fprintf(&b, "%s are again what they were at\n%s\nin place of\n%s\n\n", where, named(r.To), named(head))
	fmt.Fprintf(&b, "Asked for by %s", r.By.Name)
	if r.Reason != "" {
		fmt.Fprintf(&b, ": %s", r.Reason)
	}
	return b.String()
}

func named(c git.Commit) string { return fmt.Sprintf("%s %q by %s,", c.ID, c.Subject, c.Author) }

// check looks over what is about to be committed.
func (r *Rollback) check(d *git.Draft) error {
	tree, err := d.Tree(r.Path)
	if err != nil {
		return err
	}
	set, err := r.Loader.Load(tree)
	if err != nil {
		return fmt.Errorf("the branch would not be valid then; use git revert, or mend it first: %w", err)
	}
	if !slices.ContainsFunc(set.Apps, func(a *manifest.App) bool { return a.Metadata.Name == r.App }) {
		return fmt.Errorf("the branch would have no app %q then", r.App)
	}
	return nil
}

// revision is the manifests at a revision; set is nil where they are not valid.
type revision struct {
	tree fs.FS
	set  *manifest.Set
}

// look reads a revision. Manifests that are not valid are an error beside what
// can be read.
func (r *Rollback) look(id string) (revision, error) {
	tree, err := r.Repository.Tree(id, r.Path)
	if err != nil {
		return revision{}, err
	}
	set, err := r.Loader.Load(tree)
	return revision{tree, set}, err
}

// folder is where an app's manifests are.
func (v revision) folder(app string) (string, bool) {
	if v.set == nil {
		return "", false
	}
	for _, a := range v.set.Apps {
		if a.Metadata.Name == app {
			return path.Dir(a.File), true // the root for the app that no document declares
		}
	}
	return "", false
}

// declares says whether there is a document for the app.
func (v revision) declares(app string) bool {
	return v.set != nil && slices.ContainsFunc(v.set.Apps, func(a *manifest.App) bool { return a.Metadata.Name == app && a.File != "" })
}

// others are the folders and files below an app's folder that are not the app's:
// other apps, and hosts.
func others(app, folder string, revisions ...revision) ([]string, error) {
	except := map[string]bool{}
	for _, v := range revisions {
		if v.set == nil {
			continue
		}
		for _, a := range v.set.Apps {
			if dir := path.Dir(a.File); a.Metadata.Name != app && a.File != "" && dir != folder && below(dir, folder) {
				except[dir] = true
			}
		}
		for _, h := range v.set.Hosts {
			if below(h.File, folder) {
				except[h.File] = true
			}
		}
	}
	for _, file := range files(app, revisions...) {
		if except[file] && !same(file, revisions) {
			return nil, fmt.Errorf("%s holds hosts beside parts of the app, and has changed since: move them apart, or use git revert", file)
		}
	}
	return outermost(except), nil
}

// files are the app's own, at any of the revisions.
func files(app string, revisions ...revision) []string {
	var all []string
	for _, v := range revisions {
		if v.set != nil {
			all = append(all, v.set.FilesOf(app)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// same says whether a file is the same in all revisions.
func same(file string, revisions []revision) bool {
	first, err := fs.ReadFile(revisions[0].tree, file)
	for _, v := range revisions[1:] {
		other, otherErr := fs.ReadFile(v.tree, file)
		if (err == nil) != (otherErr == nil) || !bytes.Equal(first, other) {
			return false
		}
	}
	return true
}

func below(p, folder string) bool { return folder == "." || strings.HasPrefix(p, folder+"/") }

// outermost leaves out what lies in another one.
func outermost(paths map[string]bool) []string {
	var out []string
	for p := range paths {
		inner := false
		for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
			inner = inner || paths[dir]
		}
		if !inner {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}
