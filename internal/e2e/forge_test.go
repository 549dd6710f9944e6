//go:build forge

package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/giteatest"
)

// forgeWorld is an installation whose repository is on a Gitea. Its owner commits,
// and Tallyman has an account of its own.
type forgeWorld struct {
	*world
	owner, us *giteatest.User
	name      string // owner/name
	url       string
}

func newForgeWorld(t *testing.T) *forgeWorld {
	w, _ := localWorld(t)
	server := giteatest.Start(t)
	f := &forgeWorld{world: w, owner: server.User("ada"), us: server.User("tallyman-bot")}
	f.name = f.owner.Repo("shop")
	f.url = server.URL + "/" + f.name + ".git"
	f.owner.Call("PUT", "/repos/"+f.name+"/collaborators/tallyman-bot", map[string]string{"permission": "write"}, nil)
	return f
}

// serve starts a controller that tells the Gitea how commits go.
func (f *forgeWorld) serve() *controller {
	f.t.Helper()
	path, err := binary()
	if err != nil {
		f.t.Fatal(err)
	}
	return startController(f.t, exec.Command(path, "serve", "--repo", f.url, "--state-dir", f.state, "--owner", f.world.owner,
		"--poll", "1s", "--forge", "gitea", "--forge-token-file", f.us.TokenFile()))
}

// web is a manifest of one replica.
func web(image, more string) map[string]string {
	return map[string]string{"web.yaml": fmt.Sprintf("apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: web}\nspec:\n"+
		"  image: %s\n  pull: never\n  stopGracePeriod: 2s\n  update: {monitor: 1s, deadline: 1m}\n  %s\n", image, more)}
}

// status waits until the commit has the status in our context, and gives its text.
func (f *forgeWorld) status(commit, context, want string) string {
	f.t.Helper()
	var list []struct{ Context, Status, Description string }
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		f.owner.Call("GET", "/repos/"+f.name+"/statuses/"+commit+"?sort=recentupdate", nil, &list)
		for _, s := range list {
			if s.Context != context {
				continue
			}
			if s.Status == want {
				return s.Description
			}
			break
		}
	}
	f.t.Fatalf("commit %.8s has no status %s %s, but %+v", commit, context, want, list)
	return ""
}

func contains(text string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// TestTheForgeIsToldHowCommitsGo: pending and then good, a bad one with the reason and
// where it was rolled back to, and one whose end came while no controller ran.
func TestTheForgeIsToldHowCommitsGo(t *testing.T) {
	f := newForgeWorld(t)
	c := f.serve()
	good := f.owner.Commit(f.name, "main", web("tallyman/hello:1", ""))
	f.status(good, "tallyman/rollout", "success")
	f.status(good, "tallyman/rollout/default", "success")

	bad := f.owner.Commit(f.name, "main", web("tallyman/hello:2", "environment: {FAIL: exit, EXIT_CODE: \"3\"}"))
	if text := f.status(bad, "tallyman/rollout/default", "failure"); !contains(text, "rolled back to "+good[:8], "exited with code 3") {
		t.Errorf("the status of the bad commit says %q", text)
	}
	c.kill()
	last := f.owner.Commit(f.name, "main", web("tallyman/hello:2", ""))
	f.serve()
	f.status(last, "tallyman/rollout", "success")

	refused := f.owner.Commit(f.name, "main", map[string]string{"web.yaml": "apiVersion: tallyman/v1\nkind: Servise\n"})
	if text := f.status(refused, "tallyman/rollout", "failure"); !contains(text, "refused", "web.yaml:2:7") {
		t.Errorf("the status of the refused commit says %q", text)
	}
}
