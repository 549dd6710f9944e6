package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// localSession reads a repository on this machine, file by file. It runs
// neither git nor any hook.
type localSession struct {
	store     localStore
	maxObject int64
}

// localStore is as much of go-git's storage as reading takes.
type localStore interface {
	storer.EncodedObjectStorer
	storer.ReferenceStorer
	storer.ShallowStorer
	Close() error
}

func openLocal(path string, maxObject int64) (session, error) {
	dir, err := findGitDir(path)
	if err != nil {
		return nil, err
	}
	store, err := dir.open()
	if err != nil {
		return nil, err
	}
	return &localSession{store, maxObject}, nil
}

func (s *localSession) Close() error { return s.store.Close() }

func (s *localSession) list(ctx context.Context) (*refs, error) {
	f := emptyRefs()
	f.exact = true
	all, err := s.store.IterReferences()
	if err != nil {
		return nil, fmt.Errorf("list references: %w", err)
	}
	err = all.ForEach(func(ref *plumbing.Reference) error {
		if name := ref.Name().String(); strings.HasPrefix(name, "refs/") {
			// A symbolic branch that leads nowhere is none.
			if target, err := storer.ResolveReference(s.store, ref.Name()); err == nil {
				f.note(name, target.Hash())
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list references: %w", err)
	}
	if head, err := storer.ResolveReference(s.store, plumbing.HEAD); err == nil {
		f.head = head.Hash()
	}
	if head, err := s.store.Reference(plumbing.HEAD); err == nil && head.Type() == plumbing.SymbolicReference {
		f.headName = head.Target().String()
	}
	if f.cuts, err = s.store.Shallow(); err != nil {
		return nil, fmt.Errorf("read shallow history: %w", err)
	}
	return f, nil
}

// pack writes what is wanted and not known. Deltas are not looked for: the
// copy stays on this machine.
func (s *localSession) pack(ctx context.Context, req request, to io.Writer) error {
	w := &objectWalk{ctx: ctx, store: s.store, known: req.known, seen: map[plumbing.Hash]bool{}}
	w.pending = append(w.pending, req.wants...)
	if err := w.run(); err != nil {
		return fmt.Errorf("copy objects: %w", err)
	}
	if err := s.checkSizes(w.found); err != nil {
		return err
	}
	if _, err := packfile.NewEncoder(to, s.store, false).Encode(w.found, 0); err != nil {
		return fmt.Errorf("copy objects: %w", err)
	}
	return ctx.Err()
}

// checkSizes is checkPack's question, asked before anything is packed.
func (s *localSession) checkSizes(ids []plumbing.Hash) error {
	for _, id := range ids {
		size, err := s.store.EncodedObjectSize(id)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			continue // in another repository's objects; the finished pack is checked as well
		}
		if err != nil {
			return fmt.Errorf("copy objects: %w", err)
		}
		if err := checkSize(size, s.maxObject); err != nil {
			return err
		}
	}
	return nil
}

// objectWalk collects the objects below some commits that the other side does
// not know.
type objectWalk struct {
	ctx     context.Context
	store   localStore
	known   func(plumbing.Hash) bool
	seen    map[plumbing.Hash]bool
	pending []plumbing.Hash // commits and tags
	found   []plumbing.Hash
}

func (w *objectWalk) run() error {
	for len(w.pending) > 0 {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		id := w.pending[len(w.pending)-1]
		w.pending = w.pending[:len(w.pending)-1]
		if !w.take(id) {
			continue
		}
		if err := w.history(id); err != nil {
			return err
		}
	}
	return nil
}

// take notes an object, and says whether it is new.
func (w *objectWalk) take(id plumbing.Hash) bool {
	if w.seen[id] || w.known(id) {
		return false
	}
	w.seen[id] = true
	w.found = append(w.found, id)
	return true
}

func (w *objectWalk) history(id plumbing.Hash) error {
	obj, err := object.GetObject(w.store, id)
	if err != nil {
		return fmt.Errorf("read object %s: %w", id, err)
	}
	switch o := obj.(type) {
	case *object.Tag:
		w.pending = append(w.pending, o.Target)
	case *object.Commit:
		if err := w.parents(o); err != nil {
			return err
		}
		return w.tree(o.TreeHash)
	}
	return nil
}

// parents goes back in history, as far as the source has it.
func (w *objectWalk) parents(c *object.Commit) error {
	for _, parent := range c.ParentHashes {
		_, err := w.store.EncodedObject(plumbing.CommitObject, parent)
		switch {
		case errors.Is(err, plumbing.ErrObjectNotFound):
		case err != nil:
			return fmt.Errorf("read object %s: %w", parent, err)
		default:
			w.pending = append(w.pending, parent)
		}
	}
	return nil
}

func (w *objectWalk) tree(id plumbing.Hash) error {
	if !w.take(id) {
		return nil
	}
	tree, err := object.GetTree(w.store, id)
	if err != nil {
		return fmt.Errorf("read object %s: %w", id, err)
	}
	for _, entry := range tree.Entries {
		switch entry.Mode {
		case filemode.Submodule: // the commit is another repository's
		case filemode.Dir:
			err = w.tree(entry.Hash)
		default:
			w.take(entry.Hash)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
