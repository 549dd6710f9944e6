package edit

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/manifest"
)

// revision is the manifests at a revision; set is nil where they are not valid.
type revision struct {
	tree fs.FS
	set  *manifest.Set
}

// look reads a revision. Manifests that are not valid are an error beside what
// can be read.
func (r *Rollback) look(id string) (revision, error) {
	tree, err := r.Repository.Tree(id, r.Path)
	if err != nil {
		return revision{}, err
	}
	set, err := r.Loader.Load(tree)
	return revision{tree, set}, err
}

// folder is where an app's manifests are.
func (v revision) folder(app string) (string, bool) {
	if v.set == nil {
		return "", false
	}
	for _, a := range v.set.Apps {
		if a.Metadata.Name == app {
			return path.Dir(a.File), true // the root for the app that no document declares
		}
	}
	return "", false
}

// others are the folders and files below an app's folder that are not the app's:
// other apps, and what belongs to none.
func others(app, folder string, revisions ...revision) ([]string, error) {
	except := map[string]bool{}
	for _, v := range revisions {
		if v.set == nil {
			continue
		}
		for _, a := range v.set.Apps {
			if dir := path.Dir(a.File); a.Metadata.Name != app && a.File != "" && dir != folder && below(dir, folder) {
				except[dir] = true
			}
		}
		for _, file := range v.set.Unowned() {
			if below(file, folder) {
				except[file] = true
			}
		}
	}
	for _, file := range files(app, revisions...) {
		if except[file] && !same(file, revisions) {
			return nil, fmt.Errorf("%s holds hosts beside parts of the app, and has changed since: move them apart, or use git revert", file)
		}
	}
	return outermost(except), nil
}

// files are the app's own, at any of the revisions.
func files(app string, revisions ...revision) []string {
	var all []string
	for _, v := range revisions {
		if v.set != nil {
			all = append(all, v.set.FilesOf(app)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// same says whether a file is the same in all revisions.
func same(file string, revisions []revision) bool {
	first, err := fs.ReadFile(revisions[0].tree, file)
	for _, v := range revisions[1:] {
		other, otherErr := fs.ReadFile(v.tree, file)
		if (err == nil) != (otherErr == nil) || !bytes.Equal(first, other) {
			return false
		}
	}
	return true
}

func below(p, folder string) bool { return folder == "." || strings.HasPrefix(p, folder+"/") }

// outermost leaves out what lies in another one.
func outermost(paths map[string]bool) []string {
	var out []string
	for p := range paths {
		inner := false
		for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
			inner = inner || paths[dir]
		}
		if !inner {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}
