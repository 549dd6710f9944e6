package git

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

func TestTreeIsAFileSystem(t *testing.T) {
	files := []string{"README", "hi", "apps/shop/web.yaml", "web", "apps/shop/db.yaml", "db", "apps.txt", "sorts before apps/", "apps/empty", ""}
	s := newSourceWith(t, files...)
	r := follow(t, s.dir)
	mustFetch(t, r)
	tree, err := r.Tree(s.head(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(tree, "README", "apps.txt", "apps/shop/web.yaml", "apps/shop/db.yaml", "apps/empty"); err != nil {
		t.Error(err)
	}
	sub, err := r.Tree(s.head(), "./apps/shop/")
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(sub, "web.yaml", "db.yaml"); err != nil {
		t.Error(err)
	}
}

func TestHashesTellWhatChanged(t *testing.T) {
	s := newSourceWith(t, "shop/web.yaml", "1", "blog/web.yaml", "1")
	r := follow(t, s.dir)
	mustFetch(t, r)
	before := s.head()
	after := s.commit("blog only", "blog/web.yaml", "2")
	mustFetch(t, r)
	hashes := func(id string) map[string]string {
		tree, err := r.Tree(id, ".")
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, name := range []string{"shop", "blog", "shop/web.yaml", "blog/web.yaml"} {
			info, err := fs.Stat(tree, name)
			if err != nil {
				t.Fatal(err)
			}
			found[name] = info.Sys().(interface{ Hash() string }).Hash()
		}
		return found
	}
	old, now := hashes(before), hashes(after)
	for name, want := range map[string]bool{"shop": true, "shop/web.yaml": true, "blog": false, "blog/web.yaml": false} {
		if same := old[name] == now[name]; same != want {
			t.Errorf("%s: hash stayed the same is %t, want %t", name, same, want)
		}
	}
	if hash, err := r.TreeHash(after, "shop"); err != nil || hash != now["shop"] {
		t.Errorf("TreeHash is %s, %v, want %s", hash, err, now["shop"])
	}
}

func TestMissingPathNamesPathAndRevision(t *testing.T) {
	s := newSourceWith(t, "apps/web.yaml", "1")
	r := follow(t, s.dir)
	mustFetch(t, r)
	for _, path := range []string{"nope", "apps/nope", "apps/web.yaml"} {
		_, err := r.Tree(s.head(), path)
		if !errors.Is(err, ErrPathNotFound) {
			t.Errorf("%s: %v", path, err)
		}
		wantError(t, err, path, s.head()[:12])
	}
	for _, path := range []string{"..", "/etc", "apps/../.."} {
		if _, err := r.Tree(s.head(), path); err == nil {
			t.Errorf("%s: no error", path)
		}
	}
	if _, err := r.Tree(strings.Repeat("0", 40), "."); !errors.Is(err, ErrRevisionNotFound) {
		t.Errorf("unknown commit: %v", err)
	}
}

func TestLimits(t *testing.T) {
	s := newSourceWith(t, "dir/big", strings.Repeat("x", 101), "dir/small", strings.Repeat("x", 100), "a/b/c/d", "deep", "many/1", "", "many/2", "", "many/3", "")
	r := follow(t, s.dir, func(c *Config) { c.Limits = Limits{MaxFileSize: 100, MaxFiles: 6, MaxDepth: 3} })
	mustFetch(t, r)
	tree, err := r.Tree(s.head(), ".")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fs.ReadFile(tree, "dir/small"); err != nil {
		t.Errorf("a file at the limit: %v", err)
	}
	_, err = fs.ReadFile(tree, "dir/big")
	wantError(t, err, "dir/big", "100 bytes")
	_, err = fs.ReadFile(tree, "a/b/c/d")
	wantError(t, err, "a/b/c/d", "3 directories deep")
	_, err = fs.ReadDir(tree, "many")
	wantError(t, err, "many", "more than 6 files")
}

func TestLFSPointerIsNotTakenForTheFile(t *testing.T) {
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("a", 64) + "\nsize 12345\n"
	s := newSourceWith(t, "model.bin", pointer, "about-lfs.md", "version https://git-lfs.github.com/spec/v1 is a format")
	r := follow(t, s.dir)
	mustFetch(t, r)
	tree, err := r.Tree(s.head(), ".")
	if err != nil {
		t.Fatal(err)
	}
	_, err = fs.ReadFile(tree, "model.bin")
	wantError(t, err, "model.bin", "LFS")
	if _, err := fs.ReadFile(tree, "about-lfs.md"); err != nil {
		t.Error(err)
	}
}

// hostile commits a tree that git itself refuses to make.
func hostile(t *testing.T, s source, entries ...object.TreeEntry) string {
	t.Helper()
	dir, err := findGitDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	store, err := dir.open()
	if err != nil {
		t.Fatal(err)
	}
	put := func(o interface {
		Encode(plumbing.EncodedObject) error
	}) plumbing.Hash {
		obj := store.NewEncodedObject()
		if err := o.Encode(obj); err != nil {
			t.Fatal(err)
		}
		id, err := store.SetEncodedObject(obj)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	root := rawTree(t, store.NewEncodedObject(), entries)
	rootID, err := store.SetEncodedObject(root)
	if err != nil {
		t.Fatal(err)
	}
	id := put(&object.Commit{Message: "hostile", TreeHash: rootID})
	s.git("update-ref", "refs/heads/main", id.String())
	return id.String()
}

// rawTree is the bytes of a tree: go-git's own encoder checks the names too.
func rawTree(t *testing.T, obj plumbing.EncodedObject, entries []object.TreeEntry) plumbing.EncodedObject {
	t.Helper()
	obj.SetType(plumbing.TreeObject)
	w, err := obj.Writer()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, err := fmt.Fprintf(w, "%o %s\x00%s", uint32(e.Mode), e.Name, e.Hash[:]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return obj
}

func TestInadmissibleNamesSpoilTheListing(t *testing.T) {
	for _, name := range []string{"..", ".", "", ".git", ".GIT", "a/b", "/etc", `a\b`, "a\nb", "\x1b[31m", "\xff"} {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			s := newSourceWith(t, "a", "content")
			blob := plumbing.NewHash(s.git("rev-parse", "HEAD:a"))
			id := hostile(t, s, object.TreeEntry{Name: name, Mode: filemode.Regular, Hash: blob}, object.TreeEntry{Name: "good", Mode: filemode.Regular, Hash: blob})
			r := follow(t, s.dir)
			wantNoFiles(t, r, id)
		})
	}
}

func TestNameTwiceSpoilsTheListing(t *testing.T) {
	s := newSourceWith(t, "a", "content")
	blob := plumbing.NewHash(s.git("rev-parse", "HEAD:a"))
	id := hostile(t, s, object.TreeEntry{Name: "x", Mode: filemode.Regular, Hash: blob}, object.TreeEntry{Name: "x", Mode: filemode.Symlink, Hash: blob})
	wantNoFiles(t, follow(t, s.dir), id)
}

// wantNoFiles expects an error at some step before anything is listed.
func wantNoFiles(t *testing.T, r *Repository, id string) {
	t.Helper()
	if _, err := r.Fetch(t.Context()); err != nil {
		return
	}
	tree, err := r.Tree(id, ".")
	if err != nil {
		return
	}
	if entries, err := fs.ReadDir(tree, "."); err == nil {
		t.Errorf("listed %v", entries)
	}
	if _, err := fs.ReadFile(tree, "good"); err == nil {
		t.Error("read a file of a spoilt directory")
	}
}

func TestLinksAndSubmodulesAreListedButNotOpened(t *testing.T) {
	s := newSourceWith(t, "a", "/etc/passwd")
	blob := plumbing.NewHash(s.git("rev-parse", "HEAD:a"))
	id := hostile(t, s,
		object.TreeEntry{Name: "link", Mode: filemode.Symlink, Hash: blob},
		object.TreeEntry{Name: "module", Mode: filemode.Submodule, Hash: plumbing.NewHash(s.head())},
		object.TreeEntry{Name: "plain", Mode: filemode.Regular, Hash: blob})
	r := follow(t, s.dir)
	mustFetch(t, r)
	tree, err := r.Tree(id, ".")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := fs.ReadDir(tree, ".")
	if err != nil || len(entries) != 3 {
		t.Fatalf("listed %v, %v", entries, err)
	}
	if entries[0].Type() != fs.ModeSymlink || entries[1].Type() != fs.ModeIrregular {
		t.Errorf("types %v", entries)
	}
	for name, reason := range map[string]string{"link": "symbolic link", "module": "submodule", "link/x": "not exist"} {
		_, err := fs.ReadFile(tree, name)
		wantError(t, err, name, reason)
	}
	if _, err := fs.ReadFile(tree, "plain"); err != nil {
		t.Error(err)
	}
	if _, err := r.Tree(id, "link"); !errors.Is(err, ErrPathNotFound) {
		t.Errorf("a link as root: %v", err)
	}
}
