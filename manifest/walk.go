package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// file is a file that is taken for a manifest.
type file struct {
	path string
	hash string // of the content; empty when the file system does not know it
}

// hasher is what a FileInfo's Sys value may be.
type hasher interface{ Hash() string }

func hashOf(info fs.FileInfo) string {
	if h, ok := info.Sys().(hasher); ok {
		return h.Hash()
	}
	return ""
}

// walk finds the files to read, in order of their paths. The error is one of
// the file system; what is wrong with single files is in Errors.
func walk(fsys fs.FS, opts Options) ([]file, Errors, error) {
	w := walker{fsys: fsys, opts: opts, ignores: map[string]ignoreRules{}}
	if err := fs.WalkDir(fsys, ".", w.visit); err != nil {
		return nil, nil, fmt.Errorf("read manifests: %w", err)
	}
	return w.files, w.errs, nil
}

type walker struct {
	fsys    fs.FS
	opts    Options
	ignores map[string]ignoreRules // by folder
	files   []file
	errs    Errors
	count   int
}

func (w *walker) visit(name string, entry fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	if name != "." && (strings.HasPrefix(path.Base(name), ".") || w.ignored(name, entry.IsDir())) {
		return skip(entry)
	}
	w.count++
	switch {
	case w.count > w.opts.MaxFiles:
		w.report(name, fmt.Sprintf("is one of more than %d files", w.opts.MaxFiles))
		return fs.SkipAll
	case entry.IsDir():
		w.enter(name)
	case entry.Type()&fs.ModeSymlink != 0:
		w.report(name, "is a symbolic link, which is not followed").Hint = notNeeded
	case !entry.Type().IsRegular(): // such as a submodule, which may hold manifests
		w.report(name, "is neither a regular file nor a folder").Hint = notNeeded
	case isYAML(name):
		return w.take(name, entry)
	}
	return nil
}

const notNeeded = "name it in " + ignoreFile + " if nothing needs it"

func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func (w *walker) report(name, message string) *Error {
	err := &Error{File: name, Message: message}
	w.errs = append(w.errs, err)
	return err
}

func (w *walker) take(name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	w.files = append(w.files, file{name, hashOf(info)})
	return nil
}

// enter reads a folder's ignore file, if it has one.
func (w *walker) enter(dir string) {
	name := path.Join(dir, ignoreFile)
	info, err := fs.Lstat(w.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil && !info.Mode().IsRegular() {
		w.report(name, "is not a regular file")
		return
	}
	data, bad := read(w.fsys, name, w.opts.MaxFileSize)
	if bad != nil {
		w.errs = append(w.errs, bad)
		return
	}
	w.ignores[dir] = parseIgnore(string(data))
}

// read gives a file's bytes, or what to report of it.
func read(fsys fs.FS, name string, most int64) ([]byte, *Error) {
	data, err := readLimited(fsys, name, most)
	if err != nil {
		return nil, &Error{File: name, Message: err.Error()}
	}
	return data, nil
}

var errTooLarge = errors.New("is too large")

func readLimited(fsys fs.FS, name string, most int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, cause("can't be opened", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, cause("can't be read", err)
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%w: more than %d bytes", errTooLarge, most)
	}
	return data, nil
}

// cause leaves out the path that a file system puts into its errors: it is
// named already, and the file system's own one may say where a cache lies.
func cause(what string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("%s: %w", what, err)
}
