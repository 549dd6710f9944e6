package git

import (
	"context"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// searchEvery is how often a repository that has no watch on it, because it is
// not there (any more), is looked for.
const searchEvery = time.Second

// watchLocal notifies changes whenever a reference of the repository at path
// may have moved. Without file events (a full inotify table, say) it does
// nothing, and polling remains.
func watchLocal(ctx context.Context, path string, changes chan<- struct{}) {
	for ctx.Err() == nil {
		if watchUntilGone(ctx, path, changes) {
			notify(changes)
		}
		select {
		case <-ctx.Done():
		case <-time.After(searchEvery):
		}
	}
}

// watchUntilGone follows one incarnation of the repository, and says whether
// there was one.
func watchUntilGone(ctx context.Context, path string, changes chan<- struct{}) bool {
	dir, err := findGitDir(path)
	if err != nil {
		return false
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return false
	}
	defer watcher.Close() //nolint:errcheck // it only gives descriptors back
	w := &localWatch{watcher, dir}
	if !w.add() {
		return false
	}
	notify(changes) // for what happened before the watch stood
	for {
		select {
		case <-ctx.Done():
			return true
		case event := <-watcher.Events:
			if w.gone(event) {
				return true
			}
			if w.matters(event) {
				notify(changes)
			}
		case <-watcher.Errors: // events were dropped
			w.add()
			notify(changes)
		}
	}
}

type localWatch struct {
	*fsnotify.Watcher
	gitDir
}

// add watches the folders in which references are, and is for calling again
// when there are new ones. Files are not watched themselves, since Git
// replaces them.
func (w *localWatch) add() bool {
	for _, dir := range []string{w.dir, w.common} {
		if w.Add(dir) != nil {
			return false
		}
	}
	_ = filepath.WalkDir(filepath.Join(w.common, "refs"), func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = w.Add(name)
		}
		return nil // a folder that is gone again needs no watch
	})
	return true
}

func (w *localWatch) gone(event fsnotify.Event) bool {
	return (event.Name == w.dir || event.Name == w.common) && (event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename))
}

// matters tells references from all else that Git writes (the index, locks,
// logs), and looks into new folders.
func (w *localWatch) matters(event fsnotify.Event) bool {
	if strings.HasSuffix(event.Name, ".lock") || event.Op == fsnotify.Chmod {
		return false
	}
	refs := filepath.Join(w.common, "refs")
	below := event.Name == refs || strings.HasPrefix(event.Name, refs+string(filepath.Separator))
	if below && event.Has(fsnotify.Create) {
		w.add()
	}
	base := filepath.Base(event.Name)
	return below || base == "HEAD" || base == "packed-refs" || base == "shallow"
}
