package git

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// source is a repository made by git itself, in a folder of the test.
type source struct {
	t   testing.TB
	dir string
}

func newSource(t testing.TB) source {
	t.Helper()
	s := source{t, filepath.Join(t.TempDir(), "shop")}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.git("init", "-q", "-b", "main")
	return s
}

// newSourceWith has one commit with the files, given as path and content.
func newSourceWith(t testing.TB, files ...string) source {
	t.Helper()
	s := newSource(t)
	s.commit("first", files...)
	return s
}

func (s source) git(args ...string) string {
	s.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes files, given as path and content, commits, and returns the id.
func (s source) commit(subject string, files ...string) string {
	s.t.Helper()
	for i := 0; i < len(files); i += 2 {
		s.write(files[i], files[i+1])
	}
	s.git("add", "-A")
	s.git("commit", "-q", "--allow-empty", "-m", subject)
	return s.head()
}

func (s source) write(name, content string) {
	s.t.Helper()
	full := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s source) head() string { return s.git("rev-parse", "HEAD") }

// bare is a bare clone beside the work tree, for servers.
func (s source) bare() string {
	s.t.Helper()
	dir := s.dir + ".git"
	s.git("clone", "-q", "--bare", s.dir, dir)
	return dir
}

// follow opens a repository on branch main with its mirror in a new folder.
func follow(t testing.TB, url string, change ...func(*Config)) *Repository {
	t.Helper()
	cfg := Config{URL: url, Branch: "main", Dir: filepath.Join(t.TempDir(), "state"), Timeout: 20 * time.Second}
	for _, c := range change {
		c(&cfg)
	}
	r, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustFetch(t *testing.T, r *Repository) Commit {
	t.Helper()
	c, err := r.Fetch(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wantFetch fetches and expects the commit.
func wantFetch(t *testing.T, r *Repository, id string) {
	t.Helper()
	if c := mustFetch(t, r); c.ID != id {
		t.Fatalf("fetched %s, want %s", c.ID, id)
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// gitWith runs git with an input.
func (s source) gitWith(input io.Reader, args ...string) {
	s.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = s.dir, input
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func mustID(t testing.TB, id string) plumbing.Hash {
	t.Helper()
	hash, err := parseID(id)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}
