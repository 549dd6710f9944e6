package git

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // it is only asked how long its sums are
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/index"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// stagedFiles is a work tree's index.
type stagedFiles struct {
	*index.Index
	byName map[string]*index.Entry
}

// readIndex refuses an index that it could not write back as it was: one with
// conflicts, or with marks that the library does not know.
func readIndex(name string) (*stagedFiles, error) {
	data, err := os.ReadFile(name) //nolint:gosec // it is in the repository's own folder
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: nothing was checked out in it", ErrDirty)
	}
	if err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	s := &stagedFiles{&index.Index{}, map[string]*index.Entry{}}
	if err := index.NewDecoder(bytes.NewReader(data)).Decode(s.Index); err != nil {
		return nil, fmt.Errorf("%w: its index can't be read: %w", ErrDirty, err)
	}
	for _, e := range s.Entries {
		if e.Stage != 0 { // the library's name for it, Merged, is 1
			return nil, fmt.Errorf("%w: %q has conflicts", ErrDirty, e.Name)
		}
		s.byName[e.Name] = e
	}
	same, err := s.encode()
	if err != nil {
		return nil, err
	}
	same = same[:len(same)-sha1.Size]
	if !bytes.HasPrefix(data, same) {
		return nil, fmt.Errorf("%w: its index has marks (such as assume-unchanged) that would be lost; commit by hand", ErrDirty)
	}
	return s, nil
}

func (s *stagedFiles) encode() ([]byte, error) {
	out := &bytes.Buffer{}
	if err := index.NewEncoder(out).Encode(s.Index); err != nil {
		return nil, fmt.Errorf("write index: %w", err)
	}
	return out.Bytes(), nil
}

func (s *stagedFiles) has(path string) bool { return s.byName[path] != nil }

// holds says whether the index has the file as the commit does, and the work
// tree is meant to have it.
func (s *stagedFiles) holds(path string, as *object.TreeEntry) bool {
	e := s.byName[path]
	return e != nil && e.Hash == as.Hash && e.Mode == indexMode(as.Mode) && !e.SkipWorktree && !e.IntentToAdd
}

// under is a staged file at path or in the folder path that is not going to be
// removed; empty when there is none.
func (s *stagedFiles) under(path string, removed map[string]bool) string {
	for _, e := range s.Entries {
		if (e.Name == path || strings.HasPrefix(e.Name, path+"/")) && !removed[e.Name] {
			return e.Name
		}
	}
	return ""
}

// with is the index's content after the changes. What git remembers of a file
// on disk is left empty, so that it looks for itself.
func (s *stagedFiles) with(changes []change) ([]byte, error) {
	altered := map[string]bool{}
	for _, c := range changes {
		altered[c.path] = true
	}
	s.Entries = slices.DeleteFunc(s.Entries, func(e *index.Entry) bool { return altered[e.Name] })
	for _, c := range changes {
		if c.new != nil {
			s.Entries = append(s.Entries, &index.Entry{Name: c.path, Hash: c.new.Hash, Mode: indexMode(c.new.Mode)})
		}
	}
	return s.encode()
}
