package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestAFailedCommitIsRevertedOnTheBranch by the controller itself, in one commit
// that touches no container and ends the hold.
func TestAFailedCommitIsRevertedOnTheBranch(t *testing.T) {
	w, _ := localWorld(t)
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	c := startController(t, exec.Command(path, w.args("serve", "--revert", "push")...))
	w.write("app.yaml", "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {onFailure: revert}\n")
	w.service("web", "tallyman/hello:1", 2)
	good := w.commit("deploy shop")
	before := w.eventually("2 replicas", exactly("web", "tallyman/hello:1", 2))
	w.service("web", "tallyman/hello:2", 2, "environment: {FAIL: exit, EXIT_CODE: \"3\"}")
	failed := w.commit("sell more")
	for end := time.Now().Add(patience); w.git("rev-parse", "HEAD") == failed; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the commit was not reverted:\n%s", logOf(t, c))
		}
	}
	if subject := w.git("log", "-1", "--format=%s|%(trailers:key=Tallyman-Reverts,valueonly)"); subject != `Revert "sell more"|`+failed {
		t.Errorf("the branch is at %q", subject)
	}
	if diff := w.git("diff", "--stat", good, "HEAD"); diff != "" {
		t.Errorf("the branch differs from what was good:\n%s", diff)
	}
	w.until("shop", "as the branch says", func(a appStatus) bool { return a.Held == nil && a.Sync == "Synced" && a.Health == "Healthy" })
	after := w.eventually("2 replicas", exactly("web", "tallyman/hello:1", 2))
	if strings.Join(ids(after), " ") != strings.Join(ids(before), " ") {
		t.Errorf("there were\n%sand there are\n%s", list(before), list(after))
	}
	if n := w.git("rev-list", "--count", "HEAD"); n != "3" {
		t.Errorf("%s commits, want 3:\n%s", n, w.git("log", "--format=%h %s"))
	}
}

func logOf(t *testing.T, c *controller) string {
	t.Helper()
	data, err := os.ReadFile(c.log)
	if err != nil {
		t.Fatal(err)
	}
	return tail(string(data), 30)
}
