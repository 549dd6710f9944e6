package forge

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func appKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
}

func asApp(key string) func(*Config) {
	return func(c *Config) { c.TokenFile, c.App = "", App{ID: 1, Installation: 2, KeyFile: key} }
}

// TestAnAppWritesAsItsBot: an installation's token comes by the App's key, is
// asked for once, and our account is the App's bot.
func TestAnAppWritesAsItsBot(t *testing.T) {
	var tokens, edited atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		jwt := strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ey")
		switch at := strings.TrimPrefix(r.URL.Path, "/api/v3"); {
		case at == "/app/installations/2/access_tokens" && jwt:
			tokens.Add(1)
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":"ghs_x","expires_at":%q}`, time.Now().Add(time.Hour).Format(time.RFC3339))
		case at == "/app" && jwt:
			fmt.Fprint(w, `{"id":1,"slug":"tally","name":"Tally"}`)
		case r.Header.Get("Authorization") != "token ghs_x":
			w.WriteHeader(http.StatusUnauthorized)
		case at == "/repos/o/r/issues/1/comments" && r.Method == http.MethodGet:
			fmt.Fprint(w, `[{"id":1,"body":"<!-- tallyman:plan -->","user":{"login":"tally"}},
				{"id":2,"body":"<!-- tallyman:plan -->\nold","user":{"login":"tally[bot]"}}]`)
		case at == "/repos/o/r/issues/comments/2" && r.Method == http.MethodPatch:
			edited.Add(1)
			fmt.Fprint(w, `{"id":2}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	f := at(t, GitHub, s.URL, asApp(appKey(t)))
	for range 2 {
		if err := f.Comment(t.Context(), 1, "tallyman:plan", "new"); err != nil {
			t.Fatal(err)
		}
	}
	if tokens.Load() != 1 || edited.Load() != 2 {
		t.Errorf("%d tokens were asked for, and our comment was edited %d times", tokens.Load(), edited.Load())
	}
}

func TestAnAppThatIsNotLetIn(t *testing.T) {
	for status, want := range map[int]Class{401: Denied, 404: NotFound, 502: Unreachable} {
		var asked atomic.Int64
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); w.WriteHeader(status) })
		_, err := at(t, GitHub, s.URL, asApp(appKey(t))).PullRequests(t.Context(), "main")
		if ClassOf(err) != want {
			t.Errorf("%d: %v", status, err)
		}
		if again := asked.Load() > 1; again != (want == Unreachable) {
			t.Errorf("%d: asked %d times", status, asked.Load())
		}
	}
}
