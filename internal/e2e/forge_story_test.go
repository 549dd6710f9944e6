//go:build forge

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// example reads the files of examples/pull-requests.
func example(t *testing.T) map[string]string {
	t.Helper()
	files, root := map[string]string{}, filepath.Join("..", "..", "examples", "pull-requests")
	for _, pattern := range []string{"*.yaml", "*/*.yaml"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				t.Fatal(err)
			}
			files[filepath.ToSlash(name)] = string(content)
		}
	}
	return files
}

// TestThePullRequestStory is what `make demo-pr` shows: each step is told as it
// happens.
func TestThePullRequestStory(t *testing.T) {
	f, files := newForgeWorld(t), example(t)
	f.poll = "1h" // what it hears of comes by the webhook
	tell := func(format string, args ...any) { fmt.Printf("\n=== "+format+"\n", args...) }
	with := func(old, new string) map[string]string {
		changed := maps.Clone(files)
		changed["shop/web.yaml"] = strings.Replace(files["shop/web.yaml"], old, new, 1)
		if changed["shop/web.yaml"] == files["shop/web.yaml"] {
			t.Fatalf("the example does not say %q any more", old)
		}
		return changed
	}
	only := func(files map[string]string) map[string]string {
		return map[string]string{"shop/web.yaml": files["shop/web.yaml"]}
	}

	tell("A Gitea with a repository at %s, and a controller that follows it", f.url)
	f.serve()
	f.owner.Hook(f.name, "http://"+f.hook+"/", "a secret of the webhook")
	first := f.owner.CommitSaying(f.name, "main", "Open the shop", files)
	tell("The first commit: tallyman/rollout says %q", f.status(first, "tallyman/rollout", "success"))

	bold := f.owner.CommitSaying(f.name, "bolder", "Be three, and privileged", only(with("replicas: 2", "replicas: 3\n  privileged: true")))
	number := f.owner.Pull(f.name, "bolder", "main", "Bolder")
	tell("Pull request %d wants one replica more, and privileges. tallyman/plan turns red: %q", number, f.status(bold, "tallyman/plan", "failure"))
	fmt.Println(f.comment(number, "breaks policies"))

	files = with("replicas: 2", "replicas: 3")
	mended := f.owner.CommitSaying(f.name, "bolder", "Do without privileges", only(files))
	tell("Somebody takes the privileges out again, and it turns green: %q", f.status(mended, "tallyman/plan", "success"))
	fmt.Println(f.comment(number, "`+1`"))

	f.label(number, "preview")
	f.comment(number, "**Preview** `shop-pr-1`", "running, healthy", "port 8080: `local:")
	tell("With the label \"preview\" it runs beside the shop")
	fmt.Println(f.comment(number, "**Preview**"))

	f.owner.Merge(f.name, number)
	f.eventually("3 replicas and no preview", exactly("web", "tallyman/hello:1", 3))
	tell("Merged, and 3 replicas run: tallyman/rollout says %q", f.status(f.merged(number), "tallyman/rollout", "success"))

	bad := f.owner.CommitSaying(f.name, "main", "Exit at once, by mistake", only(with("replicas: 3", "replicas: 3\n  environment: {FAIL: exit}")))
	tell("A bad commit, past all reviews: tallyman/rollout says %q", f.status(bad, "tallyman/rollout/shop", "failure"))
	f.eventually("the 3 replicas of before", exactly("web", "tallyman/hello:1", 3))

	back := f.pullBy(f.us.Name)
	tell("Tallyman has gone back already, and asks in pull request %d to take the commit out of the branch", back)
	f.owner.Merge(f.name, back)
	tell("Merged: tallyman/rollout says %q", f.status(f.merged(back), "tallyman/rollout", "success"))
}

// label puts a label on a pull request.
func (f *forgeWorld) label(number int, name string) {
	f.t.Helper()
	var made struct{ ID int }
	f.owner.Call("POST", "/repos/"+f.name+"/labels", map[string]string{"name": name, "color": "#00ff00"}, &made)
	f.owner.Call("POST", fmt.Sprintf("/repos/%s/issues/%d/labels", f.name, number), map[string][]int{"labels": {made.ID}}, nil)
}

// merged is the commit that a pull request was merged by.
func (f *forgeWorld) merged(number int) string {
	f.t.Helper()
	var pull struct {
		Commit string `json:"merge_commit_sha"`
	}
	f.owner.Call("GET", fmt.Sprintf("/repos/%s/pulls/%d", f.name, number), nil, &pull)
	return pull.Commit
}

// pullBy waits for an open pull request of somebody's.
func (f *forgeWorld) pullBy(author string) int {
	f.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		var open []struct {
			Number int
			User   struct{ Login string }
		}
		f.owner.Call("GET", "/repos/"+f.name+"/pulls?state=open", nil, &open)
		for _, p := range open {
			if p.User.Login == author {
				return p.Number
			}
		}
	}
	f.t.Fatalf("%s has opened no pull request", author)
	return 0
}
