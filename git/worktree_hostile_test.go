package git

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Nothing of what a repository brings along is run, and its settings send us
// nowhere else.
func TestRepositoryRunsNothing(t *testing.T) {
	s, good := spoiled(t)
	canary := filepath.Join(t.TempDir(), "canary")
	for _, hook := range []string{"pre-commit", "commit-msg", "post-commit", "post-checkout", "post-index-change"} {
		overwrite(t, filepath.Join(s.dir, ".git/hooks", hook), "#!/bin/sh\ntouch "+canary+"\n")
		if err := os.Chmod(filepath.Join(s.dir, ".git/hooks", hook), 0o755); err != nil { //nolint:gosec // a hook is a program
			t.Fatal(err)
		}
	}
	s.write(".git/info/attributes", "* filter=evil")
	for _, setting := range [][]string{{"filter.evil.clean", "touch " + canary}, {"filter.evil.smudge", "touch " + canary}, {"core.fsmonitor", "touch " + canary}} {
		s.git(append([]string{"config"}, setting...)...)
	}
	c := mustRestore(t, follow(t, s.dir), restoring("shop", good))
	if _, err := os.Stat(canary); err == nil {
		t.Error("something of the repository's was run")
	}
	if got := s.git("rev-parse", "main"); got != c.ID {
		t.Errorf("main is %s", got)
	}
	elsewhere := t.TempDir()
	s.git("config", "core.worktree", elsewhere)
	_, err := follow(t, s.dir).Restore(context.Background(), restoring("shop", c.ID+"~1"))
	wantError(t, err, "checked out")
	if names, _ := os.ReadDir(elsewhere); len(names) > 0 {
		t.Errorf("wrote %v into a folder that is none of its", names)
	}
}

func TestHooksThatGuardARepositoryAreNotPassedOver(t *testing.T) {
	for name, c := range map[string]struct{ config, dir string }{
		"its own": {"", ".git/hooks"}, "in the work tree": {".husky", ".husky"}, "elsewhere": {"/", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, good := spoiled(t)
			dir := filepath.Join(s.dir, c.dir)
			if c.config == "/" {
				dir = t.TempDir()
				c.config = dir
			}
			if c.config != "" {
				s.git("config", "core.hooksPath", c.config)
			}
			if err := os.MkdirAll(dir, 0o750); err != nil {
				t.Fatal(err)
			}
			overwrite(t, filepath.Join(dir, "pre-receive"), "#!/bin/sh\n")
			o := restoring("shop", good)
			if err := os.Chmod(filepath.Join(dir, "pre-receive"), 0o755); err != nil { //nolint:gosec // a hook is a program
				t.Fatal(err)
			}
			_, err := follow(t, s.dir).Restore(context.Background(), o)
			if !errors.Is(err, ErrPushDenied) {
				t.Errorf("got %v", err)
			}
			if err := os.Chmod(filepath.Join(dir, "pre-receive"), 0o644); err != nil { //nolint:gosec // not run any more
				t.Fatal(err)
			}
			mustRestore(t, follow(t, s.dir), o)
		})
	}
}

// shadowed is a folder in which a link to the outside was a folder once.
func shadowed(t *testing.T) (s source, outside, good, link string) {
	t.Helper()
	s, outside = newSource(t), t.TempDir()
	overwrite(t, filepath.Join(outside, "file"), "not in Git")
	good = s.commit("good", "shop/dir/file", "1", "shop/x", "1")
	s.git("rm", "-q", "-r", "shop/dir")
	if err := os.MkdirAll(filepath.Join(s.dir, "shop"), 0o750); err != nil {
		t.Fatal(err)
	}
	s.link(outside, "shop/dir")
	return s, outside, good, s.commit("a link instead")
}

func TestLinksLeadNowhere(t *testing.T) {
	s, outside, good, link := shadowed(t)
	r := follow(t, s.dir)
	for _, from := range []string{good, link, good} {
		s.wantClean(mustRestore(t, r, restoring("shop", from)).ID)
		if data, err := os.ReadFile(filepath.Join(outside, "file")); string(data) != "not in Git" {
			t.Fatalf("the file outside is %q, %v", data, err)
		}
	}
	if names, _ := os.ReadDir(outside); len(names) != 1 {
		t.Errorf("outside there are %v", names)
	}
}

func TestSubmodulesAreLeftToPeople(t *testing.T) {
	s := newSourceWith(t, "shop/x", "1")
	s.git("update-index", "--add", "--cacheinfo", "160000,"+s.head()+",shop/module")
	s.git("commit", "-q", "-m", "with a submodule")
	good := s.head()
	s.git("rm", "-q", "--cached", "shop/module")
	s.git("commit", "-q", "-m", "without")
	bare := source{t, s.bare()}
	_, err := follow(t, s.dir).Restore(context.Background(), restoring("shop", good))
	if !errors.Is(err, ErrDirty) {
		t.Errorf("in a work tree: %v", err)
	}
	c := mustRestore(t, follow(t, bare.dir), restoring("shop", good))
	if bare.git("rev-parse", c.ID+":shop") != s.git("rev-parse", good+":shop") {
		t.Error("not restored where there are no files")
	}
	bare.git("fsck", "--strict")
}

// A revision may hold what no honest one does.
func TestForgedNamesAreNotWritten(t *testing.T) {
	for _, name := range []string{".git", "..", "a/b", "CON\\x"} {
		s := newSourceWith(t, "shop/x", "1")
		blob, err := hex.DecodeString(s.git("rev-parse", "HEAD:shop/x"))
		if err != nil {
			t.Fatal(err)
		}
		overwrite(t, filepath.Join(s.dir, ".git", "forged"), "100644 "+name+"\x00"+string(blob))
		bad := s.git("hash-object", "-t", "tree", "-w", "--literally", ".git/forged")
		id, err := hex.DecodeString(bad)
		if err != nil {
			t.Fatal(err)
		}
		overwrite(t, filepath.Join(s.dir, ".git", "forged"), "40000 shop\x00"+string(id))
		root := s.git("hash-object", "-t", "tree", "-w", "--literally", ".git/forged")
		s.git("tag", "forged", s.git("commit-tree", root, "-m", "forged"))
		before := s.contents()
		if c, err := follow(t, s.dir).Restore(context.Background(), restoring("shop", "forged")); err == nil || s.contents() != before {
			t.Errorf("%q: committed %s, %v", name, c.ID, err)
		}
	}
}
