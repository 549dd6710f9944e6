package manifest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/manifest"
)

// tree makes a file system from pairs of path and content.
func tree(pairs ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i := 0; i+1 < len(pairs); i += 2 {
		fsys[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return fsys
}

// doc is a document of one line; spec may be empty.
func doc(kind, name, spec string) string {
	if spec != "" {
		spec = ", spec: " + spec
	}
	return fmt.Sprintf("{apiVersion: tallyman/v1, kind: %s, metadata: {name: %s}%s}\n", kind, name, spec)
}

// docs are documents in one file.
func docs(all ...string) string { return strings.Join(all, "---\n") }

func load(t *testing.T, fsys fstest.MapFS) *manifest.Set {
	t.Helper()
	set, err := manifest.Load(fsys, manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// loadErrors loads what must be refused, and gives its errors.
func loadErrors(t *testing.T, fsys fstest.MapFS, opts manifest.Options) manifest.Errors {
	t.Helper()
	set, err := manifest.Load(fsys, opts)
	var errs manifest.Errors
	if !errors.As(err, &errs) {
		t.Fatalf("got %v, want errors with places", err)
	}
	if set != nil {
		t.Error("a set comes with the errors")
	}
	return errs
}

// wantErrors compares the text of all errors, line by line.
func wantErrors(t *testing.T, errs manifest.Errors, want ...string) {
	t.Helper()
	if got := errs.Error(); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}
