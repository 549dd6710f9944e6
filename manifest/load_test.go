package manifest_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/manifest"
)

// Nothing to load must never look like "everything is to be removed".
func TestNoManifestsIsAnError(t *testing.T) {
	for name, fsys := range map[string]fstest.MapFS{
		"empty":           {},
		"no YAML":         tree("README.md", "hello"),
		"hidden":          tree(".github/workflow.yaml", "on: push", ".hidden.yaml", "a: b"),
		"all is ignored":  tree(".tallymanignore", "*.yaml\n", "web.yaml", doc("Volume", "data", "")),
		"only the ignore": tree(".tallymanignore", ""),
	} {
		if set, err := manifest.Load(fsys, manifest.Options{}); !errors.Is(err, manifest.ErrNoManifests) || set != nil {
			t.Errorf("%s: got %v, %v; want ErrNoManifests", name, set, err)
		}
	}
}

func TestMissingFolderIsAnError(t *testing.T) {
	_, err := manifest.Load(os.DirFS(filepath.Join(t.TempDir(), "nowhere")), manifest.Options{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that it does not exist", err)
	}
}

func TestEveryErrorOfEveryFileAtOnce(t *testing.T) {
	errs := loadErrors(t, tree(
		"b.yaml", docs(doc("Service", "web", "{image: web, replicas: -1}"), doc("Servic", "a", "")),
		"a/c.yml", doc("Volume", "Data", ""),
		"a/d.yaml", "a: [",
		"good.yaml", doc("Volume", "data", ""),
	), manifest.Options{})
	wantErrors(t, errs,
		`a/c.yml:1:58: metadata.name: must be a name of lowercase letters, digits and '-', at most 63 long, that begins and ends with a letter or digit, got "Data"`,
		`a/d.yaml:1:1: is not valid YAML: did not find expected node content`,
		`b.yaml:1:94: spec.replicas: must be at least 0`,
		`b.yaml:3:33: kind: must be Host, Fleet, Policy, App, Service, Job, Config, Secret, Network, Volume, ImagePolicy or Notification, got "Servic" (did you mean Service?)`,
	)
}

func TestLongListsOfErrorsAreCut(t *testing.T) {
	fsys := fstest.MapFS{}
	for i := range 150 {
		fsys[fmt.Sprintf("%03d.yaml", i)] = &fstest.MapFile{Data: []byte("a: b\n")}
	}
	errs := loadErrors(t, fsys, manifest.Options{})
	lines := strings.Split(errs.Error(), "\n")
	if len(errs) != 150 || len(lines) != 101 || lines[100] != "and 50 more" {
		t.Errorf("%d errors, shown in %d lines, the last one %q", len(errs), len(lines), lines[len(lines)-1])
	}
}

func TestErrorsUnwrapToSingleOnes(t *testing.T) {
	errs := loadErrors(t, tree("a.yaml", doc("Volume", "A", "")), manifest.Options{})
	var one *manifest.Error
	if !errors.As(errs, &one) || one.File != "a.yaml" || one.Path != "metadata.name" {
		t.Errorf("got %+v", one)
	}
}

func TestDefaults(t *testing.T) {
	set := load(t, tree("web.yaml", doc("Service", "web", "{image: web}")))
	spec := set.Services[0].Spec
	if spec.Mode != "replicated" || *spec.Replicas != 1 || spec.Pull != "missing" {
		t.Errorf("mode %s, replicas %d, pull %s", spec.Mode, *spec.Replicas, spec.Pull)
	}
	want := manifest.Update{Order: "auto", Parallelism: manifest.Portion{N: 1}, Monitor: 5e9, Deadline: 300e9}
	if spec.Update != want {
		t.Errorf("update %+v, want %+v", spec.Update, want)
	}
	if spec.Restart.Policy != "unless-stopped" || spec.StopGracePeriod != 10e9 {
		t.Errorf("restart %+v, stopGracePeriod %d", spec.Restart, spec.StopGracePeriod)
	}
	app := set.Apps[0].Spec
	if !reflect.DeepEqual(app.Sync, manifest.Sync{Auto: true, Prune: true, SelfHeal: true, MaxRemovals: 10}) || app.OnFailure != "rollback" {
		t.Errorf("app %+v", app)
	}
}

// A struct that is given in part keeps the defaults of the rest.
func TestDefaultsBesideWhatIsGiven(t *testing.T) {
	set := load(t, tree("a.yaml", docs(
		doc("App", "shop", "{sync: {prune: false}}"),
		doc("Service", "web", "{image: web, replicas: 0, update: {parallelism: 3}, files: [{config: c, key: k, path: /k}]}"),
		doc("Config", "c", "{data: {k: v}}"),
	)))
	if got := set.Apps[0].Spec.Sync; !reflect.DeepEqual(got, manifest.Sync{Auto: true, SelfHeal: true, MaxRemovals: 10}) {
		t.Errorf("sync %+v", got)
	}
	spec := set.Services[0].Spec
	if *spec.Replicas != 0 || spec.Update.Parallelism != (manifest.Portion{N: 3}) || spec.Update.Order != "auto" || *spec.Files[0].Mode != 0o444 {
		t.Errorf("replicas %d, update %+v, mode %o", *spec.Replicas, spec.Update, spec.Files[0].Mode)
	}
}

func TestLimits(t *testing.T) {
	volume := doc("Volume", "data", "")
	for name, c := range map[string]struct {
		fsys fstest.MapFS
		opts manifest.Options
		want string
	}{
		"file size":       {tree("a.yaml", volume+strings.Repeat("#", 100)), manifest.Options{MaxFileSize: 120}, "a.yaml: is too large: more than 120 bytes"},
		"files":           {tree("a.yaml", volume, "b.txt", "", "c.txt", ""), manifest.Options{MaxFiles: 3}, "c.txt: is one of more than 3 files"},
		"documents":       {tree("a.yaml", doc("Volume", "a", ""), "b.yaml", doc("Volume", "b", "")), manifest.Options{MaxDocuments: 1}, "b.yaml: goes beyond 1 documents in all"},
		"documents, file": {tree("a.yaml", docs(doc("Volume", "a", ""), doc("Volume", "b", ""))), manifest.Options{MaxDocuments: 1}, "a.yaml:3:1: has more than 1 documents"},
		"depth":           {tree("a.yaml", doc("Volume", "a", "{labels: {a: [[b]]}}")), manifest.Options{MaxDepth: 4}, "a.yaml:1:83: is nested deeper than 4 levels"},
	} {
		t.Run(name, func(t *testing.T) { wantErrors(t, loadErrors(t, c.fsys, c.opts), c.want) })
	}
}

// Links are refused wherever they lead: what Git holds must not decide what
// the controller reads of its own disk.
func TestSymbolicLinksAreRefused(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret.yaml")
	write(t, outside, doc("Volume", "stolen", ""))
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ok.yaml"), doc("Volume", "data", ""))
	for _, link := range []string{"web.yaml", "folder"} {
		if err := os.Symlink(outside, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := manifest.Load(os.DirFS(dir), manifest.Options{})
	want := "folder: is a symbolic link, which is not followed (name it in .tallymanignore if nothing needs it)\n" +
		"web.yaml: is a symbolic link, which is not followed (name it in .tallymanignore if nothing needs it)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestOnlyRegularFilesAreRead(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "ignore")
	write(t, outside, "*.yaml\n")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ok.yaml"), doc("Volume", "data", ""))
	if err := os.Symlink(outside, filepath.Join(dir, ".tallymanignore")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := manifest.Load(os.DirFS(dir), manifest.Options{})
	if want := ".tallymanignore: is not a regular file\npipe: is neither a regular file nor a folder (name it in .tallymanignore if nothing needs it)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestFoldersMayBeNamedLikeFiles(t *testing.T) {
	set := load(t, tree("odd.yaml/web.yaml", doc("Volume", "data", "")))
	if len(set.Volumes) != 1 || set.Volumes[0].File != "odd.yaml/web.yaml" {
		t.Errorf("volumes %+v", set.Volumes)
	}
}

func TestTenThousandDocuments(t *testing.T) {
	fsys := fstest.MapFS{}
	for f := range 100 {
		var all []string
		for i := range 100 {
			all = append(all, doc("Service", fmt.Sprintf("s-%d-%d", f, i), "{image: web, replicas: 3}"))
		}
		fsys[fmt.Sprintf("%d.yaml", f)] = &fstest.MapFile{Data: []byte(docs(all...))}
	}
	if set := load(t, fsys); len(set.Services) != 10_000 {
		t.Errorf("%d services", len(set.Services))
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
