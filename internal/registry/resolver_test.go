package registry

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

func TestATagIsWhatTheRegistrySaysNow(t *testing.T) {
	registry := dockertest.NewRegistry(t, "127.0.0.1", nil)
	r, _ := resolver(t)
	for range 2 { // the second time, the tag has moved
		want := push(t, registry.Ref("shop/web:1.4"), authn.Anonymous)
		if got, err := r.Resolve(t.Context(), registry.Ref("shop/web:1.4"), nil); err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
	want := push(t, registry.Ref("shop/web"), authn.Anonymous)
	if got, err := r.Resolve(t.Context(), registry.Ref("shop/web"), nil); err != nil || got != want {
		t.Errorf("without a tag: got %s, %v, want latest, %s", got, err, want)
	}
	fails(t, r, registry.Ref("shop/web:2"), nil, NotFound)
	fails(t, r, registry.Ref("shop/nothing:1"), nil, NotFound)
}

func TestCredentialsAreShownAndNeverTold(t *testing.T) {
	registry := guarded(t)
	r, _ := resolver(t)
	want := push(t, registry.Ref("web:1"), ada())
	if got, err := r.Resolve(t.Context(), registry.Ref("web:1"), user("ada", secret)); err != nil || got != want {
		t.Errorf("with the password: got %s, %v, want %s", got, err, want)
	}
	fails(t, r, registry.Ref("web:1"), nil, Denied)
	wrong := fails(t, r, registry.Ref("web:1"), user("ada", "wrong-"+secret), Denied)
	if strings.Contains(wrong.Error(), secret) {
		t.Errorf("the error tells the password: %v", wrong)
	}
}

func TestARegistryThatIsDownIsTriedAgainAndSaid(t *testing.T) {
	registry := dockertest.NewRegistry(t, "127.0.0.1", nil)
	r, waits := resolver(t)
	want := push(t, registry.Ref("web:1"), authn.Anonymous)
	registry.Stop()
	fails(t, r, registry.Ref("web:1"), nil, Unreachable)
	if len(*waits) != tries-1 {
		t.Errorf("waited %d times between %d tries", len(*waits), tries)
	}
	registry.Start()
	if got, err := r.Resolve(t.Context(), registry.Ref("web:1"), nil); err != nil || got != want {
		t.Errorf("after it came back: %s, %v, want %s", got, err, want)
	}
}

func TestADigestAsksNobody(t *testing.T) {
	r, _ := resolver(t)
	for _, ref := range []string{"registry.invalid/web@" + some, "registry.invalid/web:1.4@" + some} {
		if got, err := r.Resolve(t.Context(), ref, nil); err != nil || got != some {
			t.Errorf("%s: %s, %v", ref, got, err)
		}
	}
}

func TestWhatIsNoReferenceIsInvalid(t *testing.T) {
	r, _ := resolver(t)
	for _, ref := range []string{"", "Web:1", "web:", "web@sha256:12", "http://example.com/web", "a b"} {
		fails(t, r, ref, nil, Invalid)
	}
}

func TestNamesAreReadAsDockerReadsThem(t *testing.T) {
	for ref, want := range map[string]string{
		"nginx":                       "docker.io library/nginx latest",
		"nginx:1.27":                  "docker.io library/nginx 1.27",
		"tallyman/hello:1":            "docker.io tallyman/hello 1",
		"docker.io/nginx":             "docker.io library/nginx latest",
		"localhost/web":               "localhost web latest",
		"localhost:5000/web:1":        "localhost:5000 web 1",
		"registry.example.com/a/b:c":  "registry.example.com a/b c",
		"registry.example.com:443/ab": "registry.example.com:443 ab latest",
	} {
		q, err := parse(ref)
		if got := q.registry + " " + q.path + " " + q.tag; err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", ref, got, err, want)
		}
		if repo, err := q.repository(false); err != nil || !strings.HasSuffix(repo.Name(), q.path) {
			t.Errorf("%s is asked for at %s, %v", ref, repo, err)
		}
	}
	q, _ := parse("nginx")
	if repo, err := q.repository(false); err != nil || repo.RegistryStr() != hubHost {
		t.Errorf("Docker Hub is asked at %s, %v", repo.RegistryStr(), err)
	}
}

func TestTooManyRequestsWaitAsLongAsTheRegistrySays(t *testing.T) {
	f := answering(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n == 1 {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		found(w)
	})
	r, waits := resolver(t)
	got, err := r.Resolve(t.Context(), f.ref("web:1"), nil)
	if err != nil || got != some || len(*waits) != 1 || (*waits)[0] < 3*time.Second {
		t.Errorf("got %s, %v after waiting %v, want one wait of 3s", got, err, *waits)
	}
}

func TestALongWaitIsLeftToWhoeverAsks(t *testing.T) {
	f := answering(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	r, waits := resolver(t)
	e := fails(t, r, f.ref("web:1"), nil, RateLimited)
	for range 3 {
		if again := fails(t, r, f.ref("other:1"), nil, RateLimited); again.RetryAfter <= 0 || again.RetryAfter > e.RetryAfter {
			t.Errorf("told to come back after %s", again.RetryAfter)
		}
	}
	fails(t, r, f.ref("web:1"), user("ada", secret), RateLimited) // an account counts for itself, and is asked
	if n := f.heads.Load(); n != 2 {
		t.Errorf("a registry that wants to be left alone was asked %d times", n)
	}
	if len(*waits) != 0 || e.RetryAfter != 10*time.Minute {
		t.Errorf("waited %v, asked %d times, told to come back after %s", *waits, f.heads.Load(), e.RetryAfter)
	}
}

func TestServerErrorsAreTriedAgainEverMoreSlowly(t *testing.T) {
	for _, status := range []int{500, 502, 503, 504} {
		f := answering(t, func(w http.ResponseWriter, _ *http.Request, n int) {
			if n < tries {
				w.WriteHeader(status)
				return
			}
			found(w)
		})
		r, waits := resolver(t)
		got, err := r.Resolve(t.Context(), f.ref("web:1"), nil)
		if err != nil || got != some || len(*waits) != tries-1 {
			t.Errorf("%d: got %s, %v after waiting %v", status, got, err, *waits)
		}
		for i, wait := range *waits {
			if least := firstWait << i / 2; wait < least || wait > 2*least {
				t.Errorf("%d: wait %d is %s, want %s to %s", status, i, wait, least, 2*least)
			}
		}
	}
}

func TestARegistryWithoutTheHeaderIsAskedForTheManifest(t *testing.T) {
	f := answering(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
		fmt.Fprint(w, "{}")
	})
	r, _ := resolver(t)
	const ofBraces = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	if got, err := r.Resolve(t.Context(), f.ref("web:1"), nil); err != nil || got != ofBraces {
		t.Errorf("got %s, %v, want %s", got, err, ofBraces)
	}
}

// TestARedirectTakesNoCredentialsAlong sends the question on to another server,
// and to one at another port of the same host.
func TestARedirectTakesNoCredentialsAlong(t *testing.T) {
	var mu sync.Mutex
	var leaked []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		leaked = append(leaked, r.Header.Get("Authorization"))
		found(w)
	}))
	t.Cleanup(other.Close)
	f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := r.BasicAuth(); !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(f.Close)
	r, _ := resolver(t)
	_, err := r.Resolve(t.Context(), strings.TrimPrefix(f.URL, "http://")+"/web:1", user("ada", secret))
	if err != nil {
		t.Error(err)
	}
	if len(leaked) == 0 {
		t.Fatal("the redirect was not followed, and nothing was tested")
	}
	for _, header := range leaked {
		if header != "" {
			t.Errorf("the other server was shown %q", header)
		}
	}
}

func TestNothingIsSentWithoutTLSToOtherMachines(t *testing.T) {
	r, _ := resolver(t)
	for _, ref := range []string{"10.255.255.1:5000/web:1", "192.168.255.254/web:1"} {
		g := &guard{next: http.DefaultTransport, insecure: r.insecure}
		q, _ := parse(ref)
		request, _ := http.NewRequest(http.MethodGet, "http://"+q.registry+"/v2/", nil)
		if _, err := g.RoundTrip(request); err == nil || !strings.Contains(err.Error(), "--insecure-registry") {
			t.Errorf("%s: %v, want a refusal that names the setting", ref, err)
		}
	}
	for registry, want := range map[string]bool{
		"127.0.0.1:5000": true, "127.9.9.9": true, "localhost:5000": true, "[::1]:5000": true, "a.localhost": true,
		"10.1.2.3:5000": true, "mine.example.com:5000": true, "other.example.com": true,
		"11.1.2.3:5000": false, "mine.example.com": false, "docker.io": false, "127.example.com": false,
	} {
		if got := plainAllowed(registry, []string{"10.0.0.0/8", "mine.example.com:5000", "other.example.com"}); got != want {
			t.Errorf("%s without TLS: %v, want %v", registry, got, want)
		}
	}
}

func TestWhoeverGivesUpIsNotWaitedFor(t *testing.T) {
	f := answering(t, func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() })
	r, _ := resolver(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for f.heads.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := r.Resolve(ctx, f.ref("web:1"), nil); ClassOf(err) != Unreachable {
		t.Errorf("got %v", err)
	}
}
