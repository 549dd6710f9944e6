package git

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// treeMerge merges directories by hash: what is the same on two of the three
// sides is not looked into, so the work is bounded by what both have changed.
type treeMerge struct {
	*Draft
	ctx       context.Context
	conflicts []string
}

// dirs are the three sides of a directory; zero is one that is not there.
type dirs struct{ fork, base, head plumbing.Hash }

// sides are those of one name; nil is nothing.
type sides struct{ fork, base, head *object.TreeEntry }

func same(a, b *object.TreeEntry) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Mode == b.Mode && a.Hash == b.Hash
}

func (t *treeMerge) trees(at []string, d dirs) (plumbing.Hash, error) {
	switch {
	case d.base == d.head || d.fork == d.head:
		return d.base, nil
	case d.fork == d.base:
		return d.head, nil
	case len(at) > t.limits.MaxDepth:
		return d.base, fmt.Errorf("it is more than %d directories deep", t.limits.MaxDepth)
	}
	if err := t.ctx.Err(); err != nil {
		return d.base, err
	}
	names, err := t.sidesOf(d)
	if err != nil {
		return d.base, err
	}
	var entries []object.TreeEntry
	for _, name := range slices.Sorted(maps.Keys(names)) {
		e, err := t.entry(append(slices.Clip(at), name), names[name])
		if err != nil {
			return d.base, err
		}
		if e != nil {
			entries = append(entries, object.TreeEntry{Name: name, Mode: e.Mode, Hash: e.Hash})
		}
	}
	return t.write(entries)
}

func (t *treeMerge) sidesOf(d dirs) (map[string]sides, error) {
	names := map[string]sides{}
	for i, id := range []plumbing.Hash{d.fork, d.base, d.head} {
		entries, err := t.entries(id)
		if err != nil {
			return nil, err
		}
		for j := range entries {
			e := &entries[j]
			s := names[e.Name]
			*[]**object.TreeEntry{&s.fork, &s.base, &s.head}[i] = e
			names[e.Name] = s
		}
	}
	return names, nil
}

// entry is what is to be at a path; nil is nothing.
func (t *treeMerge) entry(at []string, s sides) (*object.TreeEntry, error) {
	switch {
	case same(s.base, s.head), same(s.fork, s.head):
		return s.base, nil
	case same(s.fork, s.base):
		return s.head, nil
	case isDir(s.base) && isDir(s.head):
		return t.directory(at, s)
	case isFile(s.fork) && isFile(s.base) && isFile(s.head):
		return t.file(at, s)
	case isDir(s.fork) && (isDir(s.base) || isDir(s.head)) && (s.base == nil || s.head == nil):
		return t.directory(at, s) // what one side has not touched goes
	}
	return t.clash(at, s.base), nil
}

func (t *treeMerge) clash(at []string, keep *object.TreeEntry) *object.TreeEntry {
	t.conflicts = append(t.conflicts, path.Join(at...))
	return keep
}

func isDir(e *object.TreeEntry) bool { return e != nil && e.Mode == filemode.Dir }

func isFile(e *object.TreeEntry) bool { return e != nil && readable(e.Mode) == nil }

func (t *treeMerge) directory(at []string, s sides) (*object.TreeEntry, error) {
	id := func(e *object.TreeEntry) plumbing.Hash {
		if !isDir(e) {
			return plumbing.ZeroHash
		}
		return e.Hash
	}
	merged, err := t.trees(at, dirs{id(s.fork), id(s.base), id(s.head)})
	if err != nil || merged.IsZero() {
		return nil, err
	}
	return &object.TreeEntry{Mode: filemode.Dir, Hash: merged}, nil
}

// file merges a file that both sides have changed, content and mode apart.
func (t *treeMerge) file(at []string, s sides) (*object.TreeEntry, error) {
	e := *s.base
	if s.fork.Mode == s.base.Mode {
		e.Mode = s.head.Mode
	}
	if s.head.Hash == s.fork.Hash || s.head.Hash == s.base.Hash {
		return &e, nil
	}
	if s.base.Hash == s.fork.Hash {
		e.Hash = s.head.Hash
		return &e, nil
	}
	if err := t.ctx.Err(); err != nil {
		return nil, err
	}
	var text [3][]byte
	for i, side := range []*object.TreeEntry{s.fork, s.base, s.head} {
		var err error
		text[i], err = t.mirror.read(plumbing.BlobObject, side.Hash, t.limits.MaxFileSize)
		if errors.Is(err, errTooLarge) {
			return t.clash(at, s.base), nil
		}
		if err != nil {
			return nil, err
		}
	}
	merged, clean := mergeLines(text[0], text[1], text[2])
	if !clean {
		return t.clash(at, s.base), nil
	}
	var err error
	e.Hash, err = t.blob(merged)
	return &e, err
}
