package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/manifest"
)

const root = "../.."

func TestGeneratedFilesAreUpToDate(t *testing.T) {
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the types say: run `make schemas`", name)
		}
	}
}

func TestGeneratingTwiceGivesTheSameBytes(t *testing.T) {
	first, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := generate(root)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(first, again) {
			t.Fatal("the generated files differ between two runs")
		}
	}
}

func TestRunWritesTheFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(absolute(t, filepath.Join(root, "manifest")), filepath.Join(dir, "manifest")); err != nil {
		t.Fatal(err)
	}
	if err := run(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"schemas/service.json", "schemas/manifest.json", "docs/manifests.md"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestRunOutsideTheRepositoryIsAnError(t *testing.T) {
	if err := run(t.TempDir()); err == nil || !strings.Contains(err.Error(), "read comments") {
		t.Errorf("error %v, want one that says what could not be read", err)
	}
}

// Whoever adds a field has to describe it: the comment is what users read.
func TestEveryFieldIsDescribed(t *testing.T) {
	docs, err := readComments(filepath.Join(root, "manifest"))
	if err != nil {
		t.Fatal(err)
	}
	for typ, desc := range manifest.Shapes() {
		if docs.ofType(typ) == "" {
			t.Errorf("type %s has no comment", typ.Name())
		}
		for _, f := range desc.Fields {
			if docs.ofField(f) == "" && typ.Field(0).Name != "Origin" {
				t.Errorf("field %s.%s has no comment", typ.Name(), f.GoName)
			}
		}
	}
}

func TestReferenceNamesEveryField(t *testing.T) {
	docs, err := readComments(filepath.Join(root, "manifest"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(reference(docs))
	for typ, desc := range manifest.Shapes() {
		if typ.Field(0).Name == "Origin" {
			continue
		}
		for _, f := range desc.Fields {
			if !strings.Contains(text, "| `"+f.Name+"` |") {
				t.Errorf("the reference does not mention %s.%s", typ.Name(), f.Name)
			}
		}
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
