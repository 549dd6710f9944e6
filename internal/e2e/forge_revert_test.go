//go:build forge

package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestAPullRequestRevertsAFailedCommit, and merging it ends the hold: the hosts run
// what it says already.
func TestAPullRequestRevertsAFailedCommit(t *testing.T) {
	f := newForgeWorld(t)
	c := f.serve()
	shop := func(image, more string) map[string]string {
		return map[string]string{
			"shop/app.yaml": "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {onFailure: revert}\n",
			"shop/web.yaml": web(image, more)["web.yaml"],
		}
	}
	good := f.owner.Commit(f.name, "main", shop("tallyman/hello:1", ""))
	f.status(good, "tallyman/rollout/shop", "success")
	before := f.eventually("the web server", exactly("web", "tallyman/hello:1", 1))
	bad := f.owner.Commit(f.name, "main", shop("tallyman/hello:2", "environment: {FAIL: exit, EXIT_CODE: \"3\"}"))
	f.status(bad, "tallyman/rollout/shop", "failure")

	type pull struct {
		Number      int
		Title, Body string
		User        struct{ Login string }
		Head        struct{ Ref string }
	}
	pulls := func(state string) (list []pull) {
		f.owner.Call("GET", "/repos/"+f.name+"/pulls?state="+state, nil, &list)
		return list
	}
	for end := time.Now().Add(patience); len(pulls("open")) == 0; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no pull request was opened:\n%s", logOf(t, c))
		}
	}
	p := pulls("open")[0]
	if p.User.Login != f.us.Name || p.Head.Ref != "tallyman/revert-shop-"+bad[:8] || !strings.HasPrefix(p.Title, `Revert "Change main"`) ||
		!contains(p.Body, bad, "exited with code 3", good) {
		t.Errorf("the pull request is %+v", p)
	}
	f.repo = f.url // for those who ask the controller
	says := "pull request 1 asks to revert it: " + strings.TrimSuffix(f.url, ".git") + "/pulls/1"
	f.statusSays(says)
	c.kill()
	f.serve()
	f.statusSays(says) // as it is remembered
	f.owner.Merge(f.name, p.Number)
	var branch struct{ Commit struct{ ID string } }
	f.owner.Call("GET", "/repos/"+f.name+"/branches/main", nil, &branch)
	f.status(branch.Commit.ID, "tallyman/rollout", "success")
	after := f.eventually("the web server", exactly("web", "tallyman/hello:1", 1))
	if strings.Join(ids(after), " ") != strings.Join(ids(before), " ") {
		t.Errorf("there was\n%sand there is\n%s", list(before), list(after))
	}
	if all := pulls("all"); len(all) != 1 {
		t.Errorf("there were %d pull requests: %+v", len(all), all)
	}
}
