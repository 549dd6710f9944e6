package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/hooksign"
)

const hookSecret = "0123456789abcdef-of-tests"

// file is one with a text, as somebody gives a secret.
func file(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// forgeApp follows a repository, with the flags as they are by themselves.
func forgeApp(t *testing.T, repo string) (*app, *forgeFlags) {
	t.Helper()
	a := &app{lookupEnv: func(string) (string, bool) { return "", false }}
	a.global.repo, a.global.branch, a.global.stateDir = repo, "main", t.TempDir()
	return a, &forgeFlags{
		context: "tallyman", poll: time.Minute, revert: revertAsk,
		webhook: webhookFlags{listen: "127.0.0.1:0", secretFile: file(t, hookSecret, 0o600)},
	}
}

// TestAMessageMayNameTheRepositoryEitherWay: as the forge does, and by any Git URL,
// with a forge and without one.
func TestAMessageMayNameTheRepositoryEitherWay(t *testing.T) {
	send := func(w *forgeWork, body string) int {
		stamp := strconv.FormatInt(time.Now().Unix(), 10)
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set(hooksign.HeaderTimestamp, stamp)
		r.Header.Set(hooksign.HeaderSignature, hooksign.Sign([]byte(hookSecret), stamp, []byte(body)))
		answer := httptest.NewRecorder()
		w.hook.ServeHTTP(answer, r)
		return answer.Code
	}
	for _, kind := range []string{"", "github", "gitlab", "gitea"} {
		for _, repo := range []string{"https://git.example.com/acme/shop.git", "git@git.example.com:acme/shop.git"} {
			a, f := forgeApp(t, repo)
			if f.kind = kind; kind != "" {
				f.tokenFile = file(t, "token", 0o600)
			}
			w, err := a.newForgeWork(f, false)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = w.listener.Close() })
			for name, want := range map[string]int{
				"acme/shop": 202, "https://git.example.com/acme/shop": 202, "https://git.example.com/acme/shop.git": 202,
				"ssh://git@git.example.com/acme/shop.git": 202, "acme/other": 403, "shop": 403, "https://elsewhere.example.com/acme/shop": 403,
			} {
				if got := send(w, `{"repository":"`+name+`"}`); got != want {
					t.Errorf("kind %q at %s, about %s: answered %d, want %d", kind, repo, name, got, want)
				}
			}
		}
	}
}
