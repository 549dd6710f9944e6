package git

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLocalRepositoryIsFollowed(t *testing.T) {
	s := newSourceWith(t, "app/web.yaml", "one")
	for name, url := range map[string]string{
		"work tree": s.dir, "dot git": filepath.Join(s.dir, ".git"), "file url": "file://" + s.dir,
	} {
		t.Run(name, func(t *testing.T) {
			r := follow(t, url)
			wantFetch(t, r, s.head())
			wantFetch(t, r, s.commit("next", "app/web.yaml", name))
			tree, err := r.Tree(s.head(), "app")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := fs.ReadFile(tree, "web.yaml"); err != nil || string(got) != name {
				t.Errorf("read %q, %v", got, err)
			}
		})
	}
}

func TestCommitSaysWhoAndWhat(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	s.commit("fix \x1b[31mcolours\n\nbody", "a", "2")
	c := mustFetch(t, follow(t, s.dir))
	if c.Author != "Ann" || c.Email != "ann@example.com" || c.Subject != "fix [31mcolours" || c.Time.IsZero() {
		t.Errorf("got %+v", c)
	}
	if c.Short() != c.ID[:12] {
		t.Errorf("short id %q of %q", c.Short(), c.ID)
	}
}

func TestBareAndLinkedWorkTreesAndPackedRefs(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	bare := s.bare()
	wantFetch(t, follow(t, bare), s.head())

	linked := filepath.Join(filepath.Dir(s.dir), "linked")
	s.git("worktree", "add", "-q", "-b", "other", linked)
	wantFetch(t, follow(t, linked), s.head())

	s.git("pack-refs", "--all")
	s.git("gc", "-q")
	wantFetch(t, follow(t, s.dir), s.head())
}

func TestBorrowedObjectsAreCopied(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	borrower := filepath.Join(t.TempDir(), "borrower.git")
	s.git("clone", "-q", "--bare", "--shared", s.dir, borrower)
	r := follow(t, borrower)
	wantFetch(t, r, s.head())
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Tree(mustFetch(t, r).ID, "."); err != nil {
		t.Error(err)
	}
}

func TestForcePushAndDeletedBranch(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	first := s.head()
	r := follow(t, s.dir)
	second := s.commit("second", "a", "2")
	wantFetch(t, r, second)

	s.git("reset", "-q", "--hard", first)
	wantFetch(t, r, first)
	third := s.commit("third", "a", "3")
	wantFetch(t, r, third)
	if _, err := r.Tree(second, "."); err != nil {
		t.Errorf("what was fetched once is gone after a force-push: %v", err)
	}

	s.git("checkout", "-q", "-b", "aside")
	s.git("branch", "-q", "-D", "main")
	_, err := r.Fetch(context.Background())
	if !errors.Is(err, ErrBranchNotFound) {
		t.Fatalf("deleted branch: %v", err)
	}
	wantError(t, err, `"main"`, "the remote has aside")

	s.git("checkout", "-q", "--orphan", "main")
	wantFetch(t, r, s.commit("unrelated", "b", "1"))
}

func TestNoSuchRepository(t *testing.T) {
	_, err := follow(t, filepath.Join(t.TempDir(), "nowhere")).Fetch(context.Background())
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
	_, err = follow(t, t.TempDir()).Fetch(context.Background())
	wantError(t, err, "not a Git repository")
	if err := follow(t, filepath.Join(t.TempDir(), "nowhere")).Present(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder is taken for present: %v", err)
	}
	wantError(t, follow(t, t.TempDir()).Present(), "not a Git repository")
	for _, there := range []string{newSource(t).dir, "https://127.0.0.1:1/nowhere.git"} {
		if err := follow(t, there).Present(); err != nil {
			t.Errorf("%s: %v", there, err)
		}
	}
}

func TestEmptyRepository(t *testing.T) {
	s := newSource(t)
	r := follow(t, s.dir)
	if _, err := r.Fetch(context.Background()); !errors.Is(err, ErrEmptyRepository) {
		t.Fatalf("got %v", err)
	}
	if _, err := r.Resolve(context.Background(), "HEAD"); !errors.Is(err, ErrEmptyRepository) {
		t.Errorf("got %v", err)
	}
	wantFetch(t, r, s.commit("first", "a", "1"))
}

func TestBranchAndTagOfOneNameAreAmbiguous(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	s.git("tag", "main")
	_, err := follow(t, s.dir).Fetch(context.Background())
	if !errors.Is(err, ErrAmbiguous) {
		t.Fatalf("got %v", err)
	}
	wantError(t, err, "refs/heads/main", "refs/tags/main")
	wantFetch(t, follow(t, s.dir, func(c *Config) { c.Branch = "refs/heads/main" }), s.head())
}

func TestDefaultBranchIsTheRemotesHead(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	s.git("checkout", "-q", "-b", "trunk")
	wantFetch(t, follow(t, s.dir, func(c *Config) { c.Branch = "" }), s.commit("on trunk", "a", "2"))
}

func TestShallowSource(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	s.commit("second", "a", "2")
	s.commit("third", "a", "3")
	clone := source{t, filepath.Join(t.TempDir(), "clone")}
	s.git("clone", "-q", "--depth", "2", "file://"+s.dir, clone.dir)
	r := follow(t, clone.dir)
	wantFetch(t, r, s.head())
	if log, err := r.Log(context.Background(), s.head(), 10); err != nil || len(log) != 2 {
		t.Errorf("history of a shallow source: %v, %v", log, err)
	}
	_, err := r.Resolve(context.Background(), "HEAD~2")
	wantError(t, err, "shallow")
	wantFetch(t, r, clone.commit("fourth", "a", "4"))
}

func TestUnsupportedFormatSaysSo(t *testing.T) {
	s := source{t, t.TempDir()}
	s.git("init", "-q", "-b", "main", "--object-format=sha256")
	s.commit("first", "a", "1")
	_, err := follow(t, s.dir).Fetch(context.Background())
	wantError(t, err, "sha256", "not supported")
}

func TestEverythingInTheStateDirectoryIsPrivate(t *testing.T) {
	s := newSourceWith(t, "a", "1")
	r := follow(t, s.dir)
	mustFetch(t, r)
	err := filepath.WalkDir(r.cfg.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", strings.TrimPrefix(name, r.cfg.Dir), info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
