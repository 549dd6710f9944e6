package git

import (
	"os"
	"path/filepath"
	"testing"
)

// TestIdentityIsGits: the repository's configuration comes before the user's, and
// half of a name is none.
func TestIdentityIsGits(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "none"))
	s := newSourceWith(t, "a", "1")
	want := func(what string, by Signature, known bool) {
		t.Helper()
		if got, is := follow(t, s.dir).Identity(); got != by || is != known {
			t.Errorf("%s: got %v, %v", what, got, is)
		}
	}
	if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte("[user]\n\tname = Ada\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want("no address anywhere", Signature{Name: "Ada"}, false)
	overwrite(t, filepath.Join(home, ".gitconfig"), "[user]\n\tname = Ada\n\temail = ada@example.com\n")
	want("the user's", Signature{"Ada", "ada@example.com"}, true)
	s.git("config", "user.email", "ada@fleet.example.com")
	want("the repository's address", Signature{"Ada", "ada@fleet.example.com"}, true)
}
