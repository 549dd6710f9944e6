//go:build forge

package e2e

import (
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// followed are a service as a person writes it, with comments and a layout of its own,
// and a policy that asks for newer images of it.
func followed(r *dockertest.Registry, service, interval string) map[string]string {
	return map[string]string{
		service + ".yaml": fmt.Sprintf(`# What customers see first. Ask ada before you touch this.
apiVersion: tallyman/v1
kind: Service
metadata: { name: %s }

spec:
  image:   "%s"    # followed by %[1]s-policy.yaml
  pull: missing
  stopGracePeriod: 2s
  update:      {monitor: 1s, deadline: 1m}
  healthCheck:
      command: [ /server, health ]   # its own binary
      interval: 1s
      retries: 5
`, service, r.Ref(service+":1.0.0")),
		service + "-policy.yaml": fmt.Sprintf("apiVersion: tallyman/v1\nkind: ImagePolicy\nmetadata: {name: %s}\n"+
			"spec: {image: %s, follow: {semver: 1.x}, commit: {to: pullRequest}, interval: %s}\n", service, r.Ref(service), interval),
	}
}

// due has the policies look at once, which another interval does.
func (f *forgeWorld) due(r *dockertest.Registry, interval string, services ...string) {
	files := map[string]string{}
	for _, service := range services {
		files[service+"-policy.yaml"] = followed(r, service, interval)[service+"-policy.yaml"]
	}
	f.owner.Commit(f.name, "main", files)
}

type bump struct {
	Number      int
	Title, Body string
	User        struct{ Login string }
	Head        struct{ Ref, Sha string }
}

// asks waits for the pull requests with these titles, and no others, of any state; the
// newest comes first.
func (f *forgeWorld) asks(c *controller, titles ...string) []bump {
	f.t.Helper()
	var list []bump
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		list = nil
		f.owner.Call("GET", "/repos/"+f.name+"/pulls?state=all&sort=newest", nil, &list)
		if len(list) < len(titles) {
			continue
		}
		var got []string
		for _, p := range list {
			got = append(got, p.Title)
		}
		if strings.Join(got, "\n") == strings.Join(titles, "\n") {
			return list
		}
		break
	}
	f.t.Fatalf("there are the pull requests %+v, want %q:\n%s", list, titles, logOf(f.t, c))
	return nil
}

// file is what a file has at a ref of the forge's repository.
func (f *forgeWorld) file(path, ref string) string {
	f.t.Helper()
	var got struct{ Content string }
	f.owner.Call("GET", "/repos/"+f.name+"/contents/"+path+"?ref="+ref, nil, &got)
	text, err := base64.StdEncoding.DecodeString(got.Content)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

// TestAForgeIsAskedForNewerImages: by a pull request that changes nothing but the
// reference, is planned like any other, and is declined for good; or is merged, which
// rolls the image out.
func TestAForgeIsAskedForNewerImages(t *testing.T) {
	r := localRegistry(t, nil)
	f := newForgeWorld(t)
	push := func(have, name string) { r.Push(f.hosts["local"], have, name) }
	push("tallyman/hello:1", "web:1.0.0")
	push("tallyman/hello:1", "side:1.0.0")
	push("tallyman/hello:2", "web:1.1.0")
	files := followed(r, "web", "30m")
	maps.Copy(files, followed(r, "side", "30m"))
	c := f.serve()
	first := f.owner.Commit(f.name, "main", files)
	f.status(first, "tallyman/rollout", "success")
	bumped := func(name, version string) string { return "Bump " + r.Ref(name) + " to " + version }

	asked := f.asks(c, bumped("web", "1.1.0"))[0]
	if asked.User.Login != f.us.Name || !strings.HasPrefix(asked.Head.Ref, "tallyman/images-") || !contains(asked.Body,
		fmt.Sprintf("| `default/web` | `%s` | `%s` |", r.Ref("web:1.0.0"), r.Ref("web:1.1.0")), "not asked for again") {
		t.Errorf("the pull request is %+v", asked)
	}
	if got, want := f.file("web.yaml", asked.Head.Sha), strings.Replace(files["web.yaml"], "web:1.0.0", "web:1.1.0", 1); got != want {
		t.Errorf("the manifest is\n%s\nwant\n%s", got, want)
	}
	f.status(asked.Head.Sha, "tallyman/plan", "success")
	f.comment(asked.Number, "`±1`", "`web-1`", "1.1.0")

	f.owner.Call("PATCH", fmt.Sprintf("/repos/%s/pulls/%d", f.name, asked.Number), map[string]string{"state": "closed"}, nil)
	push("tallyman/hello:2", "side:1.1.0")
	f.due(r, "31m", "web", "side")
	f.asks(c, bumped("side", "1.1.0"), bumped("web", "1.1.0")) // which tells that both were looked at
	f.runs(r, "web:1.0.0")

	push("tallyman/hello:2", "web:1.2.0")
	f.due(r, "32m", "web")
	asked = f.asks(c, bumped("web", "1.2.0"), bumped("side", "1.1.0"), bumped("web", "1.1.0"))[0]
	f.owner.Merge(f.name, asked.Number)
	f.status(f.merged(asked.Number), "tallyman/rollout", "success")
	f.runs(r, "web:1.2.0")
	f.runs(r, "side:1.0.0")
	if got, want := f.file("web.yaml", "main"), strings.Replace(files["web.yaml"], "web:1.0.0", "web:1.2.0", 1); got != want {
		t.Errorf("merged, the manifest is\n%s\nwant\n%s", got, want)
	}
}
