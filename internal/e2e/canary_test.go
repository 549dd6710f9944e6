package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
)

const (
	canaryUser = "robot"
	canary     = "c4nary-in-the-mine/+%"
)

// canaryForms are the spellings in which the password could get out.
func canaryForms() []string {
	return []string{
		canary, url.QueryEscape(canary), url.PathEscape(canary), url.UserPassword("", canary).String()[1:],
		base64.StdEncoding.EncodeToString([]byte(canaryUser + ":" + canary)),
		base64.StdEncoding.EncodeToString([]byte(canary)),
	}
}

// canaryWorld is an installation whose repository wants the password.
type canaryWorld struct {
	*world
	server *gitServer
	env    []string // of tallyman
	flags  []string
	keys   []string // age keys, which nothing may tell either
}

func newCanaryWorld(t *testing.T, userinfo *url.Userinfo) *canaryWorld {
	w, _ := localWorld(t)
	root := t.TempDir()
	w.git("clone", "-q", "--bare", ".", filepath.Join(root, "shop.git"))
	w.git("remote", "add", "origin", filepath.Join(root, "shop.git"))
	server := gitOver(t, root, canaryUser, canary)
	at, err := url.Parse(server.URL + "/shop.git")
	if err != nil {
		t.Fatal(err)
	}
	at.User = userinfo
	return &canaryWorld{world: w, server: server, env: []string{"TALLYMAN_REPO=" + at.String()}}
}

// command is tallyman, told of the repository by its environment: what stands
// in the arguments everybody on the machine can read.
func (w *canaryWorld) command(ctx context.Context, args ...string) *exec.Cmd {
	w.t.Helper()
	path, err := binary()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, path, append(append(args, "--state-dir", w.state, "--owner", w.owner), w.flags...)...)
	cmd.Env = append(os.Environ(), w.env...)
	return cmd
}

// clean says where the password got out.
func (w *canaryWorld) clean(where string, content []byte) {
	w.t.Helper()
	for _, form := range append(canaryForms(), w.keys...) {
		if bytes.Contains(content, []byte(form)) {
			w.t.Errorf("the password got out (as %q) through %s", form, where)
		}
	}
}

// verbs runs every verb that prints, for people and for programs.
func (w *canaryWorld) verbs() {
	w.t.Helper()
	for _, verb := range []string{
		"plan", "apply", "status", "get apps", "get services", "get replicas", "get hosts",
		"describe web", "diff", "history", "events", "logs web-1",
	} {
		for _, format := range []string{"text", "json"} {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			out, err := w.command(ctx, append(strings.Fields(verb), "-o", format)...).CombinedOutput()
			if ctx.Err() != nil || len(out) == 0 && err != nil {
				w.t.Errorf("tallyman %s: %v, and it printed nothing", verb, err)
			}
			cancel()
			w.clean("tallyman "+verb+" -o "+format, out)
		}
	}
}

// api reads every answer of the controller as it comes over the socket.
func (w *canaryWorld) api() {
	w.t.Helper()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		sockets, _ := filepath.Glob(filepath.Join(w.state, "*.sock*"))
		if len(sockets) != 1 {
			return nil, fmt.Errorf("sockets %q", sockets)
		}
		return new(net.Dialer).DialContext(ctx, "unix", sockets[0])
	}
	c := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: patience}
	for _, path := range []string{"status", "plan", "history", "events", "logs?replica=web-1", "logs?replica=none"} {
		answer, err := c.Get("http://controller/v1/" + path)
		if err != nil {
			w.t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || len(body) == 0 {
			w.t.Errorf("API answer %s: %q, %v", path, body, err)
		}
		w.clean("API answer "+path, body)
	}
}

// onHost searches what was made on the engine, labels and all.
func (w *canaryWorld) onHost() {
	w.t.Helper()
	ctx, c := context.Background(), w.hosts["local"]
	mine := filters.NewArgs(filters.Arg("label", "tallyman.owner="+w.owner))
	live := w.live()
	if len(live) == 0 {
		w.t.Error("nothing runs that could be searched")
	}
	for _, r := range live {
		info, err := c.ContainerInspect(ctx, r.id)
		w.cleanJSON("container "+r.name, info, err)
	}
	containers, err := c.ContainerList(ctx, container.ListOptions{All: true, Filters: mine})
	w.cleanJSON("the list of containers", containers, err)
	networks, err := c.NetworkList(ctx, network.ListOptions{Filters: mine})
	w.cleanJSON("the list of networks", networks, err)
	volumes, err := c.VolumeList(ctx, volume.ListOptions{Filters: mine})
	w.cleanJSON("the list of volumes", volumes, err)
}

func (w *canaryWorld) cleanJSON(where string, value any, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	content, err := json.Marshal(value)
	if err != nil {
		w.t.Fatal(err)
	}
	w.clean(where, content)
}

// stateFiles searches every file of the state directory, and its name.
func (w *canaryWorld) stateFiles() {
	w.t.Helper()
	files := 0
	err := filepath.WalkDir(w.state, func(path string, entry os.DirEntry, err error) error {
		w.clean("the name of state file "+path, []byte(path))
		if err != nil || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // a file may go while the controller works
		}
		content, err := os.ReadFile(path)
		if err == nil {
			files++
			w.clean("state file "+path, content)
		}
		return nil
	})
	if err != nil || files == 0 {
		w.t.Errorf("searched %d files of the state directory: %v", files, err)
	}
}

// everywhere searches all that a running controller shows.
func (w *canaryWorld) everywhere(c *controller) {
	w.t.Helper()
	w.onHost()
	w.ofController(c)
}

// ofController searches all that comes from the controller itself.
func (w *canaryWorld) ofController(c *controller) {
	w.t.Helper()
	w.verbs()
	w.api()
	w.stateFiles()
	arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.cmd.Process.Pid))
	if err != nil || len(arguments) == 0 {
		w.t.Fatalf("read the controller's arguments: %q, %v", arguments, err)
	}
	w.clean("the arguments of the process", arguments)
	log, err := os.ReadFile(c.log)
	if err != nil || len(log) == 0 {
		w.t.Fatalf("read the controller's log: %q, %v", log, err)
	}
	w.clean("the log", log)
}

// follow starts a controller that looks at the repository all the time.
func (w *canaryWorld) follow() *controller {
	w.t.Helper()
	return startController(w.t, w.command(context.Background(), "serve", "--poll", "500ms"))
}

// says waits until the log has the text.
func (c *controller) says(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		log, err := os.ReadFile(c.log)
		if err == nil && strings.Contains(string(log), text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the log does not say %q:\n%s", text, tail(string(log), 30))
		}
	}
}

// TestTheGitPasswordStaysIn gives the password in each way that there is, lets
// the controller work, then has the server refuse and echo it, and searches for
// it wherever something comes out.
func TestTheGitPasswordStaysIn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, way := range map[string]struct {
		userinfo   *url.Userinfo
		env, flags []string
	}{
		"in a file":     {flags: []string{"--git-username", canaryUser, "--git-password-file", file}},
		"in a variable": {env: []string{"TALLYMAN_GIT_PASSWORD=" + canary}, flags: []string{"--git-username", canaryUser}},
		"in the URL":    {userinfo: url.UserPassword(canaryUser, canary)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newCanaryWorld(t, way.userinfo)
			w.env, w.flags = append(w.env, way.env...), way.flags
			w.service("web", "tallyman/hello:1", 1, "environment: {MESSAGE: canary}", "networks: [front]", "mounts: [{volume: data, path: /data}]")
			w.write("more.yaml", "apiVersion: tallyman/v1\nkind: Network\nmetadata: {name: front}\nspec: {}\n---\napiVersion: tallyman/v1\nkind: Volume\nmetadata: {name: data}\nspec: {}\n")
			w.commit("deploy web")
			w.git("push", "-q", "origin", "main")
			c := w.follow()
			w.eventually("web", exactly("web", "tallyman/hello:1", 1))
			w.everywhere(c)
			w.server.closed.Store(true)
			c.says(t, "access refused")
			w.everywhere(c)
		})
	}
}

// TestAPasswordInAnAddressThatFails is typed where it does not belong: what
// tells of the mistake does not repeat it.
func TestAPasswordInAnAddressThatFails(t *testing.T) {
	w := newCanaryWorld(t, nil)
	password := url.UserPassword(canaryUser, canary).String()
	for _, repo := range []string{
		"ssh://" + password + "@127.0.0.1:1/shop.git", "https://" + password + "@127.0.0.1:1/shop.git",
		"https://" + canaryUser + ":" + canary + "@127.0.0.1:1/shop.git", canaryUser + ":" + canary + "@127.0.0.1:shop.git",
		"https://127.0.0.1:1/shop.git?token=" + canary, "gopher://" + password + "@127.0.0.1/shop.git",
	} {
		w.env = []string{"TALLYMAN_REPO=" + repo}
		for _, verb := range []string{"plan", "apply", "status", "serve"} {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second) // serve goes on trying
			out, _ := w.command(ctx, verb).CombinedOutput()
			cancel()
			if len(out) == 0 {
				t.Errorf("%s of a repository that can't be had says nothing", verb)
			}
			w.clean(verb, out)
		}
	}
	w.stateFiles()
}
