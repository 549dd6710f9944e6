//go:build forge

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
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
	poll      string
	hook      string // where the controller hears from the Gitea
	secret    string // file
	forgeURL  string // another way to the Gitea's API; "" for none
}

func newForgeWorld(t *testing.T) *forgeWorld {
	w, _ := localWorld(t)
	server := giteatest.Start(t)
	f := &forgeWorld{world: w, owner: server.User("ada"), us: server.User("tallyman-bot"), poll: "1s", hook: freeAddress(t)}
	f.secret = filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(f.secret, []byte("a secret of the webhook\n"), 0o600); err != nil {
		t.Fatal(err)
	}
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
	args := []string{"serve", "--repo", f.url, "--state-dir", f.state, "--owner", f.world.owner,
		"--poll", f.poll, "--forge-poll", f.poll, "--forge", "gitea", "--forge-token-file", f.us.TokenFile(),
		"--git-username", f.us.Name, "--git-token-file", f.us.TokenFile(), "--webhook-listen", f.hook, "--webhook-secret-file", f.secret}
	if f.forgeURL != "" {
		args = append(args, "--forge-url", f.forgeURL)
	}
	return startController(f.t, exec.Command(path, args...))
}

// web is a manifest of one replica.
func web(image, more string) map[string]string {
	return map[string]string{"web.yaml": fmt.Sprintf("apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: web}\nspec:\n"+
		"  image: %s\n  pull: never\n  stopGracePeriod: 2s\n  update: {monitor: 1s, deadline: 1m}\n"+
		"  healthCheck: {command: [/server, health], interval: 1s, retries: 5}\n  %s\n", image, more)}
}

// status waits until the commit has the status in our context, and gives its text.
func (f *forgeWorld) status(commit, context, want string) string {
	f.t.Helper()
	type told struct {
		ID                           int
		Context, Status, Description string
	}
	var list []told
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		list = nil
		f.owner.Call("GET", "/repos/"+f.name+"/statuses/"+commit, nil, &list)
		var newest told // those of one second come in any order
		for _, s := range list {
			if s.Context == context && s.ID > newest.ID {
				newest = s
			}
		}
		if newest.Status == want {
			return newest.Description
		}
	}
	f.t.Fatalf("commit %.8s has no status %s %s, but %+v", commit, context, want, list)
	return ""
}

// freeAddress is one on the loopback that nobody listened at a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
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

// comment waits until Tallyman's comment on a pull request has all the parts.
func (f *forgeWorld) comment(number int, parts ...string) string {
	f.t.Helper()
	type said struct {
		Body string
		User struct{ Login string }
	}
	var list []said
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		list = nil
		f.owner.Call("GET", fmt.Sprintf("/repos/%s/issues/%d/comments", f.name, number), nil, &list)
		ours := 0
		for _, c := range list {
			if c.User.Login != f.us.Name {
				continue
			}
			if ours++; ours > 1 {
				f.t.Fatalf("Tallyman commented more than once on pull request %d: %+v", number, list)
			}
			if contains(c.Body, parts...) {
				return c.Body
			}
		}
	}
	f.t.Fatalf("no comment on pull request %d says %q: %+v", number, parts, list)
	return ""
}

// TestAPullRequestFromThePlanToTheRollout is the whole story: the plan as a comment, a
// mistake that turns it red with a remark on its line, the mend, the merge, the rollout.
// The controller polls so seldom that it is the webhook that it hears from.
func TestAPullRequestFromThePlanToTheRollout(t *testing.T) {
	f := newForgeWorld(t)
	f.poll = "1h"
	f.serve()
	f.owner.Hook(f.name, "http://"+f.hook+"/", "a secret of the webhook")
	first := f.owner.Commit(f.name, "main", web("tallyman/hello:1", ""))
	f.status(first, "tallyman/rollout", "success")

	change := f.owner.Commit(f.name, "louder", web("tallyman/hello:2", "replicas: 2"))
	number := f.owner.Pull(f.name, "louder", "main", "Louder </details><img src=x> @ada")
	f.status(change, "tallyman/plan", "success")
	body := f.comment(number, "`+1 ±1`", "image 1 → 2", change)
	if contains(body, "<img") {
		t.Errorf("the comment has the title's markup: %s", body)
	}

	wrong := f.owner.Commit(f.name, "louder", map[string]string{"web.yaml": "apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: web}\nspec: {image: tallyman/hello:2, replica: 2}\n"})
	if text := f.status(wrong, "tallyman/plan", "failure"); !contains(text, "web.yaml:4:", "replica") {
		t.Errorf("the status of the mistake says %q", text)
	}
	f.comment(number, "unknown field")
	mended := f.owner.Commit(f.name, "louder", web("tallyman/hello:2", "replicas: 3"))
	f.status(mended, "tallyman/plan", "success")
	f.comment(number, "`+2 ±1`")

	f.owner.Merge(f.name, number)
	f.eventually("3 new replicas", exactly("web", "tallyman/hello:2", 3))
	f.status(f.merged(number), "tallyman/rollout", "success")
}

// TestAPullRequestMendsABrokenBranch: while the branch is refused, the one that leaves
// the mistake is red, the one that mends it is green, and its merge is rolled out.
func TestAPullRequestMendsABrokenBranch(t *testing.T) {
	f := newForgeWorld(t)
	f.serve()
	first := f.owner.Commit(f.name, "main", web("tallyman/hello:1", ""))
	f.status(first, "tallyman/rollout", "success")
	broken := f.owner.Commit(f.name, "main", web("tallyman/hello:1", "replica: 2"))
	f.status(broken, "tallyman/rollout", "failure")

	other := f.owner.Commit(f.name, "other", map[string]string{"notes/README.md": "words"})
	f.owner.Pull(f.name, "other", "main", "Leave it")
	if text := f.status(other, "tallyman/plan", "failure"); !contains(text, "main is not valid since "+broken[:8]+", and not with this") {
		t.Errorf("the status of what mends nothing says %q", text)
	}
	mend := f.owner.Commit(f.name, "mend", web("tallyman/hello:2", "replicas: 2"))
	number := f.owner.Pull(f.name, "mend", "main", "Mend it")
	if text := f.status(mend, "tallyman/plan", "success"); !contains(text, "mends main: +1 ±1") {
		t.Errorf("the status of the mend says %q", text)
	}
	f.comment(number, "not valid since", "compared with `"+first[:8]+"`", "which is in force")
	f.owner.Merge(f.name, number)
	f.eventually("2 new replicas", exactly("web", "tallyman/hello:2", 2))
}
