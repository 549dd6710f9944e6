package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// TestTheBadCommitGoesBack does what the example's README says.
func TestTheBadCommitGoesBack(t *testing.T) {
	e := dockertest.Local(t)
	e.Images("tallyman/hello:1")
	a := applied(t, "rollback", e.Owner, asItIs)
	old := services(t, e.Client, e.Owner)["till"][0]
	file := filepath.Join(a.repo, "services.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(data), "MESSAGE: welcome", "MESSAGE: bargains", 1)
	text = strings.Replace(text, "metadata: {name: till}\nspec:\n", "metadata: {name: till}\nspec:\n  environment: {FAIL: exit}\n", 1)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	a.commit("Break the till")
	said, err := a.run("apply")
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 3 {
		t.Fatalf("apply ended with %v:\n%s", err, said)
	}
	for _, want := range []string{"failed: app shop: shop/till-1 on local: ", "last lines of ", "rolled back: app shop runs at revision "} {
		if !strings.Contains(said, want) {
			t.Errorf("does not say %q:\n%s", want, said)
		}
	}
	found := services(t, e.Client, e.Owner)
	if len(found["front"]) != 3 || len(found["till"]) != 1 || found["till"][0].ID != old.ID {
		t.Errorf("%d of front, and of till %v; want 3, and the one from before", len(found["front"]), found["till"])
	}
	for _, k := range found["front"] {
		if said := get(t, e.Address(), k, "/"); !strings.HasPrefix(said, "welcome\n") {
			t.Errorf("a front says %q", said)
		}
	}
	if said, err := a.run("status"); err != nil || !strings.Contains(said, "OutOfSync") || !strings.Contains(said, "held: rolled back from ") {
		t.Errorf("the status is %v:\n%s", err, said)
	}
	command(t, a.repo, "git", "-c", "user.name=You", "-c", "user.email=you@example.com", "revert", "--no-edit", "HEAD")
	if said, err := a.run("apply"); err != nil {
		t.Errorf("after the revert, apply ended with %v:\n%s", err, said)
	}
	if found := services(t, e.Client, e.Owner)["till"]; len(found) != 1 || found[0].ID != old.ID {
		t.Errorf("the revert touched what runs")
	}
}
