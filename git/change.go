package git

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/tallyman-io/tallyman/internal/signature"
)

// change is a file that a commit adds (old is nil), removes (new is nil) or
// alters.
type change struct {
	path     string
	old, new *object.TreeEntry
}

// proposal is a commit for a remote to take: its branch, where that must be (zero:
// nowhere), where it goes, and the objects that it may not have.
type proposal struct {
	branch   plumbing.ReferenceName
	old, new plumbing.Hash
	commit   *object.Commit
	changes  []change
	draft    *Draft
	pack     []byte
}

// propose makes a commit of the draft.
func (d *Draft) propose(o EditOptions) (*proposal, error) {
	switch {
	case d.root == d.base:
		return nil, ErrNothingToCommit
	case d.root.IsZero():
		return nil, errors.New("the commit would leave the repository without files")
	}
	w := &difference{draft: d}
	if err := w.trees(d.base, d.root, ""); err != nil {
		return nil, err
	}
	p := &proposal{old: plumbing.NewHash(d.head.ID), changes: w.changes, draft: d}
	by := object.Signature{Name: o.Author.Name, Email: o.Author.Email, When: orDefault(o.When, time.Now())}
	p.commit = &object.Commit{Author: by, Committer: by, Message: o.Message, TreeHash: d.root, ParentHashes: []plumbing.Hash{p.old}}
	obj, err := encoded(p.commit, o.key)
	if err == nil {
		p.new, err = d.made.SetEncodedObject(obj)
	}
	if err == nil {
		p.commit.Hash = p.new
		p.pack, err = d.packed(append(w.ids, d.root, p.new))
	}
	return p, err
}

// encoded is the commit as an object, signed if there is a key.
func encoded(c *object.Commit, key *signature.Key) (*plumbing.MemoryObject, error) {
	if key != nil {
		unsigned := &plumbing.MemoryObject{}
		if err := c.EncodeWithoutSignature(unsigned); err != nil {
			return nil, err
		}
		payload, err := content(unsigned, unsigned.Hash(), maxMetaSize)
		if err != nil {
			return nil, err
		}
		if c.PGPSignature, err = key.Sign(payload); err != nil { // whatever its name says
			return nil, err
		}
	}
	obj := &plumbing.MemoryObject{}
	return obj, c.Encode(obj)
}

// packed is a pack of objects, all of which are brought into memory for it.
func (d *Draft) packed(ids []plumbing.Hash) ([]byte, error) {
	ids = sortedIDs(ids)
	for _, id := range ids {
		if err := d.load(id); err != nil {
			return nil, err
		}
	}
	pack := &bytes.Buffer{}
	if _, err := packfile.NewEncoder(pack, d.made, false).Encode(ids, 0); err != nil {
		return nil, fmt.Errorf("pack objects: %w", err)
	}
	return pack.Bytes(), nil
}

func (d *Draft) load(id plumbing.Hash) error {
	if d.made.HasEncodedObject(id) == nil {
		return nil
	}
	kind, err := d.mirror.kind(id)
	if err != nil {
		return err
	}
	data, err := d.mirror.read(kind, id, d.limits.MaxObjectSize)
	if err != nil {
		return fmt.Errorf("read object %s: %w", id, err)
	}
	obj := &plumbing.MemoryObject{}
	obj.SetType(kind)
	if _, err = obj.Write(data); err == nil {
		_, err = d.made.SetEncodedObject(obj)
	}
	return err
}

// difference walks two trees side by side, where they are not the same. An
// object is sent even if the remote has it elsewhere: what it lost with a
// force-push can't be told from what it kept.
type difference struct {
	draft   *Draft
	changes []change
	ids     []plumbing.Hash // what the new side has in another form than the old, or alone
}

func (w *difference) trees(old, new plumbing.Hash, dir string) error {
	before, err := w.byName(old)
	if err != nil {
		return err
	}
	after, err := w.byName(new)
	if err != nil {
		return err
	}
	for name := range maps.Keys(after) {
		if before[name] == nil {
			before[name] = nil
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if err := w.entry(before[name], after[name], dir+name); err != nil {
			return err
		}
	}
	return nil
}

func (w *difference) byName(tree plumbing.Hash) (map[string]*object.TreeEntry, error) {
	entries, err := w.draft.entries(tree)
	if err != nil {
		return nil, err
	}
	all := make(map[string]*object.TreeEntry, len(entries))
	for i := range entries {
		all[entries[i].Name] = &entries[i]
	}
	return all, nil
}

func (w *difference) entry(old, new *object.TreeEntry, path string) error {
	if old != nil && new != nil && old.Hash == new.Hash && old.Mode == new.Mode {
		return nil
	}
	if new != nil && new.Mode != filemode.Submodule { // a submodule's commit is another repository's
		w.ids = append(w.ids, new.Hash)
	}
	oldFile, oldDir := fileOrDir(old)
	newFile, newDir := fileOrDir(new)
	if oldFile != nil || newFile != nil {
		w.changes = append(w.changes, change{path, oldFile, newFile})
	}
	switch {
	case len(w.changes) > w.draft.limits.MaxFiles:
		return fmt.Errorf("more than %d files would change; change less at a time or raise the limit", w.draft.limits.MaxFiles)
	case strings.Count(path, "/") > w.draft.limits.MaxDepth:
		return fmt.Errorf("%q is more than %d directories deep", path, w.draft.limits.MaxDepth)
	case oldDir.IsZero() && newDir.IsZero():
		return nil
	}
	return w.trees(oldDir, newDir, path+"/")
}

func fileOrDir(e *object.TreeEntry) (file *object.TreeEntry, dir plumbing.Hash) {
	if e == nil || e.Mode != filemode.Dir {
		return e, plumbing.ZeroHash
	}
	return nil, e.Hash
}
