package examples_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// TestTheCanaryWaitsAndTheOthersFollow does what the example's README says.
func TestTheCanaryWaitsAndTheOthersFollow(t *testing.T) {
	e := dockertest.Local(t)
	e.Images("tallyman/hello:1")
	a := applied(t, "canary", e.Owner, asItIs)
	says := func(message string) int {
		n := 0
		for _, k := range services(t, e.Client, e.Owner)["front"] {
			if strings.HasPrefix(get(t, e.Address(), k, "/"), message+"\n") {
				n++
			}
		}
		return n
	}
	file := filepath.Join(a.repo, "service.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), "MESSAGE: welcome", "MESSAGE: bargains", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	a.commit("Bargains")
	said, err := a.run("apply")
	if want := "app shop: canary: 1 of 4 replicas of front on the new revision, waits for `tallyman promote shop`"; err != nil || !strings.Contains(said, want) {
		t.Fatalf("apply ended with %v:\n%s", err, said)
	}
	if old, fresh := says("welcome"), says("bargains"); old != 4 || fresh != 1 {
		t.Errorf("%d replicas are old and %d new while the canary waits", old, fresh)
	}
	if said, err := a.run("status"); err != nil || !strings.Contains(said, "canary: 1 of 4 replicas of front on the new revision") {
		t.Errorf("the status is %v:\n%s", err, said)
	}
	for _, verb := range [][]string{{"promote", "shop"}, {"apply"}} {
		if said, err := a.run(verb...); err != nil {
			t.Fatalf("%s ended with %v:\n%s", verb[0], err, said)
		}
	}
	if old, fresh := says("welcome"), says("bargains"); old != 0 || fresh != 4 {
		t.Errorf("%d replicas are old and %d new after the canary was promoted", old, fresh)
	}
	if said, err := a.run("promote", "shop"); err == nil || !strings.Contains(said, "none of its canaries is ready and waits") {
		t.Errorf("promoting nothing ended with %v:\n%s", err, said)
	}
}
