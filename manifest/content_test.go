package manifest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/manifest"
)

func TestConfigContents(t *testing.T) {
	binary := []byte{0xff, 0, 1, 2}
	fsys := tree("shop/web/config.yaml", doc("Config", "c", `{data: {inline: "text\n", empty: ""}, files: {nginx.conf: conf/nginx.conf, blob: blob}}`),
		"shop/web/conf/nginx.conf", "worker_processes 1;\n")
	fsys["shop/web/blob"] = &fstest.MapFile{Data: binary}
	config := load(t, fsys).Configs[0]
	for key, want := range map[string]string{"inline": "text\n", "empty": "", "nginx.conf": "worker_processes 1;\n", "blob": string(binary)} {
		if got, ok := config.Content(key); !ok || !bytes.Equal(got, []byte(want)) {
			t.Errorf("%s: %q, %v; want %q", key, got, ok, want)
		}
	}
	if _, ok := config.Content("other"); ok {
		t.Error("a key that is not there has content")
	}
}

func TestConfigFilesThatCanNotBeUsed(t *testing.T) {
	fsys := tree("a/config.yaml", docs(doc("App", "shop", ""),
		doc("Config", "c", "{files: {missing: ngnix.conf, folder: sub, below: nginx.conf/x, large: large}}")),
		"a/nginx.conf", "", "a/sub/x", "", "a/large", strings.Repeat("x", 1<<20+1))
	wantErrors(t, loadErrors(t, fsys, manifest.Options{}),
		`a/config.yaml:3:86: spec.files.missing: file "ngnix.conf" does not exist; did you mean nginx.conf?`,
		`a/config.yaml:3:106: spec.files.folder: file "sub" is not a regular file`,
		`a/config.yaml:3:118: spec.files.below: file "nginx.conf/x" does not exist`,
		`a/config.yaml:3:139: spec.files.large: file "large" is too large: more than 1048576 bytes`,
	)
}

// What is too large is for the installation to say.
func TestLimitHoldsForFilesOfConfigs(t *testing.T) {
	fsys := tree("c.yaml", doc("Config", "c", "{files: {k: k}}"), "k", strings.Repeat("x", 200))
	wantErrors(t, loadErrors(t, fsys, manifest.Options{MaxFileSize: 199}),
		`c.yaml:1:80: spec.files.k: file "k" is too large: more than 199 bytes`)
	if _, err := manifest.Load(fsys, manifest.Options{MaxFileSize: 200}); err != nil {
		t.Error(err)
	}
}

// Neither the file nor a folder on the way may be a link.
func TestConfigFilesBehindLinksAreRefused(t *testing.T) {
	outside := t.TempDir()
	write(t, filepath.Join(outside, "passwd"), "root")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "config.yaml"), doc("Config", "c", "{files: {a: link, b: folder/passwd}}"))
	write(t, filepath.Join(dir, ".tallymanignore"), "link\nfolder\n")
	for name, target := range map[string]string{"link": filepath.Join(outside, "passwd"), "folder": outside} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := manifest.Load(os.DirFS(dir), manifest.Options{})
	want := `config.yaml:1:80: spec.files.a: file "link" is behind a symbolic link, which is not followed` + "\n" +
		`config.yaml:1:89: spec.files.b: file "folder/passwd" is behind a symbolic link, which is not followed`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// A file that a Config includes needs not be a manifest, but says so.
func TestIgnoredFilesCanBeIncluded(t *testing.T) {
	set := load(t, tree(
		".tallymanignore", "prometheus.yaml\n",
		"config.yaml", doc("Config", "c", "{files: {p: prometheus.yaml}}"),
		"prometheus.yaml", "global: {}\n",
	))
	if got, _ := set.Configs[0].Content("p"); string(got) != "global: {}\n" {
		t.Errorf("content %q", got)
	}
}
