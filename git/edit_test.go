package git

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

var robot = EditOptions{
	Author:  Signature{"Tally <man>", "tally@example.com"},
	Message: "Roll shop back\n\nTallyman-Rollback: shop",
	When:    time.Unix(1_700_000_000, 0),
}

func restoring(path, from string, except ...string) RestoreOptions {
	return RestoreOptions{EditOptions: robot, Path: path, From: from, Except: except}
}

func mustRestore(t *testing.T, r *Repository, o RestoreOptions) Commit {
	t.Helper()
	c, err := r.Restore(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// files is what a commit holds: mode, path and content of each file.
func (s source) files(rev string) string {
	s.t.Helper()
	return s.git("ls-tree", "-r", rev, "--format=%(objectmode) %(path) %(objectname)")
}

func TestRestoreIsOneCommitOnTop(t *testing.T) {
	onEachHost(t, func(t *testing.T, h host) {
		h.write("shop/run.sh", "run")
		h.git("add", "-A")
		h.git("update-index", "--chmod=+x", "shop/run.sh")
		good := h.commit("good", "shop/web.yaml", "1", "shop/sub/x", "1", "other/y", "1")
		h.git("rm", "-q", "-r", "shop/sub", "shop/run.sh")
		head := h.commit("bad", "shop/web.yaml", "2", "shop/new", "2", "other/y", "2")
		h.push()
		r := h.follow()

		c := mustRestore(t, r, restoring("shop", good))
		if h.there("main") != c.ID || h.there("main~1") != head || h.there("main:shop") != h.git("rev-parse", good+":shop") {
			t.Errorf("the branch is at %s with\n%s", h.there("main"), h.files(good))
		}
		if h.there("main:other") != h.git("rev-parse", head+":other") {
			t.Error("another folder changed")
		}
		if c.Author != "Tally man" || c.Email != "tally@example.com" || c.Subject != "Roll shop back" || !c.Time.Equal(robot.When) {
			t.Errorf("commit %+v", c)
		}
		if by := h.git("-C", h.bare, "log", "-1", "--format=%an %ae %cn %ce %B", "main"); by != "Tally man tally@example.com Tally man tally@example.com "+robot.Message {
			t.Errorf("git sees %q", by)
		}
		h.git("-C", h.bare, "fsck", "--strict")
		wantFetch(t, r, c.ID)
		wantReadable(t, r, c.ID)
		if _, err := r.Restore(context.Background(), restoring("shop", good)); !errors.Is(err, ErrNothingToCommit) {
			t.Errorf("once more gives %v", err)
		}
		h.git("pull", "-q", "--ff-only")
		wantFetch(t, r, func() string { id := h.commit("next", "a", "9"); h.push(); return id }())
	})
}

func TestHostilePathsAreRefused(t *testing.T) {
	h := httpsHost(t)
	head := h.there("main")
	r := h.follow()
	mustFetch(t, r)
	for _, path := range []string{"..", "../x", "/etc", "dir/../..", ".git", "dir/.git/hooks", ".GIT/config", `dir\b`, "a\x00b", "dir/\n"} {
		for name, o := range map[string]RestoreOptions{"path": restoring(path, head), "except": restoring("", head, path)} {
			if c, err := r.Restore(context.Background(), o); err == nil || errors.Is(err, ErrNothingToCommit) {
				t.Errorf("%s %q gives %s, %v", name, path, c.ID, err)
			}
		}
		for name, err := range map[string]error{
			"write":  edit1(r, func(d *Draft) error { return d.WriteFile(path, []byte("x")) }),
			"remove": edit1(r, func(d *Draft) error { return d.Remove(path) }),
		} {
			if err == nil || errors.Is(err, ErrNothingToCommit) {
				t.Errorf("%s %q gives %v", name, path, err)
			}
		}
	}
	if h.there("main") != head {
		t.Error("something was committed")
	}
}

func edit1(r *Repository, change func(*Draft) error) error {
	_, err := r.Edit(context.Background(), robot, change)
	return err
}

func TestRestoreNeverRemovesEverything(t *testing.T) {
	h := httpsHost(t)
	before := h.there("main")
	h.commit("new app", "shop/web", "1")
	h.git("tag", "with-empty", h.git("commit-tree", h.git("hash-object", "-t", "tree", "-w", "/dev/null"), "-m", "empty"))
	h.push()
	h.git("push", "-q", "origin", "with-empty")
	for _, o := range []RestoreOptions{restoring("shop", before), restoring("shop/web", "main"), restoring("", "with-empty")} {
		if _, err := h.follow().Restore(context.Background(), o); !errors.Is(err, ErrPathNotFound) {
			t.Errorf("%q from %s gives %v", o.Path, o.From, err)
		}
	}
	err := edit1(h.follow(), func(d *Draft) error { return errors.Join(d.Remove("shop"), d.Remove("a"), d.Remove("dir")) })
	wantError(t, err, "without files")
}

func TestNestedExcept(t *testing.T) {
	h := httpsHost(t)
	good := h.commit("good", "shop/web", "1", "shop/db/x", "1", "shop/db/deep/y", "1", "shop/gone/z", "1", "shop/old/o", "1")
	h.git("rm", "-q", "-r", "shop/gone")
	head := h.commit("bad", "shop/web", "2", "shop/db/x", "2", "shop/db/deep/y", "2", "shop/new/n", "2", "shop/old/o", "2", "a", "bad")
	h.push()
	r := h.follow()
	c := mustRestore(t, r, restoring("shop", good, "shop/db", "shop/db/deep", "shop/gone", "shop/new", "shop/nowhere/at/all"))
	want := strings.Join([]string{"shop/db/deep/y 2", "shop/db/x 2", "shop/new/n 2", "shop/old/o 1", "shop/web 1"}, "\n")
	var got []string
	for _, path := range strings.Fields(h.git("-C", h.bare, "ls-tree", "-r", "--name-only", c.ID, "shop/")) {
		got = append(got, path+" "+h.git("-C", h.bare, "cat-file", "-p", c.ID+":"+path))
	}
	if strings.Join(got, "\n") != want {
		t.Errorf("files\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	_, err := r.Restore(context.Background(), restoring("shop", head, "dir"))
	wantError(t, err, `except "dir"`, "not below")
	c = mustRestore(t, r, restoring("", good, "shop"))
	if h.there(c.ID+":shop") != h.there(c.ID+"~1:shop") || h.there(c.ID+":a") != h.there(good+":a") {
		t.Error("the root was not restored around the folder")
	}
}

// What was a file then and holds a folder now that is to stay can't be both.
func TestExceptBelowWhatWasAFile(t *testing.T) {
	h := httpsHost(t)
	good := h.commit("good", "shop/db", "a file", "shop/web", "1")
	h.git("rm", "-q", "shop/db")
	h.commit("bad", "shop/db/x", "2")
	h.push()
	_, err := h.follow().Restore(context.Background(), restoring("shop", good, "shop/db/sub", "shop/db/x"))
	wantError(t, err, `"shop/db/x"`, `"db" is not a directory`)
}

// The good revision may be known here alone.
func TestRestoreOfWhatTheRemoteHasLost(t *testing.T) {
	onEachHost(t, func(t *testing.T, h host) {
		lost := h.commit("good once", "dir/b", "good", "dir/sub/c", "good")
		h.push()
		r := h.follow()
		wantFetch(t, r, lost)
		keep(t, r, lost)
		h.git("reset", "-q", "--hard", "HEAD~1")
		h.commit("bad", "dir/b", "bad")
		h.push()
		h.git("-C", h.bare, "reflog", "expire", "--expire=now", "--all")
		h.git("-C", h.bare, "gc", "-q", "--prune=now")
		c := mustRestore(t, r, restoring("dir", lost))
		if h.there(c.ID+":dir") != h.git("rev-parse", lost+":dir") {
			t.Error("not restored")
		}
		h.git("-C", h.bare, "fsck", "--strict")
	})
}

func TestEditWritesAndRemovesFiles(t *testing.T) {
	h := httpsHost(t)
	h.write("run.sh", "run")
	h.git("add", "-A")
	h.git("update-index", "--chmod=+x", "run.sh")
	h.git("commit", "-q", "-m", "executable")
	h.push()
	r := h.follow()
	c, err := r.Edit(context.Background(), robot, func(d *Draft) error {
		old, err := d.ReadFile("run.sh")
		if d.Head().ID != h.head() || string(old) != "run" {
			t.Errorf("head %s with %q, %v", d.Head().ID, old, err)
		}
		err = errors.Join(err, d.WriteFile("run.sh", []byte("run faster")), d.WriteFile("new/deep/file", []byte("x")),
			d.Remove("dir/b"), d.Remove("not/there"))
		if now, err := d.ReadFile("run.sh"); string(now) != "run faster" {
			t.Errorf("the draft shows %q, %v", now, err)
		}
		if _, err := d.ReadFile("dir/b"); !errors.Is(err, ErrPathNotFound) {
			t.Errorf("removed file: %v", err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	h.git("fetch", "-q")
	if got := h.git("diff", "--name-status", c.ID+"~1", c.ID); got != "D\tdir/b\nA\tnew/deep/file\nM\trun.sh" {
		t.Errorf("changed %q", got)
	}
	if mode := h.git("ls-tree", c.ID, "run.sh"); !strings.HasPrefix(mode, "100755 ") {
		t.Errorf("mode of %s", mode)
	}
	stop := errors.New("stop")
	if err := edit1(r, func(*Draft) error { return stop }); err == nil || !strings.Contains(err.Error(), "stop") {
		t.Errorf("an error of the change gives %v", err)
	}
	for name, err := range map[string]error{
		"file as folder": edit1(r, func(d *Draft) error { return d.WriteFile("run.sh/x", nil) }),
		"folder as file": edit1(r, func(d *Draft) error { return d.WriteFile("new", nil) }),
		"everything":     edit1(r, func(d *Draft) error { return d.Remove(".") }),
	} {
		if err == nil || errors.Is(err, ErrNothingToCommit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCommitTextsCannotForgeACommit(t *testing.T) {
	h := httpsHost(t)
	write := func(d *Draft) error { return d.WriteFile("a", []byte("forged")) }
	o := robot
	o.Author.Name = "Eve <root@example.com> 0 +0000\nparent " + strings.Repeat("0", 40) + "\n"
	c, err := h.follow().Edit(context.Background(), o, write)
	if err != nil {
		t.Fatal(err)
	}
	h.git("-C", h.bare, "fsck", "--strict")
	if parents := h.git("-C", h.bare, "log", "-1", "--format=%P", c.ID); parents != h.head() {
		t.Errorf("parents %q", parents)
	}
	for _, o := range []EditOptions{{Author: robot.Author}, {Message: "x"}, {Message: "x", Author: Signature{"<>", "a@b"}}} {
		if _, err := h.follow().Edit(context.Background(), o, write); err == nil {
			t.Errorf("committed with %+v", o)
		}
	}
}

func TestEditNeedsABranch(t *testing.T) {
	h := httpsHost(t)
	h.git("push", "-q", "origin", "HEAD:refs/tags/v1")
	write := func(d *Draft) error { return d.WriteFile("a", []byte("2")) }
	tag := follow(t, h.url, h.config, func(c *Config) { c.Branch = "refs/tags/v1" })
	if err := edit1(tag, write); !errors.Is(err, ErrBranchNotFound) {
		t.Errorf("on a tag: %v", err)
	}
	byHead := follow(t, h.url, h.config, func(c *Config) { c.Branch = "" })
	if err := edit1(byHead, write); err != nil {
		t.Error(err)
	}
	if h.there("main~1") != h.head() {
		t.Error("the remote's own branch was not written to")
	}
}
