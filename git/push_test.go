package git

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

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
