package git

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tallyman-io/tallyman/internal/gittest"
)

const (
	testUser   = "robot"
	testSecret = "canary-s3cr3t/+"
)

// gitServer is git's own http-backend behind basic auth.
type gitServer struct {
	*httptest.Server
	requests atomic.Int64
	packs    atomic.Int64 // requests for objects
	old      atomic.Bool  // it knows only the first version of the protocol
}

func newGitServer(t testing.TB, root string) *gitServer {
	t.Helper()
	backend := gittest.Backend(t, root)
	g := &gitServer{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		g.requests.Add(1)
		if g.old.Load() {
			req.Header.Del("Git-Protocol")
		}
		if user, password, _ := req.BasicAuth(); user != testUser && user != "x-access-token" || password != testSecret {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "you sent "+password, http.StatusUnauthorized)
			return
		}
		if req.Method == http.MethodPost && req.Header.Get("Git-Protocol") == "" {
			g.packs.Add(1)
		}
		backend.ServeHTTP(w, req)
	}))
	t.Cleanup(g.Close)
	return g
}

// withPassword configures the test's password through a file.
func withPassword(t testing.TB, password string) func(*Config) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *Config) { c.Auth.User, c.Auth.PasswordFile = testUser, file }
}

// pushed is a source whose bare clone a server shows.
func pushed(t *testing.T) (s source, root string, push func()) {
	s = newSourceWith(t, "a", "1", "dir/b", "2")
	bare := s.bare()
	s.git("remote", "add", "origin", bare)
	return s, filepath.Dir(bare), func() { s.git("push", "-q", "--force", "--all", "origin") }
}

func TestHTTPWithPassword(t *testing.T) {
	s, root, push := pushed(t)
	server := newGitServer(t, root)
	r := follow(t, server.URL+"/shop.git", withPassword(t, testSecret))
	wantFetch(t, r, s.head())
	wantReadable(t, r, s.head())

	first := s.head()
	s.commit("second", "a", "2")
	s.commit("third", "a", "3")
	push()
	wantFetch(t, r, s.head())
	s.git("reset", "-q", "--hard", first)
	s.commit("instead", "c", "1")
	push()
	wantFetch(t, r, s.head())
	wantReadable(t, r, s.head())
}

func TestHTTPTokenFromTheEnvironment(t *testing.T) {
	s, root, _ := pushed(t)
	server := newGitServer(t, root)
	t.Setenv("TEST_GIT_TOKEN", testSecret)
	r := follow(t, server.URL+"/shop.git", func(c *Config) { c.Auth.PasswordEnv = "TEST_GIT_TOKEN" })
	wantFetch(t, r, s.head())
}

func TestUnchangedRemoteIsOnlyAsked(t *testing.T) {
	_, root, _ := pushed(t)
	server := newGitServer(t, root)
	r := follow(t, server.URL+"/shop.git", withPassword(t, testSecret))
	mustFetch(t, r)
	server.requests.Store(0)
	server.packs.Store(0)
	mustFetch(t, r)
	mustFetch(t, r)
	if n, packs := server.requests.Load(), server.packs.Load(); n != 2 || packs != 0 {
		t.Errorf("%d requests, %d of them for objects, for two looks", n, packs)
	}
}

func TestHTTPSTrustsOnlyWhatItIsTold(t *testing.T) {
	s, root, _ := pushed(t)
	server := httptest.NewTLSServer(newGitServer(t, root).Config.Handler)
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	url := server.URL + "/shop.git"
	_, err := follow(t, url, withPassword(t, testSecret)).Fetch(context.Background())
	wantError(t, err, "certificate")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	overwrite(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	wantFetch(t, follow(t, url, withPassword(t, testSecret), func(c *Config) { c.CAFile = ca }), s.head())
	overwrite(t, ca, "nonsense")
	_, err = Open(Config{URL: url, Dir: t.TempDir(), CAFile: ca})
	wantError(t, err, "no certificate")
}

func TestOldServersAreFollowedToo(t *testing.T) {
	s, root, push := pushed(t)
	server := newGitServer(t, root)
	server.old.Store(true)
	r := follow(t, server.URL+"/shop.git", withPassword(t, testSecret))
	for i := range 3 {
		wantFetch(t, r, s.head())
		wantFetch(t, r, s.head())
		s.commit("next", "a", fmt.Sprint("old ", i))
		push()
	}
	server.requests.Store(0)
	wantFetch(t, r, s.head())
	wantFetch(t, r, s.head())
	if n := server.requests.Load(); n > 3 {
		t.Errorf("%d requests for a fetch and a look: the server is asked again what it does not know", n)
	}
}

func TestTagThatAppearsLaterIsNoticed(t *testing.T) {
	s, root, _ := pushed(t)
	r := follow(t, newGitServer(t, root).URL+"/shop.git", withPassword(t, testSecret))
	mustFetch(t, r)
	s.git("tag", "main-2")
	s.git("push", "-q", "origin", "refs/tags/main-2")
	mustFetch(t, r)
	s.git("push", "-q", "origin", "HEAD:refs/tags/main")
	if _, err := r.Fetch(context.Background()); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("got %v", err)
	}
}

func TestOddPathsOverHTTP(t *testing.T) {
	s, root, _ := pushed(t)
	if err := os.Rename(filepath.Join(root, "shop.git"), filepath.Join(root, "it's ours.git")); err != nil {
		t.Fatal(err)
	}
	r := follow(t, newGitServer(t, root).URL+"/it%27s%20ours.git/", withPassword(t, testSecret))
	wantFetch(t, r, s.head())
	wantFetch(t, r, s.head())
}

func TestWrongCredentialsSayWhatIsWrong(t *testing.T) {
	_, root, _ := pushed(t)
	url := newGitServer(t, root).URL + "/shop.git"
	for name, c := range map[string]struct {
		change func(*Config)
		says   string
	}{
		"none":          {func(*Config) {}, "none is configured"},
		"wrong":         {withPassword(t, "wrong-canary"), "does not accept"},
		"in the URL":    {func(c *Config) { c.URL = strings.Replace(url, "://", "://robot:wrong-canary@", 1) }, "does not accept"},
		"missing file":  {func(c *Config) { c.Auth.PasswordFile = filepath.Join(t.TempDir(), "nope") }, "password file"},
		"empty file":    {withPassword(t, ""), "empty"},
		"unset":         {func(c *Config) { c.Auth.PasswordEnv = "TEST_NOT_SET" }, "TEST_NOT_SET"},
		"not permitted": {withPassword(t, "wrong-canary"), "access refused"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := follow(t, url, c.change).Fetch(context.Background())
			wantError(t, err, c.says)
			wantNoSecret(t, err, "wrong-canary")
		})
	}
}

// wantNoSecret looks through an error and all that it wraps.
func wantNoSecret(t *testing.T, err error, secrets ...string) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		for _, secret := range secrets {
			if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, secret) {
				t.Errorf("the error shows a secret: %s", text)
			}
		}
	}
}

func TestRenewedPasswordNeedsNoRestart(t *testing.T) {
	s, root, _ := pushed(t)
	server := newGitServer(t, root)
	r := follow(t, server.URL+"/shop.git", withPassword(t, "old"))
	if _, err := r.Fetch(context.Background()); !errors.Is(err, ErrAccess) {
		t.Fatalf("got %v", err)
	}
	overwrite(t, r.cfg.Auth.PasswordFile, testSecret)
	wantFetch(t, r, s.head())
}

func TestErrorsNeverShowCredentials(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, password, _ := req.BasicAuth()
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, "%s %s %s\n<html>", req.Header.Get("Authorization"), password, strings.Repeat("x", 1<<20)) //nolint:errcheck // a test server
	}))
	defer echo.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	for _, url := range []string{echo.URL, closed.URL} {
		for _, spell := range []string{"canary%2Fone%40two", "canary-plain"} {
			_, err := follow(t, strings.Replace(url, "://", "://canaryuser:"+spell+"@", 1)+"/shop").Fetch(context.Background())
			wantError(t, err, "fetch repository", url+"/shop")
			wantNoSecret(t, err, "canary/one", "canary%2F", "canary-plain", "canaryuser", "Y2FuYXJ5")
			if len(err.Error()) > 1000 || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is not one short line: %d bytes", len(err.Error()))
			}
		}
	}
}

func TestRedirectToAnotherHostLosesTheCredentials(t *testing.T) {
	s, root, _ := pushed(t)
	home := newGitServer(t, root)
	var stolen sync.Map
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		for name, values := range req.Header {
			stolen.Store(name, strings.Join(values, " "))
		}
		stolen.Store("url", req.URL.String())
		http.Error(w, "no", http.StatusUnauthorized)
	}))
	defer thief.Close()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, thief.URL+req.URL.String(), http.StatusFound)
	}))
	defer front.Close()

	_, err := follow(t, front.URL+"/shop.git", withPassword(t, testSecret)).Fetch(context.Background())
	if !errors.Is(err, ErrAccess) {
		t.Errorf("got %v", err)
	}
	wantNoSecret(t, err, testSecret)
	if _, met := stolen.Load("url"); !met {
		t.Fatal("the redirect was not followed: the test shows nothing")
	}
	stolen.Range(func(name, value any) bool {
		if name == "Authorization" || strings.Contains(value.(string), testSecret) {
			t.Errorf("the other host got %s: %s", name, value)
		}
		return true
	})
	// On one host a renamed repository is simply found.
	moved := httptest.NewServer(nil)
	defer moved.Close()
	moved.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.URL.Path, "/old.git") {
			http.Redirect(w, req, moved.URL+strings.Replace(req.URL.String(), "/old.git", "/shop.git", 1), http.StatusMovedPermanently)
			return
		}
		home.Config.Handler.ServeHTTP(w, req)
	})
	wantFetch(t, follow(t, moved.URL+"/old.git", withPassword(t, testSecret)), s.head())
}

func TestServerDownAndBack(t *testing.T) {
	s, root, push := pushed(t)
	backend := newGitServer(t, root)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	serve := func(l net.Listener) *http.Server {
		server := &http.Server{Handler: backend.Config.Handler}
		go server.Serve(l) //nolint:errcheck // it ends with Close
		return server
	}
	server := serve(listener)
	r := follow(t, "http://"+addr+"/shop.git", withPassword(t, testSecret))
	id := mustFetch(t, r).ID
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	s.commit("while down", "a", "2")
	push()
	_, err = r.Fetch(context.Background())
	wantError(t, err, addr)
	wantReadable(t, r, id)
	if listener, err = net.Listen("tcp", addr); err != nil {
		t.Fatal(err)
	}
	server = serve(listener)
	defer server.Close() //nolint:errcheck // the test is over
	wantFetch(t, r, s.head())
}

func TestEmptyAndMissingRepositoriesOverHTTP(t *testing.T) {
	_, root, _ := pushed(t)
	if out, err := exec.Command("git", "init", "-q", "--bare", filepath.Join(root, "empty.git")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	server := newGitServer(t, root)
	_, err := follow(t, server.URL+"/empty.git", withPassword(t, testSecret)).Fetch(context.Background())
	if !errors.Is(err, ErrEmptyRepository) {
		t.Errorf("empty: %v", err)
	}
	_, err = follow(t, server.URL+"/nope.git", withPassword(t, testSecret)).Fetch(context.Background())
	if !errors.Is(err, ErrAccess) {
		t.Errorf("missing: %v", err)
	}
}

func TestNotAGitServer(t *testing.T) {
	for name, page := range map[string]string{"a web page": "<html>hello</html>", "nothing": "", "a broken packet": "001e# service=git-upload-pack\n0000zzzz"} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) }))
			defer server.Close()
			if c, err := follow(t, server.URL+"/shop").Fetch(context.Background()); err == nil {
				t.Errorf("fetched %+v", c)
			}
		})
	}
}
