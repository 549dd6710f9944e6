package edit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/manifest"
)

// restoration is a rollback on top of one head of the branch.
type restoration struct {
	*Rollback
	head      git.Commit
	then, now revision // now has no set where the head's manifests are not valid
	// valid is what the branch said when it was valid last: which other apps and
	// hosts there are to be afterwards too.
	valid  *manifest.Set
	folder string
	except []string // what is somebody else's below the folder
	files  []string // those that were restored one by one
}

// prepare finds out what is restored on top of a head, and what in it is
// somebody else's.
func (r *Rollback) prepare(ctx context.Context, head git.Commit) (*restoration, error) {
	b := &restoration{Rollback: r, head: head}
	var err error
	if b.then, err = r.look(r.To.ID); err != nil {
		return nil, fmt.Errorf("read revision %s: %w", r.To.Short(), err)
	}
	if b.now, err = r.look(head.ID); err != nil && b.now.tree == nil {
		return nil, err
	}
	if b.valid, err = r.lastValid(ctx, b.now, head); err != nil {
		return nil, err
	}
	folder, found := b.then.folder(r.App)
	if !found {
		return nil, fmt.Errorf("revision %s has no such app", r.To.Short())
	}
	b.folder = folder
	if at, there := (revision{set: b.valid}).folder(r.App); there && at != folder {
		return nil, fmt.Errorf("it is in folder %q now and was in %q then; use git revert", at, folder)
	}
	b.except, err = others(r.App, folder, b.now, b.then)
	return b, err
}

// longestBreak is after how many commits that are not valid nobody looks further
// back.
const longestBreak = 100

// lastValid is what the branch said when it was valid last.
func (r *Rollback) lastValid(ctx context.Context, now revision, head git.Commit) (*manifest.Set, error) {
	if now.set != nil {
		return now.set, nil
	}
	commits, err := r.Repository.Log(ctx, head.ID, longestBreak)
	if err != nil {
		return nil, err
	}
	for _, c := range commits {
		if v, err := r.look(c.ID); err == nil {
			return v.set, nil
		}
	}
	return nil, fmt.Errorf("the branch is not valid, nor was it in its last %d commits: which apps and hosts it has can't be told; use git revert", len(commits))
}

// whole says whether the app's folder goes back as it is, apart from what is
// somebody else's in it. The root holds much besides manifests; and while the
// branch is not valid nobody knows what in a folder is somebody else's.
func (b *restoration) whole() bool { return b.folder != "." && b.now.set != nil }

func (b *restoration) restore(d *git.Draft) error {
	var err error
	if b.whole() {
		err = d.Restore(b.inRepository(b.folder), b.To.ID, b.exceptions()...)
	} else {
		err = b.restoreFiles(d)
	}
	if err != nil {
		return err
	}
	return b.check(d)
}

// restoreFiles takes the app's files back, and those that they include. Where it
// can't be told before which files came since, it is read off the outcome.
func (b *restoration) restoreFiles(d *git.Draft) error {
	b.files = nil
	if err := b.restoreThese(d, files(b.App, b.now, b.then)); err != nil {
		return err
	}
	if b.now.set != nil {
		return nil
	}
	after, err := b.load(d)
	if err != nil {
		return err
	}
	return b.restoreThese(d, after.FilesOf(b.App))
}

func (b *restoration) restoreThese(d *git.Draft, files []string) error {
	for _, file := range files {
		if slices.Contains(b.files, file) {
			continue
		}
		if err := b.restoreFile(d, file); err != nil {
			return err
		}
		b.files = append(b.files, file)
	}
	return nil
}

func (b *restoration) restoreFile(d *git.Draft, file string) error {
	content, err := fs.ReadFile(b.then.tree, file)
	switch {
	case err == nil:
		return d.WriteFile(b.inRepository(file), content)
	case errors.Is(err, fs.ErrNotExist):
		return d.Remove(b.inRepository(file))
	}
	return err
}

// commands are what a person types to do the same.
func (b *restoration) commands(o git.EditOptions) string {
	if b.whole() {
		return b.Repository.RestoreCommands(git.RestoreOptions{
			EditOptions: o, From: b.To.ID, Path: b.inRepository(b.folder), Except: b.exceptions(),
		})
	}
	var names []string
	for _, file := range b.files {
		names = append(names, b.inRepository(file))
	}
	return b.Repository.RestoreFilesCommands(o, b.To.ID, names)
}

func (b *restoration) inRepository(file string) string { return path.Join(b.Path, file) }

func (b *restoration) exceptions() []string {
	var out []string
	for _, p := range b.except {
		out = append(out, b.inRepository(p))
	}
	return out
}
