package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const secret = "0123456789abcdef-of-tests"

func secretFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func handler(t testing.TB, kind Kind, repositories ...string) *Handler {
	t.Helper()
	if len(repositories) == 0 {
		repositories = []string{"acme/shop"}
	}
	h, err := New(Config{Kind: kind, SecretFile: secretFile(t, secret+"\n"), Repositories: repositories})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func sum(parts ...string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(mac.Sum(nil))
}

// sign makes the request that a forge of the kind would send.
func sign(kind Kind, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	switch kind {
	case GitHub:
		r.Header.Set("X-Hub-Signature-256", "sha256="+sum(body))
	case Gitea:
		r.Header.Set("X-Gitea-Signature", sum(body))
	case GitLab:
		r.Header.Set("X-Gitlab-Token", secret)
	case Generic:
		stamp := strconv.FormatInt(time.Now().Unix(), 10)
		r.Header.Set("X-Tallyman-Timestamp", stamp)
		r.Header.Set("X-Tallyman-Signature", "sha256="+sum(stamp, ".", body))
	}
	return r
}

func send(h *Handler, r *http.Request) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

// The messages, as the forges' documents have them, shortened to what could
// be of use.
const (
	pushGitHub = `{"ref":"refs/heads/main","before":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","after":"0000000000000000000000000000000000000001",
		"repository":{"id":1,"name":"shop","full_name":"acme/shop","html_url":"https://github.com/acme/shop","clone_url":"https://github.com/acme/shop.git","ssh_url":"git@github.com:acme/shop.git"},
		"pusher":{"name":"ann"},"commits":[]}`
	pullGitHub = `{"action":"synchronize","number":7,"pull_request":{"number":7,"state":"open","title":"x",
		"head":{"ref":"feature","sha":"ec26c3e57ca3a959ca5aad62de7213c562f8c821","repo":{"full_name":"stranger/shop","html_url":"https://github.com/stranger/shop"}},
		"base":{"ref":"main","repo":{"full_name":"acme/shop","html_url":"https://github.com/acme/shop","clone_url":"https://github.com/acme/shop.git"}}},
		"repository":{"full_name":"acme/shop"},"sender":{"login":"stranger"}}`
	pushGitLab = `{"object_kind":"push","event_name":"push","ref":"refs/heads/main","checkout_sha":"da1560886d4f094c3e6c9ef40349f7d38b5d27d7",
		"project":{"id":15,"name":"shop","path_with_namespace":"acme/shop","web_url":"https://gitlab.com/acme/shop","git_ssh_url":"git@gitlab.com:acme/shop.git","git_http_url":"https://gitlab.com/acme/shop.git"}}`
	pullGitLab = `{"object_kind":"merge_request","event_type":"merge_request","project":{"path_with_namespace":"acme/shop"},
		"object_attributes":{"iid":7,"target_branch":"main","source_branch":"feature","state":"opened","action":"update",
		"source":{"path_with_namespace":"stranger/shop"},"target":{"path_with_namespace":"acme/shop","web_url":"https://gitlab.com/acme/shop"}}}`
	noteGitLab = `{"object_kind":"note","project":{"path_with_namespace":"acme/shop"},"object_attributes":{"id":1244,"note":"hi"},"merge_request":{"iid":7}}`
	pingGitHub = `{"zen":"Keep it logically awesome.","hook_id":1,"repository":{"full_name":"acme/shop"}}`
)

var (
	push = Hint{Repository: "acme/shop", Ref: "refs/heads/main"}
	pull = Hint{Repository: "acme/shop", Ref: "refs/heads/main", PullRequest: 7}
)

func TestMessagesSayWhereToLook(t *testing.T) {
	for name, c := range map[string]struct {
		kind Kind
		body string
		want []Hint
	}{
		"github push":    {GitHub, pushGitHub, []Hint{push}},
		"github pull":    {GitHub, pullGitHub, []Hint{pull}},
		"github ping":    {GitHub, pingGitHub, nil},
		"gitea push":     {Gitea, pushGitHub, []Hint{push}},
		"gitea pull":     {Gitea, pullGitHub, []Hint{pull}},
		"gitlab push":    {GitLab, pushGitLab, []Hint{push}},
		"gitlab pull":    {GitLab, pullGitLab, []Hint{pull}},
		"gitlab note":    {GitLab, noteGitLab, nil},
		"generic":        {Generic, `{"repository":"acme/shop"}`, []Hint{{Repository: "acme/shop"}}},
		"generic pull":   {Generic, `{"repository":"ACME/Shop.git","ref":"refs/heads/main","pullRequest":7}`, []Hint{pull}},
		"a short ref":    {Generic, `{"repository":"acme/shop","ref":"main","pullRequest":7}`, []Hint{{Repository: "acme/shop", PullRequest: 7}}},
		"a hostile ref":  {GitHub, `{"ref":"refs/heads/../../x","repository":{"full_name":"acme/shop"}}`, nil},
		"a control char": {GitHub, `{"ref":"refs/heads/a\nb","repository":{"full_name":"acme/shop"}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := handler(t, c.kind)
			if status := send(h, sign(c.kind, c.body)); status != http.StatusAccepted {
				t.Fatalf("answered %d", status)
			}
			select {
			case <-h.Wake():
				if len(c.want) == 0 {
					t.Error("there was a wake without a reason")
				}
			default:
				if len(c.want) > 0 {
					t.Error("nobody was woken")
				}
			}
			if got := h.Take(); !slices.Equal(got, c.want) {
				t.Errorf("look at %+v, want %+v", got, c.want)
			}
			if got := h.Take(); got != nil {
				t.Errorf("a second time: %+v", got)
			}
		})
	}
}

func TestAFormIsReadToo(t *testing.T) {
	body := url.Values{"payload": {pushGitHub}}.Encode()
	r := sign(GitHub, body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	h := handler(t, GitHub)
	if status := send(h, r); status != http.StatusAccepted || !slices.Equal(h.Take(), []Hint{push}) {
		t.Errorf("answered %d", status)
	}
}

// TestForgejosSignature: Forgejo sends Gitea's headers under its own name too.
func TestForgejosSignature(t *testing.T) {
	r := sign("", pushGitHub)
	r.Header.Set("X-Forgejo-Signature", sum(pushGitHub))
	if status := send(handler(t, Gitea), r); status != http.StatusAccepted {
		t.Errorf("answered %d", status)
	}
}

func TestWhatIsNotSignedIsRefused(t *testing.T) {
	bodies := map[Kind]string{GitHub: pushGitHub, Gitea: pushGitHub, GitLab: pushGitLab, Generic: `{"repository":"acme/shop"}`}
	old := strconv.FormatInt(time.Now().Add(-time.Hour).Unix(), 10)
	for kind, body := range bodies {
		h := handler(t, kind)
		for name, spoil := range map[string]func(*http.Request){
			"no signature": func(r *http.Request) { clear(r.Header) },
			"a wrong one": func(r *http.Request) {
				for name := range r.Header {
					if name != "X-Tallyman-Timestamp" {
						r.Header.Set(name, "sha256="+strings.Repeat("ab", 32))
					}
				}
			},
			"an empty one": func(r *http.Request) {
				for name := range r.Header {
					r.Header.Set(name, "")
				}
			},
			"no hexadecimals": func(r *http.Request) {
				for name := range r.Header {
					r.Header.Set(name, "sha256=zz")
				}
			},
		} {
			r := sign(kind, body)
			spoil(r)
			if status := send(h, r); status != http.StatusUnauthorized {
				t.Errorf("%s, %s: answered %d", kind, name, status)
			}
		}
		if hints := h.Take(); hints != nil {
			t.Errorf("%s: look at %+v", kind, hints)
		}
	}
	late := sign(Generic, bodies[Generic])
	late.Header.Set("X-Tallyman-Timestamp", old)
	late.Header.Set("X-Tallyman-Signature", "sha256="+sum(old, ".", bodies[Generic]))
	if status := send(handler(t, Generic), late); status != http.StatusUnauthorized {
		t.Errorf("an hour late: answered %d", status)
	}
}

func TestOthersRepositoriesAreRefused(t *testing.T) {
	for _, body := range []string{
		strings.ReplaceAll(pushGitHub, "acme/shop", "acme/other"),
		`{"ref":"refs/heads/main"}`,
		strings.ReplaceAll(pullGitHub, "acme/shop", "acme/other"),
		// The head's repository is the followed one, the base's is not.
		`{"pull_request":{"number":7,"head":{"repo":{"full_name":"acme/shop"}},"base":{"ref":"main","repo":{"full_name":"stranger/shop"}}},"repository":{"full_name":"acme/shop"}}`,
	} {
		h := handler(t, GitHub)
		if status := send(h, sign(GitHub, body)); status != http.StatusForbidden || h.Take() != nil {
			t.Errorf("answered %d to %.80s", status, body)
		}
	}
}

func TestARepositoryMayBeNamedByURL(t *testing.T) {
	for _, mine := range []string{
		"https://github.com/acme/shop", "https://me:x@github.com/acme/shop.git/", "git@github.com:acme/shop.git",
		"ssh://git@github.com:22/acme/shop.git", "Acme/Shop",
	} {
		h := handler(t, GitHub, "x/y", mine)
		if status := send(h, sign(GitHub, pushGitHub)); status != http.StatusAccepted {
			t.Errorf("%s: answered %d", mine, status)
		}
		if got := h.Take(); len(got) != 1 || got[0].Repository != mine {
			t.Errorf("%s: look at %+v", mine, got)
		}
	}
	h := handler(t, GitHub, "https://git.example.com/acme/shop")
	if status := send(h, sign(GitHub, pushGitHub)); status != http.StatusForbidden {
		t.Errorf("one of the same name on another forge: answered %d", status)
	}
}

func TestWhatCanNotBeReadIsRefused(t *testing.T) {
	for kind := range formats {
		for _, body := range []string{"", "{", "[]", "null x", `{"ref":7}`, pushGitHub + pushGitHub,
			strings.Repeat(`{"a":`, 20000), `{"repository":{"full_name":["acme/shop"]},"project":7,"repository":7}`} {
			h := handler(t, kind)
			if status := send(h, sign(kind, body)); status != http.StatusBadRequest {
				t.Errorf("%s: answered %d to %.40q", kind, status, body)
			}
		}
	}
	h := handler(t, Generic)
	if status := send(h, sign(Generic, `{"repository":"acme/shop","pullRequest":-1}`)); status != http.StatusBadRequest {
		t.Errorf("a negative number: answered %d", status)
	}
}

func TestOnlyPostAndNothingLarge(t *testing.T) {
	h := handler(t, GitHub)
	if status := send(h, httptest.NewRequest(http.MethodGet, "/", nil)); status != http.StatusMethodNotAllowed {
		t.Errorf("a GET: answered %d", status)
	}
	large := sign(GitHub, `{"x":"`+strings.Repeat("x", maxBody)+`"}`)
	if status := send(h, large); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large one: answered %d", status)
	}
}

func TestTheSecret(t *testing.T) {
	for _, text := range []string{"", "short", "  0123456789abcde \n"} {
		_, err := New(Config{Kind: GitHub, SecretFile: secretFile(t, text), Repositories: []string{"acme/shop"}})
		if err == nil || len(strings.TrimSpace(text)) > 4 && strings.Contains(err.Error(), strings.TrimSpace(text)) {
			t.Errorf("a secret %q: %v", text, err)
		}
	}
	for _, c := range []Config{{Kind: "svn"}, {Kind: GitHub}, {Kind: GitHub, Repositories: []string{"a/b"}, SecretFile: "/nowhere"}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	h := handler(t, GitHub)
	if err := os.WriteFile(h.config.SecretFile, []byte("another-secret-of-tests"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status := send(h, sign(GitHub, pushGitHub)); status != http.StatusUnauthorized {
		t.Errorf("signed with the secret of before: answered %d", status)
	}
	if err := os.Remove(h.config.SecretFile); err != nil {
		t.Fatal(err)
	}
	if status := send(h, sign(GitHub, pushGitHub)); status != http.StatusServiceUnavailable {
		t.Errorf("without a secret: answered %d", status)
	}
}

func TestServerGivesNobodyMuchTime(t *testing.T) {
	s := Server(handler(t, GitHub))
	if s.ReadHeaderTimeout == 0 || s.ReadTimeout == 0 || s.WriteTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 {
		t.Errorf("without an end: %+v", s)
	}
}

func FuzzHandler(f *testing.F) {
	for _, body := range []string{pushGitHub, pullGitHub, pushGitLab, pullGitLab, noteGitLab, pingGitHub, "payload=%7B%7D", "{"} {
		f.Add(body, "application/json")
		f.Add(body, "application/x-www-form-urlencoded")
	}
	handlers := map[Kind]*Handler{}
	for kind := range formats {
		handlers[kind] = handler(f, kind)
	}
	f.Fuzz(func(t *testing.T, body, form string) {
		for kind, h := range handlers {
			h.sources = sources{}
			r := sign(kind, body)
			r.Header.Set("Content-Type", form)
			switch status := send(h, r); status {
			case http.StatusAccepted, http.StatusBadRequest, http.StatusForbidden:
			default:
				t.Errorf("%s: answered %d", kind, status)
			}
			for _, hint := range h.Take() {
				if hint.Repository != "acme/shop" || hint.Ref != "" && !full(hint.Ref) || hint.PullRequest < 0 {
					t.Errorf("%s: look at %+v", kind, hint)
				}
			}
		}
	})
}
