package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// config reads a file that a Config includes.
func (l *Loader) config(fsys fs.FS, name string) ([]byte, error) {
	info, err := plainFile(fsys, name)
	if err != nil {
		return nil, err
	}
	hash := hashOf(info)
	if data, ok := l.cache.config(hash); ok {
		return data, nil
	}
	data, err := readLimited(fsys, name, l.opts.MaxFileSize)
	if err != nil {
		return nil, err
	}
	l.cache.keepConfig(hash, data)
	return data, nil
}

// plainFile makes sure that neither the file nor a folder on the way to it is
// a symbolic link: a link could lead out of the tree. Folders are listed,
// because that is the one way to look at a link that every fs.FS has.
func plainFile(fsys fs.FS, name string) (fs.FileInfo, error) {
	steps := strings.Split(name, "/")
	for i := range steps {
		dir, base := path.Join(append([]string{"."}, steps[:i]...)...), steps[i]
		entry, err := entryOf(fsys, dir, base)
		if err != nil {
			return nil, err
		}
		switch last := i == len(steps)-1; {
		case entry.Type()&fs.ModeSymlink != 0:
			return nil, errors.New("is behind a symbolic link, which is not followed")
		case last && !entry.Type().IsRegular():
			return nil, errors.New("is not a regular file")
		case last:
			return entry.Info()
		case !entry.IsDir():
			return nil, errors.New("does not exist")
		}
	}
	return nil, errors.New("does not exist")
}

func entryOf(fsys fs.FS, dir, base string) (fs.DirEntry, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, cause("can't be looked for", err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() == base {
			return e, nil
		}
		names = append(names, e.Name())
	}
	if hint := didYouMean(base, names); hint != "" {
		return nil, fmt.Errorf("does not exist; %s", hint)
	}
	return nil, errors.New("does not exist")
}
