package schemas_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/schemas"
	"gopkg.in/yaml.v3"
)

// parserOnly marks a bad manifest that no schema can see through, in the first
// line of the file.
const parserOnly = "# parser-only"

// validators are the compiled schemas, by kind and by schemas.Any.
func validators(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	out := map[string]*jsonschema.Schema{}
	for _, kind := range append(schemas.Kinds(), schemas.Any) {
		data, err := schemas.For(kind)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		if err := c.AddResource(kind+".json", value); err != nil {
			t.Fatal(err)
		}
		if out[kind], err = c.Compile(kind + ".json"); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// verdict is the first error that the schemas find in a file of YAML documents.
func verdict(t *testing.T, all map[string]*jsonschema.Schema, data []byte) error {
	t.Helper()
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var n yaml.Node
		if err := dec.Decode(&n); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if len(n.Content) == 0 || n.Content[0].Tag == "!!null" {
			continue
		}
		value, err := asJSON(&n)
		if err != nil {
			return err
		}
		anyErr := all[schemas.Any].Validate(value)
		fields, _ := value.(map[string]any)
		kind, _ := fields["kind"].(string)
		if own := all[kind]; own != nil {
			if err := own.Validate(value); (err == nil) != (anyErr == nil) {
				t.Errorf("the schema of %s says %v, the one of any kind %v", kind, err, anyErr)
			}
		}
		if anyErr != nil {
			return anyErr
		}
	}
}

// asJSON is a YAML document as an editor's validator sees it.
func asJSON(n *yaml.Node) (any, error) {
	textDates(n)
	var value any
	if err := n.Decode(&value); err != nil {
		return nil, err
	}
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(data))
}

// textDates makes dates the texts that they are in JSON.
func textDates(n *yaml.Node) {
	if n.Tag == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, c := range n.Content {
		textDates(c)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no file matches %s: %v", pattern, err)
	}
	return names
}

func TestSchemasAcceptWhatTheParserAccepts(t *testing.T) {
	all := validators(t)
	for _, name := range glob(t, "../manifest/testdata/good/*.yaml") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			if err := verdict(t, all, bytes.TrimPrefix(read(t, name), []byte("\xef\xbb\xbf"))); err != nil {
				t.Error(err)
			}
		})
	}
}

// A bad file is refused by both, or says that only the parser can see why. The
// mark is checked too: it must not hide what a schema does see.
func TestSchemasRefuseWhatTheParserRefuses(t *testing.T) {
	all := validators(t)
	for _, name := range glob(t, "../manifest/testdata/bad/*.yaml") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data := read(t, name)
			var refused *jsonschema.ValidationError
			err, marked := verdict(t, all, data), bytes.HasPrefix(data, []byte(parserOnly))
			if marked && errors.As(err, &refused) {
				t.Errorf("the schemas see it too, so the mark is wrong: %v", err)
			}
			if !marked && err == nil {
				t.Errorf("the schemas accept it; fix them, or begin the file with %q", parserOnly)
			}
			if _, err := manifest.Load(fstest.MapFS{"a.yaml": {Data: data}}, manifest.Options{}); err == nil {
				t.Error("the parser accepts it")
			}
		})
	}
}

// Each example is a tree of its own, right for the parser and for the schemas.
func TestExamples(t *testing.T) {
	all := validators(t)
	for _, dir := range exampleFolders(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			if _, err := manifest.Load(os.DirFS(dir), manifest.Options{}); err != nil {
				t.Error(err)
			}
			err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
				if err != nil || !strings.HasSuffix(name, ".yaml") {
					return err
				}
				if data := read(t, name); !bytes.Contains(data, []byte("\nsops:\n")) { // no manifest: what a Secret names
					err = verdict(t, all, data)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func exampleFolders(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("../examples")
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, filepath.Join("../examples", e.Name()))
		}
	}
	return dirs
}

func TestKindsAreThoseOfTheParser(t *testing.T) {
	known := map[string]bool{}
	for _, k := range manifest.Kinds() {
		known[k.Name] = true
	}
	for _, k := range schemas.Kinds() {
		if !known[k] {
			t.Errorf("there is a schema of %s, which the parser does not know", k)
		}
		delete(known, k)
	}
	if len(known) > 0 {
		t.Errorf("no schema of %v", known)
	}
}

func TestFor(t *testing.T) {
	lower, err := schemas.For("service")
	if err != nil {
		t.Fatal(err)
	}
	if upper, err := schemas.For("Service"); err != nil || !bytes.Equal(lower, upper) {
		t.Errorf("the case matters: %v", err)
	}
	if _, err := schemas.For("Cronjob"); err == nil || !strings.Contains(err.Error(), "App, Config, Fleet, Host") {
		t.Errorf("got %v, want an error that names the kinds", err)
	}
}

// Editors show the descriptions, so every field of a spec has one.
func TestSchemasDescribeFields(t *testing.T) {
	data, err := schemas.For("Service")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]struct {
			Properties map[string]struct{ Description string }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	spec := schema.Defs["ServiceSpec"].Properties
	if len(spec) < 35 {
		t.Errorf("only %d fields", len(spec))
	}
	for name, p := range spec {
		if p.Description == "" {
			t.Errorf("spec.%s has no description", name)
		}
	}
}
