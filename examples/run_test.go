package examples_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"

	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// example is one that has been applied with the real binary.
type example struct {
	t                        *testing.T
	dir, repo, binary, owner string
}

// applied makes a repository of an example, in which edit may change what
// depends on the place, and applies it.
func applied(t *testing.T, name, owner string, edit func(file, text string) string) *example {
	t.Helper()
	dir := t.TempDir()
	a := &example{t, dir, filepath.Join(dir, "fleet"), filepath.Join(dir, "tallyman"), owner}
	t.Setenv("CGO_ENABLED", "0") // as make build does: holders of pods run it alone in a container
	command(t, ".", "go", "build", "-o", a.binary, "github.com/tallyman-io/tallyman/cmd/tallyman")
	if err := os.CopyFS(a.repo, os.DirFS(name)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(a.repo, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(edit(filepath.Base(file), string(data))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	command(t, a.repo, "git", "init", "-q", "-b", "main")
	a.commit("Begin")
	for _, verb := range []string{"apply", "plan"} {
		if said, err := a.run(verb); err != nil {
			t.Fatalf("%s: %v\n%s", verb, err, said)
		}
	}
	return a
}

// commit puts the repository's files on its branch.
func (a *example) commit(subject string) {
	a.t.Helper()
	command(a.t, a.repo, "git", "add", ".")
	command(a.t, a.repo, "git", "-c", "user.name=You", "-c", "user.email=you@example.com", "commit", "-q", "-m", subject)
}

// run runs a verb of the binary on the example.
func (a *example) run(args ...string) (said string, err error) {
	args = append(args, "--repo", a.repo, "--state-dir", filepath.Join(a.dir, "state"), "--owner", a.owner)
	cmd := exec.CommandContext(a.t.Context(), a.binary, args...)
	cmd.Dir = a.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func asItIs(_, text string) string { return text }

func command(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
}

// services counts an owner's running containers by service.
func services(t *testing.T, c *client.Client, owner string) map[string][]container.Summary {
	t.Helper()
	all, err := c.ContainerList(t.Context(), container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", model.LabelOwner+"="+owner)),
	})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]container.Summary{}
	for _, k := range all {
		if k.Labels[model.LabelJob] != "" {
			continue // it ends by itself
		}
		if k.State != container.StateRunning {
			t.Errorf("container %s is %s", k.Names[0], k.State)
		}
		found[k.Labels[model.LabelService]] = append(found[k.Labels[model.LabelService]], k)
	}
	return found
}

// get asks a container's published port.
func get(t *testing.T, address string, k container.Summary, path string) string {
	t.Helper()
	i := slices.IndexFunc(k.Ports, func(p container.Port) bool { return p.PublicPort != 0 })
	if i < 0 {
		t.Fatalf("container %s publishes no port", k.Names[0])
	}
	port := strconv.Itoa(int(k.Ports[i].PublicPort))
	resp, err := http.Get("http://" + address + ":" + port + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestHelloRuns(t *testing.T) {
	e := dockertest.Local(t)
	e.Images("tallyman/hello:1")
	applied(t, "hello", e.Owner, asItIs)
	hello := services(t, e.Client, e.Owner)["hello"]
	if len(hello) != 2 {
		t.Fatalf("%d replicas of hello", len(hello))
	}
	for _, k := range hello {
		if said := get(t, e.Address(), k, "/"); !strings.HasPrefix(said, "hello from Git\n") {
			t.Errorf("it says %q", said)
		}
	}
}

func TestWebReachesTheCacheByName(t *testing.T) {
	e := dockertest.Local(t)
	e.Images("tallyman/hello:1")
	applied(t, "web-and-cache", e.Owner, asItIs)
	found := services(t, e.Client, e.Owner)
	if len(found["web"]) != 2 || len(found["cache"]) != 1 {
		t.Fatalf("%d replicas of web, %d of cache", len(found["web"]), len(found["cache"]))
	}
	motd := "/fetch?url=" + url.QueryEscape("http://cache:8080/files?path=/etc/motd")
	for path, want := range map[string]string{motd: "Fresh from the repository.\n", "/files?path=/etc/prices.txt": "crate of tea"} {
		if said := get(t, e.Address(), found["web"][0], path); !strings.HasPrefix(said, want) {
			t.Errorf("%s says %q, not %q", path, said, want)
		}
	}
}

func TestManyHostsRunsOnThreeHosts(t *testing.T) {
	hosts := dockertest.Fleet(t, 3, dockertest.MutualTLS())
	dockertest.Load(t, hosts, "tallyman/hello:1")
	const owner = "examples-test"
	applied(t, "many-hosts", owner, func(_, text string) string {
		for i, h := range hosts {
			text = strings.ReplaceAll(text, fmt.Sprintf("tcp://10.0.0.%d:2376", 11+i), h.Endpoint)
		}
		return strings.ReplaceAll(text, "/etc/tallyman", filepath.Dir(hosts[0].TLS.CA))
	})
	var perHost []map[string]int
	for _, h := range hosts {
		counts := map[string]int{}
		for service, found := range services(t, h.Client, owner) {
			counts[service] = len(found)
		}
		perHost = append(perHost, counts)
	}
	// One front in zone a, which is edge-1, and one in zone b; an archive on
	// each ssd; a watch everywhere.
	first, second, third := perHost[0], perHost[1], perHost[2]
	if first["front"] != 1 || second["front"]+third["front"] != 1 {
		t.Errorf("front is not once in each zone: %v", perHost)
	}
	if first["archive"]+third["archive"] != 2 || second["archive"] != 0 {
		t.Errorf("archive is not only where the disks are fast: %v", perHost)
	}
	for i := range perHost {
		if perHost[i]["watch"] != 1 {
			t.Errorf("watch is not once on every host: %v", perHost)
		}
	}
	if said := get(t, hosts[0].Address, services(t, hosts[0].Client, owner)["front"][0], "/"); !strings.HasPrefix(said, "one per zone\n") {
		t.Errorf("front says %q", said)
	}
}
