package git

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

var (
	_ fs.ReadDirFS  = (*treeFS)(nil)
	_ fs.ReadFileFS = (*treeFS)(nil)
	_ fs.StatFS     = (*treeFS)(nil)
)

// ObjectID is what Sys() of a file info returns: the id of the file's or the
// directory's content, by which a reader may remember what it made of it.
type ObjectID struct{ id plumbing.Hash }

// Hash is the id in hex.
func (o ObjectID) Hash() string { return o.id.String() }

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}

func (t *treeFS) Open(name string) (fs.File, error) {
	e, err := t.find(name)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	if e.Mode == filemode.Dir {
		entries, err := t.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return &openDir{info: t.dirInfo(e), name: name, rest: entries}, nil
	}
	content, err := t.content(e)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &openFile{Reader: bytes.NewReader(content), info: t.fileInfo(e, int64(len(content)))}, nil
}

func (t *treeFS) ReadFile(name string) ([]byte, error) {
	e, err := t.find(name)
	if err == nil && e.Mode == filemode.Dir {
		err = errors.New("it is a directory")
	}
	if err != nil {
		return nil, pathError("read", name, err)
	}
	content, err := t.content(e)
	if err != nil {
		return nil, pathError("read", name, err)
	}
	return content, nil
}

// content is the whole file; the limit is what makes that bearable.
func (t *treeFS) content(e object.TreeEntry) ([]byte, error) {
	if err := readable(e.Mode); err != nil {
		return nil, err
	}
	content, err := t.from.read(plumbing.BlobObject, e.Hash, t.limits.MaxFileSize)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, fmt.Errorf("it is larger than the limit of %d bytes", t.limits.MaxFileSize)
	case err == nil && isLFSPointer(content):
		return nil, errors.New("it is a Git LFS pointer, and LFS files are not fetched")
	}
	return content, err
}

func (t *treeFS) Stat(name string) (fs.FileInfo, error) {
	e, err := t.find(name)
	if err == nil {
		var info fs.FileInfo
		if info, err = t.info(e); err == nil {
			return info, nil
		}
	}
	return nil, pathError("stat", name, err)
}

func (t *treeFS) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := t.find(name)
	if err == nil && e.Mode != filemode.Dir {
		err = errors.New("it is not a directory")
	}
	if err != nil {
		return nil, pathError("readdir", name, err)
	}
	entries, err := t.list(name)
	if err != nil {
		return nil, pathError("readdir", name, err)
	}
	list := make([]fs.DirEntry, len(entries))
	for i, e := range entries {
		list[i] = dirEntry{t, e}
	}
	return list, nil
}

func (t *treeFS) info(e object.TreeEntry) (fs.FileInfo, error) {
	if e.Mode == filemode.Dir {
		return t.dirInfo(e), nil
	}
	if e.Mode == filemode.Submodule {
		return t.fileInfo(e, 0), nil
	}
	size, err := t.from.size(e.Hash)
	if err != nil {
		return nil, err
	}
	return t.fileInfo(e, size), nil
}

func (t *treeFS) dirInfo(e object.TreeEntry) fileInfo { return t.fileInfo(e, 0) }

func (t *treeFS) fileInfo(e object.TreeEntry, size int64) fileInfo {
	return fileInfo{entry: e, size: size, when: t.when}
}

// modeOf is read-only whatever Git says: nothing here can be written.
func modeOf(mode filemode.FileMode) fs.FileMode {
	switch mode {
	case filemode.Dir:
		return fs.ModeDir | 0o555
	case filemode.Executable:
		return 0o555
	case filemode.Symlink:
		return fs.ModeSymlink | 0o444
	case filemode.Regular, filemode.Deprecated:
		return 0o444
	}
	return fs.ModeIrregular | 0o444
}

type fileInfo struct {
	entry object.TreeEntry
	size  int64
	when  time.Time
}

func (i fileInfo) Name() string       { return i.entry.Name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return modeOf(i.entry.Mode) }
func (i fileInfo) ModTime() time.Time { return i.when }
func (i fileInfo) IsDir() bool        { return i.entry.Mode == filemode.Dir }
func (i fileInfo) Sys() any           { return ObjectID{i.entry.Hash} }

type dirEntry struct {
	tree  *treeFS
	entry object.TreeEntry
}

func (d dirEntry) Name() string               { return d.entry.Name }
func (d dirEntry) IsDir() bool                { return d.entry.Mode == filemode.Dir }
func (d dirEntry) Type() fs.FileMode          { return modeOf(d.entry.Mode).Type() }
func (d dirEntry) Info() (fs.FileInfo, error) { return d.tree.info(d.entry) }
func (d dirEntry) String() string             { return fs.FormatDirEntry(d) }

type openFile struct {
	*bytes.Reader
	info fs.FileInfo
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

type openDir struct {
	info fs.FileInfo
	name string
	rest []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }

func (d *openDir) Read([]byte) (int, error) {
	return 0, pathError("read", d.name, errors.New("it is a directory"))
}

// ReadDir is as fs.ReadDirFile says: n entries at a time, or all that are
// left.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(d.rest) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(d.rest) {
		n = len(d.rest)
	}
	list := d.rest[:n:n]
	d.rest = d.rest[n:]
	return list, nil
}
