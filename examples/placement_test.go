package examples_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// TestTheLedgerGetsItsRoom does what the example's README says.
func TestTheLedgerGetsItsRoom(t *testing.T) {
	hosts := dockertest.Fleet(t, 1)
	dockertest.Load(t, hosts, "tallyman/hello:1")
	const owner = "examples-placement"
	a := applied(t, "placement", owner, func(_, text string) string {
		return strings.ReplaceAll(text, "unix:///var/run/docker.sock", hosts[0].Socket)
	})
	if said, err := a.run("get", "hosts"); err != nil || !strings.Contains(said, "384MiB of 384MiB") {
		t.Errorf("the host is not full: %v\n%s", err, said)
	}
	a.scale("service.yaml", "replicas: 4", "replicas: 5")
	if said, _ := a.run("plan"); !strings.Contains(said, "no host for search-5: here lacks 96MiB (has 0MiB)") {
		t.Errorf("the plan does not say why there is no fifth:\n%s", said)
	}
	a.scale("service.yaml", "replicas: 5", "replicas: 4")
	a.scale("bank/service.yaml", "replicas: 0", "replicas: 1")
	said, _ := a.run("plan")
	for _, want := range []string{"displaces default/search-4 (priority 0 below 100)", "makes room on here for bank/ledger-1 (priority 100 over 0)"} {
		if !strings.Contains(said, want) {
			t.Errorf("the plan does not say %q:\n%s", want, said)
		}
	}
	said, _ = a.run("apply")
	if found := services(t, hosts[0].Client, owner); len(found["search"]) != 3 || len(found["ledger"]) != 1 {
		t.Errorf("%d replicas of search, %d of ledger\n%s", len(found["search"]), len(found["ledger"]), said)
	}
	a.scale("bank/service.yaml", "replicas: 1", "replicas: 0")
	said, err := a.run("apply")
	if found := services(t, hosts[0].Client, owner); err != nil || len(found["search"]) != 4 || len(found["ledger"]) != 0 {
		t.Errorf("%d replicas of search, %d of ledger: %v\n%s", len(found["search"]), len(found["ledger"]), err, said)
	}
}

// scale changes a file and commits it.
func (a *example) scale(file, from, to string) {
	a.t.Helper()
	path := filepath.Join(a.repo, file)
	data, err := os.ReadFile(path)
	if err != nil {
		a.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), from, to, 1)), 0o644); err != nil {
		a.t.Fatal(err)
	}
	a.commit(to + " in " + file)
}
