package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// resolver is one that does not really wait, and notes how long it would have.
func resolver(t *testing.T, insecure ...string) (r *Resolver, waits *[]time.Duration) {
	r, waits = NewResolver(Options{Insecure: insecure}), &[]time.Duration{}
	r.wait = func(ctx context.Context, d time.Duration) error {
		*waits = append(*waits, d)
		return ctx.Err()
	}
	t.Cleanup(r.Close)
	return r, waits
}

// push puts a new image into a registry and gives its digest.
func push(t *testing.T, ref string, auth authn.Authenticator) string {
	t.Helper()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	target, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(target, image, remote.WithAuth(auth), remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

// fails resolves what can't be, and gives the error.
func fails(t *testing.T, r *Resolver, ref string, keys Keychain, want Class) *Error {
	t.Helper()
	digest, err := r.Resolve(t.Context(), ref, keys)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("resolve %q: got %q, %v; want an *Error", ref, digest, err)
	}
	if e.Class != want {
		t.Fatalf("%v: class %q, want %q", err, e.Class, want)
	}
	if !strings.Contains(err.Error(), ref) {
		t.Errorf("%q does not name %q", err, ref)
	}
	return e
}

// user is a keychain with one name and password, for every registry.
func user(name, password string) Keychain {
	return func(context.Context, string) (Credentials, bool, error) {
		return Credentials{Username: name, Password: password}, true, nil
	}
}

const secret = "canary-of-the-registry"

func guarded(t *testing.T) *dockertest.Registry {
	return dockertest.NewRegistry(t, "127.0.0.1", map[string]string{"ada": secret})
}

func ada() authn.Authenticator { return &authn.Basic{Username: "ada", Password: secret} }

// front is a small web server in a registry's place. It counts HEADs.
type front struct {
	*httptest.Server
	heads atomic.Int32
}

// answering is a front whose manifests are given by answer, which gets the
// number of the HEAD, from 1 on.
func answering(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, n int)) *front {
	f := &front{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		n := int(f.heads.Load())
		if r.Method == http.MethodHead {
			n = int(f.heads.Add(1))
		}
		answer(w, r, n)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *front) ref(name string) string { return strings.TrimPrefix(f.URL, "http://") + "/" + name }

var some = "sha256:" + strings.Repeat("7f", 32)

// found answers a HEAD as a registry does that has the image.
func found(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
	w.Header().Set("Content-Length", "2")
	w.Header().Set("Docker-Content-Digest", some)
}

// configFile writes a Docker configuration file.
func configFile(t *testing.T, content any) string {
	t.Helper()
	data, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func basic(name, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(name + ":" + password))
}

// helper installs a credential helper, a shell script, as the only one in PATH.
func helper(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-"+name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
}
