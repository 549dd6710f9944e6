package desired_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

const (
	first  = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	second = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

// shopOf is an app with a service of the image, beside one whose image is only
// on the hosts.
func shopOf(t *testing.T, images desired.Images, image string) model.App {
	t.Helper()
	opts := options
	opts.Images = images
	d := buildFor(t, opts,
		doc("Service", "local", "{image: local:1, pull: never}"), doc("Service", "web", "{image: '"+image+"'}"))
	return d.Apps[0]
}

func resolved(digest string) desired.Images {
	return desired.Images{{App: "default", Ref: "web:1"}: {Digest: digest}}
}

func TestADigestIsPartOfWhatRuns(t *testing.T) {
	a, b := shopOf(t, resolved(first), "web:1"), shopOf(t, resolved(second), "web:1")
	if got := a.Services[1].Container.Image; got != "web:1@"+first || a.Unresolved != "" {
		t.Errorf("image %q, unresolved %q", got, a.Unresolved)
	}
	if a.Services[1].Fingerprint == b.Services[1].Fingerprint || a.Digest == b.Digest {
		t.Error("a tag that has moved is not another rendering of the app")
	}
	if a.Services[0].Container.Image != "local:1" || a.Services[0].Fingerprint != b.Services[0].Fingerprint {
		t.Error("the image that is only on the hosts has changed too")
	}
	if again := shopOf(t, resolved(first), "web:1"); again.Digest != a.Digest {
		t.Error("the same digest gives another rendering")
	}
}

func TestWhatIsNotKnownIsSaid(t *testing.T) {
	key := desired.ImageKey{App: "default", Ref: "web:1"}
	app := shopOf(t, desired.Images{key: {Reason: "nobody answers"}}, "web:1")
	if app.Unresolved != "nobody answers" || app.Services[1].Container.Image != "web:1" {
		t.Errorf("unresolved %q, image %q", app.Unresolved, app.Services[1].Container.Image)
	}
	if app := shopOf(t, desired.Images{}, "web:1"); !strings.Contains(app.Unresolved, "web:1") {
		t.Errorf("what nobody asked for: unresolved %q", app.Unresolved)
	}
	if app := shopOf(t, nil, "web:1"); app.Unresolved != "" || app.Services[1].Container.Image != "web:1" {
		t.Errorf("without registries: unresolved %q", app.Unresolved)
	}
	if app := shopOf(t, desired.Images{}, "web:1@"+first); app.Unresolved != "" || app.Services[1].Container.Image != "web:1@"+first {
		t.Errorf("a digest of the manifest's own: unresolved %q", app.Unresolved)
	}
}

func TestOneUnresolvedAppLeavesTheOthersAlone(t *testing.T) {
	opts := options
	opts.Images = desired.Images{
		{App: "a", Ref: "web:1"}: {Reason: "later"}, {App: "a", Ref: "db:1"}: {Reason: "denied"}, {App: "b", Ref: "web:1"}: {Digest: first},
	}
	services := func(app string, docs ...string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(strings.Join(append(docs, doc("App", app, "")), "---\n"))}
	}
	set, err := manifest.Load(fstest.MapFS{
		"a/all.yaml": services("a", doc("Service", "x", "{image: 'web:1'}"), doc("Service", "y", "{image: 'db:1'}"), doc("Service", "z", "{image: 'web:1'}")),
		"b/all.yaml": services("b", doc("Service", "w", "{image: 'web:1'}")),
	}, manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := desired.Build(set, opts)
	if err != nil {
		t.Fatal(err)
	}
	if d.Apps[0].Unresolved != "denied; later" || d.Apps[1].Unresolved != "" {
		t.Errorf("unresolved: %q, %q", d.Apps[0].Unresolved, d.Apps[1].Unresolved)
	}
}

// Whatever the built state wants a registry's word for must have been asked for.
func TestEveryImageThatRunsIsAskedFor(t *testing.T) {
	set := load(t, doc("Service", "web", "{image: 'web:1'}"), doc("Job", "migrate", "{image: 'job:1', when: preDeploy}"))
	opts := options
	opts.Images = desired.Images{}
	for _, key := range desired.UnresolvedImages(set) {
		opts.Images[key] = desired.Image{Digest: first}
	}
	d, err := desired.Build(set, opts)
	if err != nil {
		t.Fatal(err)
	}
	if d.Apps[0].Unresolved != "" || len(d.Apps[0].Digests()) != 2 {
		t.Errorf("unresolved %q, digests %v", d.Apps[0].Unresolved, d.Apps[0].Digests())
	}
}

func TestWhichImagesARegistryIsAskedFor(t *testing.T) {
	set := load(t,
		doc("Service", "a", "{image: 'web:2'}"), doc("Service", "b", "{image: 'web:1', pull: always}"),
		doc("Service", "c", "{image: 'web:2', pull: missing}"), doc("Service", "d", "{image: 'local:1', pull: never}"),
		doc("Service", "e", "{image: 'db:1@"+first+"'}"),
		doc("Job", "f", "{image: 'job:1', when: preDeploy}"), doc("Job", "g", "{image: 'job:2', pull: never, when: postDeploy}"))
	want := []desired.ImageKey{{App: "default", Ref: "job:1"}, {App: "default", Ref: "web:1"}, {App: "default", Ref: "web:2"}}
	if got := desired.UnresolvedImages(set); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
