package secret

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/tallyman-io/tallyman/manifest"
)

// canary is in every plain text here.
const canary = "c4nary"

// testdata reads a fixture. Those that end in .enc.yaml and .enc.json were
// written by sops 3.13.3 for the keys beside them.
func testdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// keys are the fixtures' keys of these names.
func keys(t testing.TB, names ...string) []identity {
	t.Helper()
	var all []identity
	for _, name := range names {
		ids, err := parseKeys(string(testdata(t, name+".key")))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, ids...)
	}
	return all
}

// seal encrypts a value with age.
func seal(t testing.TB, value string, armored bool, to ...age.Recipient) []byte {
	t.Helper()
	if len(to) == 0 {
		to = []age.Recipient{keys(t, "one")[0].Identity.(*age.X25519Identity).Recipient()}
	}
	var out bytes.Buffer
	dst := struct {
		io.Writer
		close func() error
	}{&out, func() error { return nil }}
	if armored {
		a := armor.NewWriter(&out)
		dst.Writer, dst.close = a, a.Close
	}
	w, err := age.Encrypt(dst, to...)
	if err == nil {
		_, err = io.WriteString(w, value)
	}
	if err := errors.Join(err, w.Close(), dst.close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// set loads a tree of manifests and what they name.
func set(t testing.TB, files map[string]string) *manifest.Set {
	t.Helper()
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	s, err := manifest.Load(tree, manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func secretDoc(name, spec string) string {
	return "apiVersion: tallyman/v1\nkind: Secret\nmetadata: {name: " + name + "}\nspec:\n  " + spec + "\n"
}

// block is a text as a YAML block below a key of spec.age.
func block(text []byte) string {
	return "|\n      " + strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n      ")
}

// variables give keys as environment variables do.
func variables(values map[string]string) Keys {
	k := Keys{LookupEnv: func(name string) (string, bool) { v, ok := values[name]; return v, ok }}
	for name := range values {
		k.Variables = append(k.Variables, name)
	}
	return k
}

// saysNothing wants an error that holds no plain text and no key.
func saysNothing(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("succeeded")
	}
	for _, word := range []string{canary, "AGE-SECRET", "ENC["} {
		if strings.Contains(err.Error(), word) {
			t.Errorf("the error repeats %q: %v", word, err)
		}
	}
}
