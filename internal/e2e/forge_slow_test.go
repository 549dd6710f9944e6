//go:build forge

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// slowly is a Gitea's address where each answer takes a while.
func slowly(t *testing.T, address string, delay time.Duration) string {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(delay)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// says waits until the controller's log has a text.
func (f *forgeWorld) says(c *controller, text string) {
	f.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if log, _ := os.ReadFile(c.log); strings.Contains(string(log), text) {
			return
		}
	}
	f.t.Fatalf("the controller never says %q", text)
}

// app is a manifest of an app with one replica, in a folder of its own.
func app(name, image string) map[string]string {
	files := map[string]string{name + "/app.yaml": "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: " + name + "}\nspec: {previews: {label: preview}}\n"}
	for _, content := range web(image, "ports: [{port: 8080}]") {
		files[name+"/web.yaml"] = content
	}
	return files
}

// TestASlowForgeLosesNoCommit: all that were in force have an end, though one came after
// the other faster than the Gitea takes statuses; and an app that was renamed is
// removed, which is good.
func TestASlowForgeLosesNoCommit(t *testing.T) {
	f := newForgeWorld(t)
	address, _, _ := strings.Cut(f.url, "/"+f.name)
	f.forgeURL = slowly(t, address, 1500*time.Millisecond)
	c := f.serve()
	var commits []string
	for n := range 4 {
		files := app("store", "tallyman/hello:1")
		files["note.txt"] = fmt.Sprint(n)
		files["store/web.yaml"] += fmt.Sprintf("  stopSignal: SIG%s\n", []string{"TERM", "INT", "QUIT", "USR1"}[n])
		begun := time.Now()
		commits = append(commits, f.owner.Commit(f.name, "main", files))
		f.says(c, "revision "+commits[n][:8]+" complete")
		t.Logf("commit %d was complete after %s", n, time.Since(begun).Round(100*time.Millisecond))
	}
	begun := time.Now()
	for _, commit := range commits {
		f.status(commit, "tallyman/rollout/store", "success")
		f.status(commit, "tallyman/rollout", "success")
	}
	t.Logf("all of them were told %s after the last", time.Since(begun).Round(100*time.Millisecond))
	begun = time.Now()
	rename := f.owner.Commit(f.name, "main", map[string]string{"store/app.yaml": app("shop", "")["shop/app.yaml"]})
	f.status(rename, "tallyman/rollout", "pending")
	t.Logf("the rename was pending after %s", time.Since(begun).Round(100*time.Millisecond))
	if text := f.status(rename, "tallyman/rollout/store", "success"); text != "removed" {
		t.Errorf("the app that was renamed is %q", text)
	}
	f.status(rename, "tallyman/rollout", "success")
}

// TestAGoodCommitStaysGood when the controller is killed before it could say so, and
// comes back to a bad one.
func TestAGoodCommitStaysGood(t *testing.T) {
	f := newForgeWorld(t)
	address, _, _ := strings.Cut(f.url, "/"+f.name)
	f.forgeURL = slowly(t, address, 3*time.Second)
	c := f.serve()
	good := f.owner.Commit(f.name, "main", web("tallyman/hello:1", ""))
	f.says(c, "revision "+good[:8]+" complete")
	c.kill()
	bad := f.owner.Commit(f.name, "main", web("tallyman/hello:2", "environment: {FAIL: exit, EXIT_CODE: \"3\"}"))
	f.forgeURL = ""
	f.serve()
	f.status(bad, "tallyman/rollout", "failure")
	f.status(good, "tallyman/rollout", "success")
	f.status(good, "tallyman/rollout/default", "success")
}

// TestTheEndOfAPreviewIsSaidOnItsPullRequest, which is closed by then: the address in
// the comment may be anybody's soon.
func TestTheEndOfAPreviewIsSaidOnItsPullRequest(t *testing.T) {
	f := newForgeWorld(t)
	f.serve()
	first := f.owner.Commit(f.name, "main", app("shop", "tallyman/hello:1"))
	f.status(first, "tallyman/rollout", "success")
	f.owner.Commit(f.name, "louder", app("shop", "tallyman/hello:2"))
	number := f.owner.Pull(f.name, "louder", "main", "Louder")
	var label struct{ ID int64 }
	f.owner.Call("POST", "/repos/"+f.name+"/labels", map[string]string{"name": "preview", "color": "#00aabb"}, &label)
	f.owner.Call("POST", fmt.Sprintf("/repos/%s/issues/%d/labels", f.name, number), map[string]any{"labels": []int64{label.ID}}, nil)
	f.comment(number, "`±1`", "running, healthy", "/tcp`")
	f.owner.Call("PATCH", fmt.Sprintf("/repos/%s/pulls/%d", f.name, number), map[string]string{"state": "closed"}, nil)
	if body := f.comment(number, "**Preview** is over"); contains(body, "/tcp`") || !contains(body, "image 1 → 2") {
		t.Errorf("in the end the comment says %s", body)
	}
}
