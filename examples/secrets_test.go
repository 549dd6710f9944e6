package examples_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// The till gets its values, with the key that is in the example for that.
func TestTheTillHasItsSecrets(t *testing.T) {
	e := dockertest.Local(t)
	e.Images("tallyman/hello:1")
	data, err := os.ReadFile(filepath.Join("secrets-with-sops", "example-key.txt"))
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(key, data, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TALLYMAN_AGE_KEY_FILE", key)
	applied(t, "secrets-with-sops", e.Owner, asItIs)
	till := services(t, e.Client, e.Owner)["till"]
	if len(till) != 1 {
		t.Fatalf("%d replicas of till", len(till))
	}
	for path, want := range map[string]string{
		"/env":                              "PASSWORD=correct horse battery staple\n",
		"/files?path=/etc/till/licence.txt": "licensed to the shop on the quay\nuntil the tide turns\n",
	} {
		if said := get(t, e.Address(), till[0], path); !strings.Contains(said, want) {
			t.Errorf("%s says %q, without %q", path, said, want)
		}
	}
	for key, value := range till[0].Labels {
		if strings.Contains(value, "horse") || strings.Contains(value, "quay") {
			t.Errorf("the label %s has a value in it: %q", key, value)
		}
	}
}
