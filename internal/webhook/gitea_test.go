//go:build forge

package webhook

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/giteatest"
)

// TestARealGiteaSaysWhereToLook has a real Gitea tell of a push, of a pull
// request from a fork, of a label on it, and of its merge.
func TestARealGiteaSaysWhereToLook(t *testing.T) {
	server := giteatest.Start(t)
	ann, stranger := server.User("ann"), server.User("stranger")
	repo := ann.Repo("shop")
	h, err := New(Config{Kind: Gitea, SecretFile: secretFile(t, secret), Repositories: []string{server.URL + "/" + repo + ".git"}})
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewUnstartedServer(h)
	listener.Config = Server(h)
	listener.Start()
	t.Cleanup(listener.Close)
	ann.Hook(repo, listener.URL, secret)

	ann.Commit(repo, "main", map[string]string{"web.yaml": "a"})
	wait(t, h, Hint{Ref: "refs/heads/main"})
	fork := stranger.Fork(repo)
	stranger.Commit(fork, "feature", map[string]string{"new.yaml": "b"})
	number := stranger.Pull(repo, "stranger:feature", "main", "From afar")
	wait(t, h, Hint{Ref: "refs/heads/main", PullRequest: number})
	stranger.Commit(fork, "feature", map[string]string{"more.yaml": "c"})
	wait(t, h, Hint{Ref: "refs/heads/main", PullRequest: number})
	var label struct{ ID int }
	ann.Call("POST", "/repos/"+repo+"/labels", map[string]string{"name": "preview", "color": "#00aabb"}, &label)
	ann.Call("POST", fmt.Sprintf("/repos/%s/issues/%d/labels", repo, number), map[string][]int{"labels": {label.ID}}, nil)
	wait(t, h, Hint{Ref: "refs/heads/main", PullRequest: number})
	ann.Call("PATCH", fmt.Sprintf("/repos/%s/pulls/%d", repo, number), map[string]string{"title": "Still from afar"}, nil)
	ann.Merge(repo, number)
	wait(t, h, Hint{Ref: "refs/heads/main"})
}

// wait takes hints until there is the wanted one, whatever its repository is.
func wait(t *testing.T, h *Handler, want Hint) {
	t.Helper()
	want.Repository = h.config.Repositories[0]
	for {
		for _, got := range h.Take() {
			if got == want {
				return
			}
			t.Logf("look at %+v", got)
		}
		select {
		case <-h.Wake():
		case <-time.After(time.Minute):
			t.Fatalf("nobody says to look at %+v", want)
		}
	}
}
