package manifest_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/tallyman-io/tallyman/manifest"
	"gopkg.in/yaml.v3"
)

// FuzzLoad: any bytes give documents, or errors with places; never a panic.
// Documents load the same a second time, and again from what they are written
// as.
func FuzzLoad(f *testing.F) {
	for _, folder := range []string{"good", "bad"} {
		for name, fsys := range corpus(f, folder) {
			f.Add(fsys[name].Data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fsys := tree("f.yaml", string(data))
		set, err := manifest.Load(fsys, manifest.Options{})
		if err != nil {
			checkPlaces(t, data, err)
			return
		}
		again, err := manifest.Load(fsys, manifest.Options{})
		if err != nil || !reflect.DeepEqual(set, again) {
			t.Fatalf("the second load differs: %v", err)
		}
		checkRoundTrip(t, set)
		checkEdit(t, data, set)
	})
}

// checkEdit drains every host: what can be edited is good afterwards, and says so.
func checkEdit(t *testing.T, data []byte, set *manifest.Set) {
	t.Helper()
	for i, h := range set.Hosts {
		edited, err := manifest.SpecField{Key: "drain", Value: "true"}.SetIn(data, h.Line)
		if err != nil {
			continue // it is left to people
		}
		after, err := manifest.Load(tree("f.yaml", string(edited)), manifest.Options{})
		if err != nil || len(after.Hosts) != len(set.Hosts) || !after.Hosts[i].Spec.Drain {
			t.Fatalf("%q became %q: %v", data, edited, err)
		}
	}
}

func checkPlaces(t *testing.T, data []byte, err error) {
	t.Helper()
	var errs manifest.Errors
	if !errors.As(err, &errs) || len(errs) == 0 {
		t.Fatalf("an error without a place: %v", err)
	}
	lines := bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r")) + bytes.Count(data, []byte("\u0085")) +
		bytes.Count(data, []byte("\u2028")) + bytes.Count(data, []byte("\u2029")) + 1
	for _, e := range errs {
		if e.File != "f.yaml" || e.Line < 1 || e.Line > lines+1 || e.Col < 1 || e.Message == "" {
			t.Fatalf("a strange place in %d lines: %+v", lines, e)
		}
	}
}

// checkRoundTrip writes all documents and loads what was written.
func checkRoundTrip(t *testing.T, set *manifest.Set) {
	t.Helper()
	text, err := write1(set)
	if err != nil {
		t.Fatal(err)
	}
	again, err := manifest.Load(tree("f.yaml", string(text)), manifest.Options{})
	if err != nil {
		t.Fatalf("what was written is refused: %v\n%s", err, text)
	}
	second, err := write1(again)
	if err != nil || !bytes.Equal(text, second) {
		t.Fatalf("written first\n%s\nwritten again\n%s\n%v", text, second, err)
	}
}

// write1 writes all documents of a set but the app default, which nobody wrote.
func write1(set *manifest.Set) ([]byte, error) {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	v := reflect.ValueOf(set).Elem()
	for i := range v.NumField() {
		if !v.Type().Field(i).IsExported() {
			continue
		}
		for j := range v.Field(i).Len() {
			d := v.Field(i).Index(j).Interface()
			if a, ok := d.(*manifest.App); ok && a.File == "" {
				continue
			}
			if err := enc.Encode(d); err != nil {
				return nil, err
			}
		}
	}
	return out.Bytes(), enc.Close()
}

func TestDocumentsCanBeWrittenAndReadBack(t *testing.T) {
	for name, fsys := range corpus(t, "good") {
		t.Run(name, func(t *testing.T) { checkRoundTrip(t, load(t, fsys)) })
	}
}
