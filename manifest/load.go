package manifest

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
)

// Options are the limits of what is read. A zero limit is the default.
type Options struct {
	MaxFiles     int   // files below the root; 10,000
	MaxFileSize  int64 // bytes of one file; 1 MiB
	MaxDocuments int   // documents; 100,000
	MaxDepth     int   // levels of nesting in a document; 64
}

func (o Options) withDefaults() Options {
	if o.MaxFiles == 0 {
		o.MaxFiles = 10_000
	}
	if o.MaxFileSize == 0 {
		o.MaxFileSize = 1 << 20
	}
	if o.MaxDocuments == 0 {
		o.MaxDocuments = 100_000
	}
	if o.MaxDepth == 0 {
		o.MaxDepth = 64
	}
	return o
}

// Load reads all manifests below the root of fsys. The error is an Errors when
// it is the manifests that are wrong, and wraps ErrNoManifests when there are
// none.
func Load(fsys fs.FS, opts Options) (*Set, error) {
	return NewLoader(opts).Load(fsys)
}

// Loader is a Load that remembers: a file whose content it has parsed before
// is not read again, where the file system knows the hash of the content,
// which it says by a method `Hash() string` on its FileInfo's Sys value. What
// concerns several files is always checked anew.
type Loader struct {
	parser parser
	opts   Options

	mu    sync.Mutex
	cache cache
}

// NewLoader makes a Loader with an empty memory.
func NewLoader(opts Options) *Loader {
	opts = opts.withDefaults()
	return &Loader{parser: parser{Shapes(), opts}, opts: opts}
}

// Load reads all manifests below the root of fsys, as the function Load does.
// The documents of a Set may be shared with other Sets: nobody changes them.
func (l *Loader) Load(fsys fs.FS) (*Set, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	files, errs, err := walk(fsys, l.opts)
	if err != nil {
		return nil, err
	}
	l.cache.begin()
	set := &Set{unread: len(errs) > 0}
	for _, f := range files {
		errs = append(errs, l.file(fsys, f, set)...)
		if set.documents > l.opts.MaxDocuments {
			errs = append(errs, &Error{File: f.path, Message: fmt.Sprintf("goes beyond %d documents in all", l.opts.MaxDocuments)})
			return nil, errs.orNil()
		}
	}
	l.cache.end()
	if len(errs) == 0 && set.documents == 0 {
		return nil, fmt.Errorf("load manifests: %w", ErrNoManifests)
	}
	errs = append(errs, l.link(fsys, set)...)
	if err := errs.orNil(); err != nil {
		return nil, err
	}
	return set, nil
}

// file reads one file into the set.
func (l *Loader) file(fsys fs.FS, f file, set *Set) Errors {
	got, err := l.parsed(fsys, f)
	if err != nil {
		set.unread = true
		return Errors{err}
	}
	set.unread = set.unread || got.unread
	if got.sops {
		set.sops = append(set.sops, f.path)
	}
	for _, doc := range got.docs {
		set.add(doc, f.path)
	}
	errs := make(Errors, 0, len(got.errs))
	for _, e := range got.errs {
		placed := *e
		placed.File = f.path
		errs = append(errs, &placed)
	}
	return errs
}

func (l *Loader) parsed(fsys fs.FS, f file) (parsed, *Error) {
	if got, ok := l.cache.parsed(f.hash); ok {
		return got, nil
	}
	data, err := read(fsys, f.path, l.opts.MaxFileSize)
	if err != nil {
		return parsed{}, err
	}
	got := l.parser.parse(data)
	l.cache.keepParsed(f.hash, got)
	return got, nil
}

// isYAML says whether a file is taken for a manifest.
func isYAML(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".yaml" || ext == ".yml"
}
