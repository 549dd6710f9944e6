package git

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Tree is the files of the draft below path, as Repository.Tree shows those of a
// commit: what is about to be committed can be looked over first.
func (d *Draft) Tree(path string) (fs.FS, error) {
	names, err := splitPath(path)
	var at *object.TreeEntry
	if err == nil {
		at, err = d.find(d.root, names)
	}
	if err == nil && (at == nil || at.Mode != filemode.Dir) {
		err = ErrPathNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("open tree %q: %w", cleanPath(path), err)
	}
	return newTreeFS(draftObjects{d}, d.limits, at.Hash, d.head.Time), nil
}

// draftObjects are those that the draft has made, and those of the mirror.
type draftObjects struct{ *Draft }

func (d draftObjects) entries(tree plumbing.Hash) ([]object.TreeEntry, error) {
	entries, err := d.Draft.entries(tree)
	slices.SortFunc(entries, func(a, b object.TreeEntry) int { return strings.Compare(a.Name, b.Name) })
	return entries, err
}

func (d draftObjects) read(kind plumbing.ObjectType, id plumbing.Hash, limit int64) ([]byte, error) {
	if obj, err := d.made.EncodedObject(kind, id); err == nil {
		return content(obj, id, limit)
	}
	return d.mirror.read(kind, id, limit)
}

func (d draftObjects) size(blob plumbing.Hash) (int64, error) {
	if obj, err := d.made.EncodedObject(plumbing.BlobObject, blob); err == nil {
		return obj.Size(), nil
	}
	return d.mirror.size(blob)
}
