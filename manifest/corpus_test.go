package manifest_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/manifest"
)

var update = flag.Bool("update", false, "rewrite the expected errors in testdata/bad")

// corpus are the files of a folder below testdata, each as a tree of its own.
func corpus(t testing.TB, folder string) map[string]fstest.MapFS {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files in testdata/%s: %v", folder, err)
	}
	trees := map[string]fstest.MapFS{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		base := filepath.Base(name)
		trees[base] = fstest.MapFS{base: {Data: data}}
	}
	return trees
}

func TestGoodCorpus(t *testing.T) {
	for name, tree := range corpus(t, "good") {
		t.Run(name, func(t *testing.T) {
			if _, err := manifest.Load(tree, manifest.Options{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// Every bad file stands beside the text of all its errors, so that a change of
// what users get to read is seen.
func TestBadCorpus(t *testing.T) {
	for name, tree := range corpus(t, "bad") {
		t.Run(name, func(t *testing.T) {
			_, err := manifest.Load(tree, manifest.Options{})
			if err == nil {
				t.Fatal("was accepted")
			}
			checkErrors(t, strings.TrimSuffix(name, ".yaml"), err)
		})
	}
}

func checkErrors(t *testing.T, name string, err error) {
	t.Helper()
	golden := filepath.Join("testdata", "bad", name+".err")
	got := err.Error() + "\n"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
