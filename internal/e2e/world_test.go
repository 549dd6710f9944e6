package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// patience is how long a test waits for what must happen in the end. It is far
// longer than anything should take: how fast it goes is for the benchmarks.
const patience = 90 * time.Second

// binary builds tallyman once for all tests of the process.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tallyman-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "tallyman")
	out, err := exec.Command("go", "build", "-o", path, "github.com/tallyman-io/tallyman/cmd/tallyman").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build tallyman: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// world is an installation: a repository, a state directory, an owner, and the
// hosts that its manifests name.
type world struct {
	t     *testing.T
	repo  string
	state string
	owner string
	hosts map[string]*client.Client
}

// newWorld makes an installation with an empty repository.
func newWorld(t *testing.T, owner string, hosts map[string]*client.Client) *world {
	w := &world{t: t, repo: t.TempDir(), state: filepath.Join(t.TempDir(), "state"), owner: owner, hosts: hosts}
	w.git("init", "-q", "-b", "main")
	w.git("config", "user.name", "Test")
	w.git("config", "user.email", "test@example.com")
	return w
}

// fleetWorld is an installation on n real hosts of its own.
func fleetWorld(t *testing.T, n int, opts ...dockertest.Option) (*world, []*dockertest.Host) {
	hosts := dockertest.Fleet(t, n, opts...)
	dockertest.Load(t, hosts, "tallyman/hello:1", "tallyman/hello:2")
	clients := map[string]*client.Client{}
	for _, h := range hosts {
		clients[h.Name] = h.Client
	}
	w := newWorld(t, "e2e", clients)
	for _, h := range hosts {
		w.write("hosts/"+h.Name+".yaml", fmt.Sprintf("apiVersion: tallyman/v1\nkind: Host\nmetadata: {name: %s}\nspec: {endpoint: %q%s}\n", h.Name, h.Endpoint, tlsOf(h)))
	}
	return w, hosts
}

func tlsOf(h *dockertest.Host) string {
	if h.TLS.CA == "" {
		return ""
	}
	return fmt.Sprintf(", tls: {ca: %q, cert: %q, key: %q}", h.TLS.CA, h.TLS.Cert, h.TLS.Key)
}

func (w *world) git(args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", w.repo}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (w *world) write(path, content string) {
	w.t.Helper()
	full := filepath.Join(w.repo, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// commit commits everything that was written.
func (w *world) commit(subject string) string {
	w.t.Helper()
	w.git("add", "-A")
	w.git("commit", "-q", "--allow-empty", "-m", subject)
	return w.git("rev-parse", "HEAD")
}

// service writes a service manifest; extra are further lines of its spec.
func (w *world) service(name, image string, replicas int, extra ...string) {
	lines := []string{
		"apiVersion: tallyman/v1", "kind: Service", "metadata: {name: " + name + "}", "spec:",
		"  image: " + image, "  pull: never", fmt.Sprintf("  replicas: %d", replicas),
		"  stopGracePeriod: 2s",
		"  healthCheck: {command: [/server, health], interval: 1s, timeout: 5s, retries: 5}",
		"  update: {parallelism: 2, monitor: 1s, deadline: 1m}",
	}
	for _, e := range extra {
		lines = append(lines, "  "+e)
	}
	w.write(name+".yaml", strings.Join(lines, "\n")+"\n")
}

// args are the flags that every verb of this installation needs.
func (w *world) args(verb ...string) []string {
	return append(verb, "--repo", w.repo, "--state-dir", w.state, "--owner", w.owner)
}

// run runs a verb to its end and gives its output and exit code.
func (w *world) run(verb ...string) (string, int) {
	w.t.Helper()
	path, err := binary()
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, w.args(verb...)...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		w.t.Fatalf("tallyman %s: %v", strings.Join(verb, " "), err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// expect runs a verb that must end with the code.
func (w *world) expect(code int, verb ...string) string {
	w.t.Helper()
	out, got := w.run(verb...)
	if got != code {
		w.t.Fatalf("tallyman %s: exit code %d, want %d\n%s", strings.Join(verb, " "), got, code, out)
	}
	return out
}

// controller is a running `tallyman serve`.
type controller struct {
	cmd *exec.Cmd
	log string
}

// serve starts a controller, which ends with the test.
func (w *world) serve() *controller {
	w.t.Helper()
	path, err := binary()
	if err != nil {
		w.t.Fatal(err)
	}
	return startController(w.t, exec.Command(path, w.args("serve")...))
}

// startController starts what serves, until the end of the test.
func startController(t *testing.T, cmd *exec.Cmd) *controller {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), "serve-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c := &controller{cmd: cmd, log: log.Name()}
	c.cmd.Stdout, c.cmd.Stderr = log, log
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.stop()
		if t.Failed() {
			content, _ := os.ReadFile(c.log)
			t.Logf("log of the controller:\n%s", tail(string(content), 60))
		}
	})
	return c
}

func tail(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// kill ends the controller as the kernel does when memory runs out.
func (c *controller) kill() {
	_ = c.cmd.Process.Kill() // it may have ended by itself
	_ = c.cmd.Wait()
}

// stop ends the controller as people do, so that none of its calls is at work
// when the test cleans up: an engine makes the container also when who asked for
// it is gone, and it would not be in the list of what is to be removed.
func (c *controller) stop() {
	if c.cmd.Process.Signal(syscall.SIGTERM) != nil {
		return // it has ended
	}
	hung := time.AfterFunc(patience, func() { _ = c.cmd.Process.Kill() })
	defer hung.Stop()
	_ = c.cmd.Wait()
}

// replica is what the test sees of a container, without Tallyman in between.
type replica struct {
	host, id, name, service, slot, image, state, status string
}

func (r replica) String() string {
	return fmt.Sprintf("%s on %s: %s %s (%s)", r.name, r.host, r.image, r.state, r.status)
}

func (r replica) healthy() bool {
	return r.state == "running" && strings.Contains(r.status, "(healthy)")
}

// live lists the installation's containers on all hosts that answer.
func (w *world) live() []replica {
	var out []replica
	for host, c := range w.hosts {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		list, err := c.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", "tallyman.owner="+w.owner))})
		cancel()
		if err != nil {
			continue
		}
		for _, k := range list {
			out = append(out, replica{
				host: host, id: k.ID, name: strings.TrimPrefix(k.Names[0], "/"), service: k.Labels["tallyman.service"],
				slot: k.Labels["tallyman.slot"], image: k.Image, state: k.State, status: k.Status,
			})
		}
	}
	slices.SortFunc(out, func(a, b replica) int { return strings.Compare(a.name, b.name) })
	return out
}

// eventually waits until the live containers are as wanted.
func (w *world) eventually(what string, ok func([]replica) bool) []replica {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		live := w.live()
		if ok(live) {
			return live
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("waited %s for: %s\nlive containers:\n%s", patience, what, list(live))
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func list(live []replica) string {
	var b strings.Builder
	for _, r := range live {
		fmt.Fprintln(&b, " ", r)
	}
	return b.String()
}

// exactly says that a service has n healthy replicas of the image and no other
// container.
func exactly(service, image string, n int) func([]replica) bool {
	return func(live []replica) bool {
		slots := map[string]bool{}
		for _, r := range live {
			if r.service != service {
				continue
			}
			if r.image != image || !r.healthy() || slots[r.slot] {
				return false
			}
			slots[r.slot] = true
		}
		return len(slots) == n
	}
}

func perHost(live []replica) map[string]int {
	counts := map[string]int{}
	for _, r := range live {
		counts[r.host]++
	}
	return counts
}

func ids(live []replica) []string {
	var out []string
	for _, r := range live {
		out = append(out, r.id)
	}
	slices.Sort(out)
	return out
}
