// Package gittest shows repositories over http as a Git server does, for the
// tests of what follows them. It knows no credentials and no faults: each test
// puts its own door in front of it.
package gittest

import (
	"io"
	"net/http"
	"net/http/cgi"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Backend is Git's own http-backend over the bare repositories below root.
func Backend(t testing.TB, root string) http.Handler {
	t.Helper()
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatalf("git is needed for this test: apt-get install -y git: %v", err)
	}
	return &cgi.Handler{
		Stderr: io.Discard,
		Path:   filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		// The repositories may belong to another user than the one who runs it.
		Env: []string{
			"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1",
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
		},
	}
}
