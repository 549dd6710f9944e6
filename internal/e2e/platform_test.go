package e2e

import (
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// pushIndex puts images for the given architectures together under a reference.
func pushIndex(t *testing.T, ref string, images map[string]v1.Image) {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for arch, image := range images {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	if err := remote.WriteIndex(reference(t, ref), index, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
}

func reference(t *testing.T, ref string) name.Reference {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestAnImageForOtherMachines is refused before anything is pulled, as an index and
// as a single image; one that is made for this machine too is run.
func TestAnImageForOtherMachines(t *testing.T) {
	r := localRegistry(t, nil)
	w, e := localWorld(t)
	r.Push(e.Client, "tallyman/hello:1", "web:1")
	own, err := remote.Image(reference(t, r.Ref("web:1")), remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	config, err := own.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.Architecture = other
	foreign, err := mutate.ConfigFile(own, config)
	if err != nil {
		t.Fatal(err)
	}
	pushIndex(t, r.Ref("both:1"), map[string]v1.Image{runtime.GOARCH: own, other: foreign})
	pushIndex(t, r.Ref("index:1"), map[string]v1.Image{other: foreign})
	if err := remote.Write(reference(t, r.Ref("single:1")), foreign, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	w.pulled(r.Ref("both:1"), 1)
	w.commit("an image for both")
	w.expect(0, "apply")
	before := w.eventually("1 replica", func(live []replica) bool { return len(live) == 1 })
	for _, ref := range []string{"index:1", "single:1"} {
		w.pulled(r.Ref(ref), 1)
		w.commit("an image for others only: " + ref)
		out, code := w.run("plan")
		want := "local is " + runtime.GOARCH + " and the image is for " + other
		if code != 2 || !strings.Contains(out, want) {
			t.Errorf("%s: plan ends with %d and does not say %q:\n%s", ref, code, want, out)
		}
	}
	if after := w.live(); strings.Join(ids(after), " ") != strings.Join(ids(before), " ") {
		t.Errorf("what ran was touched:\n%s", list(after))
	}
}
