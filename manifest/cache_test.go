package manifest_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"reflect"
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/manifest"
)

// blobFS is a file system that knows the hashes of its files, as one over a
// Git tree does, and counts how often each is opened.
type blobFS struct {
	fstest.MapFS
	opened map[string]int
}

type blob string

func (b blob) Hash() string { return string(b) }

func newBlobFS(files fstest.MapFS) *blobFS {
	for _, f := range files {
		f.Sys = blob(fmt.Sprintf("%x", sha256.Sum256(f.Data)))
	}
	return &blobFS{files, map[string]int{}}
}

func (b *blobFS) Open(name string) (fs.File, error) {
	b.opened[name]++
	return b.MapFS.Open(name)
}

func (b *blobFS) ReadDir(name string) ([]fs.DirEntry, error) { return b.MapFS.ReadDir(name) }

func files() fstest.MapFS {
	return tree(
		"app.yaml", doc("App", "shop", ""),
		"web.yaml", doc("Service", "web", "{image: web, files: [{config: c, key: k, path: /k}]}"),
		"config.yaml", doc("Config", "c", "{files: {k: content.txt}}"),
		"content.txt", "one",
	)
}

func TestKnownFilesAreNotReadAgain(t *testing.T) {
	loader := manifest.NewLoader(manifest.Options{})
	first, err := loader.Load(newBlobFS(files()))
	if err != nil {
		t.Fatal(err)
	}
	again := newBlobFS(files())
	second, err := loader.Load(again)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"app.yaml", "web.yaml", "config.yaml", "content.txt"} {
		if again.opened[name] > 0 {
			t.Errorf("%s was read again", name)
		}
	}
	if !reflect.DeepEqual(first, second) {
		t.Error("the second load gives other documents")
	}
}

func TestChangedFilesAreReadAgain(t *testing.T) {
	loader := manifest.NewLoader(manifest.Options{})
	if _, err := loader.Load(newBlobFS(files())); err != nil {
		t.Fatal(err)
	}
	changed := files()
	changed["web.yaml"].Data = []byte(doc("Service", "web", "{image: 'web:2', files: [{config: c, key: k, path: /k}]}"))
	changed["content.txt"].Data = []byte("two")
	set, err := loader.Load(newBlobFS(changed))
	if err != nil {
		t.Fatal(err)
	}
	content, _ := set.Configs[0].Content("k")
	if set.Services[0].Spec.Image != "web:2" || string(content) != "two" {
		t.Errorf("image %s, content %q", set.Services[0].Spec.Image, content)
	}
}

// What concerns several files is checked even if none of them changed.
func TestKnownFilesAreCheckedTogether(t *testing.T) {
	loader := manifest.NewLoader(manifest.Options{})
	if _, err := loader.Load(newBlobFS(files())); err != nil {
		t.Fatal(err)
	}
	without := files()
	delete(without, "config.yaml")
	if _, err := loader.Load(newBlobFS(without)); err == nil {
		t.Error("a service whose config is gone was accepted")
	}
}

// The same bytes at two places are two documents, each with its own place.
func TestSameContentInTwoFiles(t *testing.T) {
	loader := manifest.NewLoader(manifest.Options{})
	fsys := tree("a/app.yaml", doc("App", "a", ""), "a/v.yaml", doc("Volume", "v", ""), "b/v.yaml", doc("Volume", "v", ""), "b/bad.yaml", "a: b", "c/bad.yaml", "a: b")
	const foreign = ":1:1: is not a manifest: it has no apiVersion and no kind (name the file in .tallymanignore if it is meant for something else)"
	want := "b/bad.yaml" + foreign + "\n" +
		`b/v.yaml:1:58: metadata.name: Volume "v" exists already, in app "a"; names are shared by all apps (the other one is at a/v.yaml:1:58)` + "\n" +
		"c/bad.yaml" + foreign
	for range 2 {
		if _, err := loader.Load(newBlobFS(fsys)); err == nil || err.Error() != want {
			t.Errorf("got %v", err)
		}
	}
}

// A moved file belongs to another app, although its bytes are known.
func TestMovedFileChangesItsApp(t *testing.T) {
	loader := manifest.NewLoader(manifest.Options{})
	for dir, want := range map[string]string{"shop": "shop", "other": "default"} {
		set, err := loader.Load(newBlobFS(tree("shop/app.yaml", doc("App", "shop", ""), dir+"/v.yaml", doc("Volume", "v", ""))))
		if err != nil {
			t.Fatal(err)
		}
		if got := set.Volumes[0]; got.App != want || got.File != dir+"/v.yaml" {
			t.Errorf("app %q, file %q", got.App, got.File)
		}
	}
}

// Revisions that are looked at in turn do not push each other out; one that is
// not looked at any more is forgotten.
func TestForgetting(t *testing.T) {
	loader := manifest.NewLoader(manifest.Options{})
	old := tree("old.yaml", doc("Volume", "old", ""))
	opened := func(fsys fstest.MapFS) int {
		counting := newBlobFS(fsys)
		if _, err := loader.Load(counting); err != nil {
			t.Fatal(err)
		}
		return counting.opened["old.yaml"]
	}
	if opened(old) != 1 {
		t.Error("the first load did not read the file")
	}
	for i := range 3 {
		opened(tree("new.yaml", doc("Volume", fmt.Sprintf("new-%d", i), "")))
		if opened(old) != 0 {
			t.Error("the file was read again")
		}
	}
	for range 20 {
		opened(tree("new.yaml", doc("Volume", "new", "")))
	}
	if opened(old) != 1 {
		t.Error("the file was still remembered")
	}
}
