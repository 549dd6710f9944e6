package registry

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// made is an image whose configuration says what it is made for.
func made(t *testing.T, platform string) v1.Image {
	t.Helper()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	p := parsed(t, platform)
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	return image
}

func parsed(t *testing.T, platform string) *v1.Platform {
	t.Helper()
	p, err := v1.ParsePlatform(platform)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// pushIndex puts an image for several platforms into a registry and gives its
// digest. One that is "" is not described.
func pushIndex(t *testing.T, ref string, platforms ...string) string {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, p := range platforms {
		entry := mutate.IndexAddendum{Add: made(t, p)}
		if p != "" {
			entry.Platform = parsed(t, p)
		}
		index = mutate.AppendManifests(index, entry)
	}
	target, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(target, index, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func TestARegistryTellsWhatAnImageIsMadeFor(t *testing.T) {
	registry := dockertest.NewRegistry(t, "127.0.0.1", nil)
	r, _ := resolver(t)
	for ref, tc := range map[string]struct{ pushed, want []string }{
		"several":     {[]string{"linux/arm64/v8", "linux/amd64", "linux/arm/v7"}, []string{"linux/amd64", "linux/arm/v7", "linux/arm64"}},
		"attested":    {[]string{"linux/amd64", "unknown/unknown"}, []string{"linux/amd64"}},
		"undescribed": {[]string{"linux/amd64", ""}, nil},
	} {
		want := pushIndex(t, registry.Ref(ref+":1"), tc.pushed...)
		digest, err := r.Resolve(t.Context(), registry.Ref(ref+":1"), nil)
		if err != nil || digest != want {
			t.Fatalf("%s: resolved to %s, %v, want %s", ref, digest, err, want)
		}
		got, err := r.Platforms(t.Context(), registry.Ref(ref+":1@"+digest), nil)
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%s, an index of %q, is for %q, %v; want %q", ref, tc.pushed, got, err, tc.want)
		}
	}
}

func TestASingleImageTellsByItsConfiguration(t *testing.T) {
	registry := dockertest.NewRegistry(t, "127.0.0.1", map[string]string{"ada": secret})
	r, _ := resolver(t)
	target, err := name.ParseReference(registry.Ref("web:1"))
	if err != nil {
		t.Fatal(err)
	}
	image := made(t, "linux/arm64/v8")
	if err := remote.Write(target, image, remote.WithAuth(ada()), remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	digest, _ := image.Digest()
	ref := registry.Ref("web:1@" + digest.String())
	if got, err := r.Platforms(t.Context(), ref, user("ada", secret)); err != nil || !slices.Equal(got, []string{"linux/arm64"}) {
		t.Errorf("it is for %q, %v", got, err)
	}
	if got, err := r.Platforms(t.Context(), ref, nil); ClassOf(err) != Denied {
		t.Errorf("without credentials it is for %q, %v; want denied", got, err)
	}
	plain := push(t, registry.Ref("plain:1"), ada()) // its configuration names no platform
	if got, err := r.Platforms(t.Context(), registry.Ref("plain:1@"+plain), user("ada", secret)); err != nil || got != nil {
		t.Errorf("an image that does not say it is for %q, %v", got, err)
	}
}

// TestPlatformsAreAskedForOnce also where the registry can't say: no commit waits for
// it again soon.
func TestPlatformsAreAskedForOnce(t *testing.T) {
	registry := dockertest.NewRegistry(t, "127.0.0.1", nil)
	r, _ := resolver(t)
	d := NewDigests(r, nil)
	q := Ask{Revision: "a", Ref: registry.Ref("web:1@" + pushIndex(t, registry.Ref("web:1"), "linux/amd64"))}
	if got, err := d.Platforms(t.Context(), q); err != nil || !slices.Equal(got, []string{"linux/amd64"}) {
		t.Fatalf("it is for %q, %v", got, err)
	}
	registry.Stop()
	q.Revision = "b"
	if got, err := d.Platforms(t.Context(), q); err != nil || len(got) != 1 {
		t.Errorf("asked again at another revision: %q, %v", got, err)
	}
	gets := 0
	f := answering(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if strings.Contains(r.URL.Path, "/manifests/") {
			gets++
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	for range 3 {
		if got, err := d.Platforms(t.Context(), Ask{Ref: f.ref("web@" + some)}); err == nil {
			t.Errorf("an answer of a registry that has none: %q", got)
		}
	}
	if gets != 1 {
		t.Errorf("a registry that can't say was asked %d times", gets)
	}
}
