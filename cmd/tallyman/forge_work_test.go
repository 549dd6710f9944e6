package main

import (
	"bytes"
	"log/slog"
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
			w.log = slog.New(slog.DiscardHandler)
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

// TestWhatIsWrongIsSaidByItsFlag at the start, and never blamed on the forge.
func TestWhatIsWrongIsSaidByItsFlag(t *testing.T) {
	token := file(t, "token", 0o600)
	for want, spoil := range map[string]func(*forgeFlags){
		"--webhook-listen needs --webhook-secret-file":                         func(f *forgeFlags) { f.webhook.secretFile = "" },
		"--webhook-secret-file: read secret of webhooks: open /nowhere":        func(f *forgeFlags) { f.webhook.secretFile = "/nowhere" },
		"--forge needs --forge-token-file":                                     func(f *forgeFlags) { f.tokenFile = "" },
		"--forge-token-file: read token: open /nowhere":                        func(f *forgeFlags) { f.tokenFile = "/nowhere" },
		"has to hold a token and nothing else":                                 func(f *forgeFlags) { f.tokenFile = file(t, "", 0o600) },
		`--forge: "gogs" is no kind of forge; there are github, gitlab and gi`: func(f *forgeFlags) { f.kind = "gogs" },
	} {
		a, f := forgeApp(t, "https://git.example.com/acme/shop.git")
		f.kind, f.tokenFile = "gitea", token
		spoil(f)
		if _, err := a.newForgeWork(f, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	a, f := forgeApp(t, "https://git.example.com/acme/shop.git")
	f.kind, f.tokenFile = "gitea", token
	if _, err := a.newForgeWork(f, true); err == nil || !strings.Contains(err.Error(), "--simulate can't be used with --forge:") {
		t.Errorf("with --simulate: %v", err)
	}
}

// TestSecretsThatOthersMayReadAreToldOf, each once and by its flag.
func TestSecretsThatOthersMayReadAreToldOf(t *testing.T) {
	var log bytes.Buffer
	a, f := forgeApp(t, "https://git.example.com/acme/shop.git")
	f.tokenFile, f.webhook.secretFile, f.webhook.key = file(t, "token", 0o644), file(t, hookSecret, 0o640), "/nowhere"
	a.global.gitTokenFile = file(t, "token", 0o600)
	w := &forgeWork{app: a, flags: f, log: slog.New(slog.NewTextHandler(&log, nil))}
	w.warnOfReadable()
	for flag, want := range map[string]int{"--forge-token-file": 1, "--webhook-secret-file": 1, "--webhook-tls-key": 0, "--git-token-file": 0} {
		if got := strings.Count(log.String(), flag); got != want {
			t.Errorf("%s is told of %d times, want %d:\n%s", flag, got, want, log.String())
		}
	}
	if strings.Contains(log.String(), hookSecret) {
		t.Error("the log has the secret")
	}
}
