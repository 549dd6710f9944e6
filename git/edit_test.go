package git

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// host is a bare repository behind one of the ways to reach it.
type host struct {
	source        // a clone to work in
	bare   string // what is pushed to
	url    string
	config func(*Config)
	// readOnly takes the right to write away and leaves that to read.
	readOnly func()
	declined []string // what is said when a hook declines
}

var declined = []string{"pre-receive hook declined", "main is protected"}

// hosts are all ways to reach a repository. The work tree is pushed by hand.
func hosts() map[string]func(*testing.T) host {
	return map[string]func(*testing.T) host{"https": httpsHost, "ssh": sshHost, "file": fileHost}
}

func newHost(t *testing.T) host {
	s, root, _ := pushed(t)
	h := host{source: s, declined: declined, bare: filepath.Join(root, "shop.git")}
	s.git("-C", h.bare, "config", "http.receivepack", "true")
	s.git("fetch", "-q", "origin")
	s.git("branch", "-q", "--set-upstream-to=origin/main")
	return h
}

func (h host) push() {
	h.t.Helper()
	h.git("push", "-q", "--force", "origin", "main")
}

// there is what the branch is at the remote.
func (h host) there(rev string) string {
	h.t.Helper()
	return h.git("-C", h.bare, "rev-parse", rev)
}

func (h host) hook(name, script string) {
	h.t.Helper()
	file := filepath.Join(h.bare, "hooks", name)
	overwrite(h.t, file, "#!/bin/sh\n"+script+"\n")
	if err := os.Chmod(file, 0o755); err != nil { //nolint:gosec // a hook is a program
		h.t.Fatal(err)
	}
}

func httpsHost(t *testing.T) host {
	h := newHost(t)
	server := httptest.NewTLSServer(newGitServer(t, filepath.Dir(h.bare)).Config.Handler)
	t.Cleanup(server.Close)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	overwrite(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	h.url = server.URL + "/shop.git"
	password := withPassword(t, testSecret)
	h.config = func(c *Config) { password(c); c.CAFile = ca }
	h.readOnly = func() { h.git("-C", h.bare, "config", "http.receivepack", "false") }
	return h
}

// A local repository is denied by its hooks, which are not run.
func fileHost(t *testing.T) host {
	h := newHost(t)
	h.url, h.config = h.bare, func(*Config) {}
	h.readOnly = func() { h.hook("update", "exit 0") }
	h.declined = []string{`hook "pre-receive"`, "hooks are not run"}
	return h
}

func sshHost(t *testing.T) host {
	h := newHost(t)
	server := newSSHServer(t)
	h.url, h.config = server.url(h.bare), server.auth("key")
	h.readOnly = func() {
		only := `command="case \"$SSH_ORIGINAL_COMMAND\" in git-upload-pack*) eval \"$SSH_ORIGINAL_COMMAND\";; *) echo this key is read-only >&2; exit 1;; esac" `
		overwrite(t, server.file("authorized"), only+server.read("key.pub"))
	}
	return h
}

func (h host) follow() *Repository { return follow(h.t, h.url, h.config) }

func onEachHost(t *testing.T, test func(t *testing.T, h host)) {
	for name, make := range hosts() {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
}

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

// The branch moves between our look and our push, as often as a hook says.
func moving(h host, times int) {
	h.hook("pre-receive", fmt.Sprintf(`cd %q; n=$(cat moved 2>/dev/null || echo 0)
[ $n -lt %d ] || exit 0
echo $((n+1)) > moved
unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
export GIT_AUTHOR_NAME=Bob GIT_AUTHOR_EMAIL=bob@example.com GIT_COMMITTER_NAME=Bob GIT_COMMITTER_EMAIL=bob@example.com
git update-ref refs/heads/main $(git commit-tree -p main -m "Bob $n" main^{tree})`, h.bare, times))
}

func TestMovedBranchIsTriedAgain(t *testing.T) {
	for name, make := range map[string]func(*testing.T) host{"https": httpsHost, "ssh": sshHost} {
		t.Run(name, func(t *testing.T) {
			h := make(t)
			good := h.git("rev-parse", "HEAD")
			h.commit("bad", "dir/b", "3")
			h.push()
			moving(h, 2)
			c := mustRestore(t, h.follow(), restoring("dir", good))
			if h.there("main") != c.ID || h.there("main:dir") != h.git("rev-parse", good+":dir") {
				t.Errorf("the branch is at %s", h.there("main"))
			}
			if log := h.git("-C", h.bare, "log", "-4", "--format=%s", "main"); log != "Roll shop back\nBob 1\nBob 0\nbad" {
				t.Errorf("history %q", log)
			}
		})
	}
}

func TestBranchThatMovesBeforeThePush(t *testing.T) {
	onEachHost(t, func(t *testing.T, h host) {
		calls := 0
		c, err := h.follow().Edit(context.Background(), robot, func(d *Draft) error {
			if calls++; calls < 3 {
				h.commit("meanwhile", "a", fmt.Sprint("meanwhile ", calls))
				h.push()
			}
			a, err := d.ReadFile("a")
			return errors.Join(err, d.WriteFile("a", append(a, " and more"...)))
		})
		if err != nil || calls != 3 {
			t.Fatalf("%v after %d calls", err, calls)
		}
		if h.there("main") != c.ID || h.there("main~1") != h.head() || h.git("-C", h.bare, "show", "main:a") != "meanwhile 2 and more" {
			t.Error("the commit is not on top of what came meanwhile")
		}
	})
}

func TestBranchThatKeepsMovingIsGivenUp(t *testing.T) {
	h := httpsHost(t)
	good := h.git("rev-parse", "HEAD")
	h.commit("bad", "dir/b", "3")
	h.push()
	moving(h, 1000)
	_, err := h.follow().Restore(context.Background(), restoring("dir", good))
	if !errors.Is(err, ErrBranchMoved) {
		t.Errorf("got %v", err)
	}
}

func TestDeniedPushSaysSo(t *testing.T) {
	onEachHost(t, func(t *testing.T, h host) {
		good := h.git("rev-parse", "HEAD")
		h.commit("bad", "dir/b", "3")
		h.push()
		for _, c := range []struct {
			name string
			deny func()
			says []string
		}{
			{"hook", func() { h.hook("pre-receive", "echo main is protected >&2; exit 1") },
				h.declined},
			{"read-only", h.readOnly, []string{"push denied"}},
		} {
			c.deny()
			before := h.there("main")
			r := h.follow()
			_, err := r.Restore(context.Background(), restoring("dir", good))
			if !errors.Is(err, ErrPushDenied) {
				t.Errorf("%s: got %v", c.name, err)
			}
			wantError(t, err, c.says...)
			wantNoSecret(t, err, testSecret)
			if h.there("main") != before {
				t.Errorf("%s: the branch moved all the same", c.name)
			}
			wantFetch(t, r, before)
		}
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

// The server took the commit and the connection broke before it could say so.
func TestLostAnswerIsNotTheEndOfIt(t *testing.T) {
	h := newHost(t)
	backend := newGitServer(t, filepath.Dir(h.bare)).Config.Handler
	var broken atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/git-receive-pack") && broken.Add(1) == 1 {
			backend.ServeHTTP(httptest.NewRecorder(), req)
			panic(http.ErrAbortHandler)
		}
		backend.ServeHTTP(w, req)
	}))
	defer server.Close()
	r := follow(t, server.URL+"/shop.git", withPassword(t, testSecret))
	c, err := r.Edit(context.Background(), robot, func(d *Draft) error { return d.WriteFile("a", []byte("new")) })
	if err != nil || c.ID != h.there("main") || h.there("main~1") != h.head() || broken.Load() != 1 {
		t.Errorf("made %s, %v; the branch is at %s after %d pushes", c.ID, err, h.there("main"), broken.Load())
	}
}

func TestPushErrorsNeverShowCredentials(t *testing.T) {
	h := httpsHost(t)
	h.hook("pre-receive", `echo "you are $HTTP_AUTHORIZATION" >&2; exit 1`)
	write := func(d *Draft) error { return d.WriteFile("a", []byte("2")) }
	err := edit1(h.follow(), write)
	wantError(t, err, "you are Basic [redacted]")
	wantNoSecret(t, err, testSecret, "cm9ib3Q6")
	reader := follow(t, h.url, h.config, func(c *Config) { c.Auth.PasswordFile = ""; c.Auth.PasswordEnv = "TEST_NOT_SET" })
	wantNoSecret(t, edit1(reader, write), testSecret)
}

// Forges do much of their work after they have said yes.
func TestServerMayFinishItsHooks(t *testing.T) {
	for name, make := range map[string]func(*testing.T) host{"https": httpsHost, "ssh": sshHost} {
		t.Run(name, func(t *testing.T) {
			h := make(t)
			h.hook("post-receive", "for i in 1 2 3 4 5; do echo working; sleep 0.05; done; touch finished")
			if err := edit1(h.follow(), func(d *Draft) error { return d.WriteFile("./a/", []byte("2")) }); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(h.bare, "finished")); err != nil {
				t.Errorf("the hook was cut off: %v", err)
			}
		})
	}
}
