package dockertest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"golang.org/x/crypto/bcrypt"
)

// registryTime is how long a registry may take to its first answer.
const registryTime = 10 * time.Second

// Registry is an image registry of a test's own: Debian's docker-registry, on a
// free port. Engines on this machine take 127.0.0.0/8 without TLS.
type Registry struct {
	// Address is host:port, as references begin.
	Address string

	t     testing.TB
	dir   string
	users map[string]string
	let   io.Closer // of the process: closed, it ends, as it does when the test dies
	ended chan struct{}
}

// NewRegistry starts a registry at an address of this machine. With users (names
// and passwords) it lets in nobody else.
func NewRegistry(t testing.TB, ip string, users map[string]string) *Registry {
	t.Helper()
	if _, err := exec.LookPath("docker-registry"); err != nil {
		t.Fatalf("start a registry: %v\nto set this machine up, as root: %s test", err, SetupCommand)
	}
	address, err := freeAddress(ip)
	if err != nil {
		t.Fatalf("start a registry: %v", err)
	}
	r := &Registry{Address: address, t: t, dir: t.TempDir(), users: users}
	if err := r.configure(); err != nil {
		t.Fatalf("start a registry: %v", err)
	}
	t.Cleanup(r.Stop)
	r.Start()
	return r
}

func freeAddress(ip string) (string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// configure writes the registry's configuration. It is JSON, which YAML is too.
func (r *Registry) configure() error {
	config := map[string]any{
		"version": "0.1",
		"log":     map[string]any{"level": "error", "accesslog": map[string]any{"disabled": true}},
		"storage": map[string]any{"filesystem": map[string]any{"rootdirectory": r.path("data")}},
		"http":    map[string]any{"addr": r.Address},
	}
	if len(r.users) > 0 {
		config["auth"] = map[string]any{"htpasswd": map[string]any{"realm": "test", "path": r.path("htpasswd")}}
		if err := r.writeUsers(); err != nil {
			return err
		}
	}
	data, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return os.WriteFile(r.path("config.yml"), data, 0o600)
}

func (r *Registry) writeUsers() error {
	var lines []byte
	for name, password := range r.users {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			return err
		}
		lines = fmt.Appendf(lines, "%s:%s\n", name, hash)
	}
	return os.WriteFile(r.path("htpasswd"), lines, 0o600)
}

func (r *Registry) path(name string) string { return filepath.Join(r.dir, name) }

// Start starts the registry again after Stop, with all that it had.
func (r *Registry) Start() {
	r.t.Helper()
	if err := r.start(); err != nil {
		r.Stop()
		r.t.Fatalf("start a registry: %v", err)
	}
}

func (r *Registry) start() error {
	log, err := os.OpenFile(r.path("log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	// The shell outlives neither the test nor its own child.
	cmd := exec.Command("sh", "-c", `"$@" & child=$!; cat >/dev/null; kill -9 $child; wait $child`, "sh",
		"docker-registry", "serve", r.path("config.yml"))
	cmd.Stdout, cmd.Stderr = log, log
	let, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	r.let, r.ended = let, ended
	go func() {
		defer close(ended)
		cmd.Wait() //nolint:errcheck // it says that its child was killed
	}()
	return r.answers()
}

// answers waits for the first answer.
func (r *Registry) answers() error {
	for deadline := time.Now().Add(registryTime); ; time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get("http://" + r.Address + "/v2/")
		if err == nil {
			return answer.Body.Close()
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(r.path("log"))
			return fmt.Errorf("no answer: %w\n%s", err, log)
		}
	}
}

// Stop ends the registry; nothing answers at its address any more.
func (r *Registry) Stop() {
	if r.let != nil {
		r.let.Close()
		<-r.ended
		r.let = nil
	}
}

// Ref is the reference of one of the registry's images.
func (r *Registry) Ref(name string) string { return r.Address + "/" + name }

// Push puts an image that the engine has into the registry under a name, and
// leaves nothing of that name on the engine.
func (r *Registry) Push(c *client.Client, have, name string) {
	r.t.Helper()
	if err := r.push(r.t.Context(), c, have, r.Ref(name)); err != nil {
		r.t.Fatalf("push image %q as %q: %v", have, name, err)
	}
}

func (r *Registry) push(ctx context.Context, c *client.Client, have, ref string) error {
	if err := c.ImageTag(ctx, have, ref); err != nil {
		return err
	}
	progress, err := c.ImagePush(ctx, ref, image.PushOptions{RegistryAuth: r.auth()})
	if err != nil {
		return err
	}
	defer progress.Close()
	if err := streamError(progress); err != nil {
		return err
	}
	_, err = c.ImageRemove(ctx, ref, image.RemoveOptions{})
	return err
}

// auth is any of the users, as the engine's API wants it.
func (r *Registry) auth() string {
	credentials := map[string]string{}
	for name, password := range r.users {
		credentials["username"], credentials["password"] = name, password
	}
	data, _ := json.Marshal(credentials)
	return base64.URLEncoding.EncodeToString(data)
}

// streamError reads an engine's messages to their end, and gives the error
// among them.
func streamError(messages io.Reader) error {
	for d := json.NewDecoder(messages); ; {
		var m struct{ Error string }
		switch err := d.Decode(&m); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case m.Error != "":
			return errors.New(m.Error)
		}
	}
}
