package forge

import (
	"cmp"
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
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const canary = "canary-d41d8cd98f"

// kinds are all of them: what the wire holds is true of each.
var kinds = []Kind{GitHub, GitLab, Gitea}

// at is a forge of a kind at a server.
func at(t *testing.T, kind Kind, url string, with ...func(*Config)) Forge {
	t.Helper()
	c := Config{Kind: kind, URL: url, Repository: "o/r", TokenFile: write(t, canary), firstWait: time.Millisecond}
	for _, w := range with {
		w(&c)
	}
	f, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// each answers the list of pull requests as do says, counts the requests, and
// gives what came of asking.
func each(t *testing.T, do http.HandlerFunc, check func(t *testing.T, asked int64, list []PullRequest, err error)) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			var asked atomic.Int64
			s := serve(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); do(w, r) })
			list, err := at(t, kind, s.URL).PullRequests(t.Context(), "main")
			check(t, asked.Load(), list, err)
		})
	}
}

func TestWhatIsNoListIsAnError(t *testing.T) {
	for _, body := range []string{"", " \n", "null", "<html>welcome to the proxy</html>", `{"message":"hi"}`, `[{"number":1`} {
		each(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) },
			func(t *testing.T, _ int64, list []PullRequest, err error) {
				if err == nil {
					t.Errorf("the answer %q is the list %v", body, list)
				}
			})
	}
}

func TestAFailureIsAnErrorAndTriedAgain(t *testing.T) {
	each(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		func(t *testing.T, asked int64, _ []PullRequest, err error) {
			if ClassOf(err) != Unreachable || asked != maxTries {
				t.Errorf("after %d tries: %v", asked, err)
			}
		})
}

func TestAPassingFailureIsNotSeen(t *testing.T) {
	for _, kind := range kinds {
		var asked atomic.Int64
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) < 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			fmt.Fprint(w, "[]")
		})
		if list, err := at(t, kind, s.URL).PullRequests(t.Context(), "main"); err != nil || len(list) != 0 {
			t.Errorf("%s: %v, %v", kind, list, err)
		}
	}
}

// TestAListWithoutItsEndIsAnError covers an error on a later page, and pages
// that lead back.
func TestAListWithoutItsEndIsAnError(t *testing.T) {
	for name, second := range map[string]http.HandlerFunc{
		"error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"loop": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", fmt.Sprintf(`<http://%s/x?page=1>; rel="next"`, r.Host))
			w.Header().Set("X-Next-Page", "1")
			fmt.Fprint(w, "[]")
		},
	} {
		each(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("page") == "2" {
				second(w, r)
				return
			}
			w.Header().Set("Link", fmt.Sprintf(`<http://%s/x?page=2>; rel="next"`, r.Host))
			w.Header().Set("X-Next-Page", "2")
			fmt.Fprint(w, "[]")
		}, func(t *testing.T, _ int64, list []PullRequest, err error) {
			if err == nil {
				t.Errorf("%s: the list is %v", name, list)
			}
		})
	}
}

// TestNothingIsMadeTwice: of a request to make something that had no good
// answer nobody knows whether it was carried out.
func TestNothingIsMadeTwice(t *testing.T) {
	for _, kind := range kinds {
		var made atomic.Int64
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPost:
				made.Add(1)
				w.WriteHeader(http.StatusBadGateway)
			case strings.HasSuffix(r.URL.Path, "/user"):
				fmt.Fprint(w, `{"id":1,"login":"me","username":"me"}`)
			default:
				fmt.Fprint(w, "[]")
			}
		})
		err := at(t, kind, s.URL).Comment(t.Context(), 1, "tallyman:plan", "x")
		if ClassOf(err) != Unreachable || made.Load() != 1 {
			t.Errorf("%s: sent %d times: %v", kind, made.Load(), err)
		}
	}
}

func TestARateLimitIsHonoured(t *testing.T) {
	later := time.Now().Add(time.Hour).Truncate(time.Second)
	for name, limit := range map[string]func(http.ResponseWriter){
		"seconds": func(w http.ResponseWriter) { w.Header().Set("Retry-After", "3600"); w.WriteHeader(429) },
		"date": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", later.UTC().Format(http.TimeFormat))
			w.WriteHeader(503)
		},
		"github": func(w http.ResponseWriter) {
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(later.Unix(), 10))
			w.WriteHeader(403)
		},
		"gitlab": func(w http.ResponseWriter) {
			w.Header().Set("RateLimit-Reset", strconv.FormatInt(later.Unix(), 10))
			w.WriteHeader(429)
		},
	} {
		for _, kind := range kinds {
			var asked atomic.Int64
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); limit(w) })
			f := at(t, kind, s.URL)
			_, err := f.PullRequests(t.Context(), "main")
			var e *Error
			if !errors.As(err, &e) || e.Class != RateLimited || e.Until.Before(later.Add(-time.Minute)) || e.Until.After(later.Add(time.Minute)) {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
			if err := f.SetStatus(t.Context(), Status{Commit: "c", Context: "x", Verdict: Success}); ClassOf(err) != RateLimited {
				t.Errorf("%s, %s: after that: %v", name, kind, err)
			}
			if asked.Load() != 1 {
				t.Errorf("%s, %s: the forge was asked %d times", name, kind, asked.Load())
			}
		}
	}
}

func TestAShortRateLimitIsWaitedFor(t *testing.T) {
	for _, kind := range kinds {
		var asked atomic.Int64
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) == 1 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			fmt.Fprint(w, "[]")
		})
		if _, err := at(t, kind, s.URL).PullRequests(t.Context(), "main"); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestOnlyWhatChangedIsSent(t *testing.T) {
	for _, kind := range kinds {
		var whole, unchanged atomic.Int64
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("If-None-Match") == `W/"1"` {
				unchanged.Add(1)
				w.WriteHeader(http.StatusNotModified)
				return
			}
			whole.Add(1)
			w.Header().Set("ETag", `W/"1"`)
			w.Header().Set("Content-Type", "application/json")
			state := map[Kind]string{GitLab: "opened"}[kind]
			fmt.Fprintf(w, `[{"number":7,"iid":7,"state":%q,"target_branch":"main","base":{"ref":"main"}}]`, cmp.Or(state, "open"))
		})
		f := at(t, kind, s.URL)
		for range 3 {
			if list, err := f.PullRequests(t.Context(), "main"); err != nil || len(list) != 1 || list[0].Number != 7 {
				t.Errorf("%s: %v, %v", kind, list, err)
			}
		}
		if whole.Load() != 1 || unchanged.Load() != 2 {
			t.Errorf("%s: %d whole answers, %d times nothing new", kind, whole.Load(), unchanged.Load())
		}
	}
}

func TestTheTokenIsReadAnewAndInNoError(t *testing.T) {
	for _, kind := range kinds {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.Header.Get("Authorization"), " renewed") {
				fmt.Fprint(w, "[]")
				return
			}
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"message":"bad credentials: %s\u001b[31m"}`, r.Header.Get("Authorization"))
		})
		var file string
		f := at(t, kind, s.URL, func(c *Config) { file = c.TokenFile })
		_, err := f.PullRequests(t.Context(), "main")
		if ClassOf(err) != Denied || strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v", kind, err)
		}
		if err := os.WriteFile(file, []byte("renewed\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := f.PullRequests(t.Context(), "main"); err != nil {
			t.Errorf("%s, with a new token: %v", kind, err)
		}
		if err := os.WriteFile(file, []byte(canary+" and more"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := f.PullRequests(t.Context(), "main"); err == nil || strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "forge \"") {
			t.Errorf("%s, with a file that is no token: %v", kind, err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if _, err := f.PullRequests(t.Context(), "main"); err == nil || !strings.Contains(err.Error(), "read token: open") || ClassOf(err) != "" {
			t.Errorf("%s, without a token, of which the forge knows nothing: %v", kind, err)
		}
	}
}

func TestTheTokenGoesToTheForgeAlone(t *testing.T) {
	for _, kind := range kinds {
		var leaked atomic.Int64
		elsewhere := serve(t, func(w http.ResponseWriter, _ *http.Request) { leaked.Add(1); fmt.Fprint(w, "[]") })
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/api", http.StatusFound)
		})
		_, err := at(t, kind, s.URL).PullRequests(t.Context(), "main")
		if err == nil || leaked.Load() != 0 {
			t.Errorf("%s: the other server was asked %d times: %v", kind, leaked.Load(), err)
		}
	}
}

func TestAnAnswerHasAnEnd(t *testing.T) {
	large := []byte("{" + strings.Repeat(" ", maxAnswer) + "}")
	for _, kind := range kinds {
		var asked atomic.Int64
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); _, _ = w.Write(large) })
		if _, err := at(t, kind, s.URL).PullRequest(t.Context(), 3); !errors.Is(err, errLarge) || asked.Load() != 1 {
			t.Errorf("%s: asked %d times: %v", kind, asked.Load(), err)
		}
	}
}

func TestTheCallersContextEndsIt(t *testing.T) {
	for _, kind := range kinds {
		ctx, cancel := context.WithCancel(t.Context())
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { cancel(); w.WriteHeader(http.StatusBadGateway) })
		if _, err := at(t, kind, s.URL).PullRequests(ctx, "main"); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestWhoWaitsForAnotherEndsToo: one act at a time, and a slow one holds up
// nobody beyond the own context.
func TestWhoWaitsForAnotherEndsToo(t *testing.T) {
	for _, kind := range kinds {
		asked, release := make(chan struct{}, 10), make(chan struct{})
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { asked <- struct{}{}; <-release; fmt.Fprint(w, "[]") })
		t.Cleanup(sync.OnceFunc(func() { close(release) }))
		f := at(t, kind, s.URL)
		status := Status{Commit: "c", Context: "x", Verdict: Success}
		go func() { _ = f.SetStatus(context.WithoutCancel(t.Context()), status) }()
		<-asked
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := f.Comment(ctx, 1, "tallyman:plan", "x"); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", kind, err)
		}
		if len(asked) > 0 {
			t.Errorf("%s: the forge was asked by both at once", kind)
		}
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	for _, kind := range kinds {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "[]") }))
		s.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that the client ends
		s.StartTLS()
		t.Cleanup(s.Close)
		if _, err := at(t, kind, s.URL).PullRequests(t.Context(), "main"); ClassOf(err) != Unreachable || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s, of an unknown authority: %v", kind, err)
		}
		ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
		f := at(t, kind, s.URL, func(c *Config) { c.CAFile = write(t, ca) })
		if _, err := f.PullRequests(t.Context(), "main"); err != nil {
			t.Errorf("%s, of a known one: %v", kind, err)
		}
	}
}
