package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

const registryPassword = "canary-of-the-registry"

// login writes a Docker configuration file with the password, as `docker login`
// does, into the folder that DOCKER_CONFIG names.
func login(t *testing.T, registry, password string) {
	t.Helper()
	entry := map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte("ada:" + password))}
	data, err := json.Marshal(map[string]any{"auths": map[string]any{registry: entry}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// registryWorld is an installation on two hosts beside a registry that lets in
// whoever knows the password. The registry has hello:1 as web:1.
func registryWorld(t *testing.T) (*world, []*dockertest.Host, *dockertest.Registry) {
	const network = "10.77.0.0/16" // of all fleets
	w, hosts := fleetWorld(t, 2, dockertest.DaemonFlags("--insecure-registry", network))
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("TALLYMAN_INSECURE_REGISTRY", network)
	bridge := netip.MustParseAddr(hosts[0].Address).As4()
	bridge[3] = 1
	r := dockertest.NewRegistry(t, netip.AddrFrom4(bridge).String(), map[string]string{"ada": registryPassword})
	r.Push(hosts[0].Client, "tallyman/hello:1", "web:1")
	login(t, r.Address, registryPassword)
	return w, hosts, r
}

// pulled writes a service whose image comes from a registry.
func (w *world) pulled(image string, replicas int) {
	w.service("web", image, replicas, "placement: {maxPerHost: 3}")
	path := filepath.Join(w.repo, "web.yaml")
	data, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("web.yaml", strings.Replace(string(data), "pull: never", "pull: missing", 1))
}

// applied applies and wants the exit code and words in the output.
func (w *world) applied(code int, words ...string) {
	w.t.Helper()
	out, got := w.run("apply")
	if got != code {
		w.t.Fatalf("apply ended with %d, want %d:\n%s", got, code, out)
	}
	for _, word := range words {
		if !strings.Contains(out, word) {
			w.t.Errorf("apply does not say %q:\n%s", word, out)
		}
	}
	if strings.Contains(out, registryPassword) {
		w.t.Errorf("apply tells the password:\n%s", out)
	}
}

// digests are those that the running replicas were made from, each once.
func (w *world) digests(want int) map[string]bool {
	w.t.Helper()
	found := map[string]bool{}
	n := 0
	for _, r := range w.live() {
		if r.state != "running" {
			continue
		}
		_, digest, ok := strings.Cut(r.image, "@")
		if !ok {
			w.t.Errorf("replica %s was made from %q, which has no digest", r.name, r.image)
		}
		found[digest] = true
		n++
	}
	if n != want {
		w.t.Errorf("%d replicas run, want %d", n, want)
	}
	return found
}

// one is the only digest.
func one(t *testing.T, digests map[string]bool) string {
	t.Helper()
	if len(digests) != 1 {
		t.Fatalf("there is not one digest: %v", digests)
	}
	for digest := range digests {
		return digest
	}
	return ""
}

// TestAllHostsRunWhatTheTagWasAtTheCommit moves a tag, takes the registry away
// and takes the password away, each in the middle of an installation's life.
func TestAllHostsRunWhatTheTagWasAtTheCommit(t *testing.T) {
	w, hosts, r := registryWorld(t)
	w.pulled(r.Ref("web:1"), 4)
	w.commit("web")
	w.applied(0)
	first := one(t, w.digests(4))

	r.Push(hosts[0].Client, "tallyman/hello:2", "web:1")
	w.applied(0)
	if again := one(t, w.digests(4)); again != first {
		t.Errorf("without a commit the tag was followed: %s, before %s", again, first)
	}
	w.pulled(r.Ref("web:1"), 5)
	w.commit("one more")
	w.applied(0)
	moved := one(t, w.digests(5))
	if moved == first {
		t.Error("with the next commit the tag was not followed")
	}

	r.Stop()
	w.pulled(r.Ref("web:2"), 5)
	w.commit("a new tag while the registry is down")
	w.applied(1, fmt.Sprintf("%q", r.Ref("web:2")), "can't be reached")
	if now := one(t, w.digests(5)); now != moved {
		t.Errorf("what runs was touched: %s, before %s", now, moved)
	}
	r.Start()
	r.Push(hosts[0].Client, "tallyman/hello:1", "web:2")
	login(t, r.Address, "wrong")
	w.applied(1, "denies access")
	login(t, r.Address, registryPassword)
	w.applied(0)
	if now := one(t, w.digests(5)); now != first {
		t.Errorf("the new tag is %s, and %s runs", first, now)
	}
}
