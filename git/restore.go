package git

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// RestoreOptions say what is to be again as it was.
type RestoreOptions struct {
	EditOptions
	Path   string   // a folder, relative to the repository's root; empty for all of it
	From   string   // the revision to take it from
	Except []string // folders in it, relative to the root too, that stay as they are
}

// Restore makes a commit on top of the branch in which the folder is what it
// was at a revision, and pushes it. Files that the folder did not have then
// disappear. A folder that was not there then is ErrPathNotFound: that would
// be a removal and no restoring.
func (r *Repository) Restore(ctx context.Context, o RestoreOptions) (Commit, error) {
	from, err := r.Resolve(ctx, o.From)
	if err != nil {
		return Commit{}, err
	}
	return r.Edit(ctx, o.EditOptions, func(d *Draft) error { return d.Restore(o.Path, from.ID, o.Except...) })
}

// Restore makes the folder at path what it was in the commit with the id from,
// and leaves the folders except in it as they are.
func (d *Draft) Restore(path, from string, except ...string) error {
	if err := d.restore(path, from, except); err != nil {
		return fmt.Errorf("restore %q from %s: %w", cleanPath(path), short(from), err)
	}
	return nil
}

func (d *Draft) restore(path, from string, except []string) error {
	names, err := splitPath(path)
	if err != nil {
		return err
	}
	then, err := d.folderThen(names, from)
	if err != nil {
		return err
	}
	root := then.Hash
	if len(names) > 0 {
		if root, err = d.put(d.root, names, then); err != nil {
			return err
		}
	}
	for _, e := range except {
		if root, err = d.putBack(root, names, e); err != nil {
			return err
		}
	}
	d.root = root
	return nil
}

// folderThen is the folder as it was in the commit.
func (d *Draft) folderThen(names []string, from string) (*object.TreeEntry, error) {
	id, err := parseID(from)
	if err != nil {
		return nil, err
	}
	c, err := d.mirror.commit(id)
	if err != nil {
		return nil, err
	}
	then, err := d.find(c.TreeHash, names)
	if err != nil {
		return nil, err
	}
	if then == nil || then.Mode != filemode.Dir {
		return nil, fmt.Errorf("%w: it was not a folder then", ErrPathNotFound)
	}
	if entries, err := d.entries(then.Hash); err != nil || len(entries) == 0 {
		return nil, fmt.Errorf("%w: it was empty then", ErrPathNotFound)
	}
	return then, nil
}

// putBack is root with the folder path, which must lie below the folder
// within, as it is in the draft.
func (d *Draft) putBack(root plumbing.Hash, within []string, path string) (plumbing.Hash, error) {
	names, err := splitPath(path)
	if err != nil {
		return root, fmt.Errorf("except %q: %w", path, err)
	}
	if len(names) <= len(within) || !slices.Equal(names[:len(within)], within) {
		return root, fmt.Errorf("except %q: it is not below %q", path, strings.Join(within, "/"))
	}
	now, err := d.find(d.root, names)
	if err == nil {
		root, err = d.put(root, names, now)
	}
	if err != nil {
		return root, fmt.Errorf("except %q: %w", path, err)
	}
	return root, nil
}
