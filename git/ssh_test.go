package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// sshServer is the system's own sshd on a port of its own, with its own keys.
type sshServer struct {
	dir, addr, user string
	t               *testing.T
}

const sshdMissing = "sshd is needed for this test: apt-get install -y --no-install-recommends openssh-server openssh-client"

func newSSHServer(t *testing.T) *sshServer {
	t.Helper()
	path := "/usr/sbin/sshd"
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath("sshd"); err != nil {
			t.Fatal(sshdMissing)
		}
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &sshServer{t: t, dir: t.TempDir(), addr: freePort(t), user: me.Username}
	s.keygen("host", "")
	s.keygen("key", "")
	s.keygen("locked", "open sesame")
	s.keygen("stranger", "")
	overwrite(t, s.file("authorized"), s.read("key.pub")+s.read("locked.pub"))
	overwrite(t, s.file("known_hosts"), s.knownHost("host.pub"))
	s.start(path)
	return s
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // only its number was wanted
	return l.Addr().String()
}

func (s *sshServer) file(name string) string { return filepath.Join(s.dir, name) }

func (s *sshServer) read(name string) string {
	s.t.Helper()
	content, err := os.ReadFile(s.file(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(content)
}

func (s *sshServer) keygen(name, passphrase string) {
	s.t.Helper()
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", s.file(name)).CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v: %s", sshdMissing, err, out)
	}
}

func (s *sshServer) knownHost(pub string) string {
	host, port, _ := net.SplitHostPort(s.addr)
	return fmt.Sprintf("[%s]:%s %s", host, port, s.read(pub))
}

// start runs sshd until the test ends. It needs its privilege separation
// folder, which a fresh machine may not have.
func (s *sshServer) start(sshd string) {
	s.t.Helper()
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	host, port, _ := net.SplitHostPort(s.addr)
	overwrite(s.t, s.file("config"), strings.Join([]string{
		"ListenAddress " + host, "Port " + port, "HostKey " + s.file("host"), "AuthorizedKeysFile " + s.file("authorized"),
		"PasswordAuthentication no", "KbdInteractiveAuthentication no", "PubkeyAuthentication yes", "PermitRootLogin yes",
		"StrictModes no", "UsePAM no", "PidFile none", "LogLevel ERROR", "",
	}, "\n"))
	log, err := os.Create(s.file("log"))
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(sshd, "-D", "-e", "-f", s.file("config"))
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait(); _ = log.Close() })
	for range 500 {
		if conn, err := net.Dial("tcp", s.addr); err == nil {
			_ = conn.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("sshd did not start: %s", s.read("log"))
}

func (s *sshServer) url(path string) string { return "ssh://" + s.user + "@" + s.addr + path }

// auth uses a key, and the known_hosts file of the server.
func (s *sshServer) auth(key string) func(*Config) {
	return func(c *Config) { c.Auth.KeyFile, c.Auth.KnownHostsFile = s.file(key), s.file("known_hosts") }
}

func TestSSHWithKey(t *testing.T) {
	server := newSSHServer(t)
	s, root, push := pushed(t)
	r := follow(t, server.url(root+"/shop.git"), server.auth("key"))
	wantFetch(t, r, s.head())
	wantFetch(t, r, s.head())
	first := s.head()
	s.commit("second", "a", "2")
	push()
	wantFetch(t, r, s.head())
	wantReadable(t, r, s.head())
	s.git("reset", "-q", "--hard", first)
	push()
	wantFetch(t, r, first)
	s.commit("instead", "a", "3")
	push()
	wantFetch(t, r, s.head())
	wantReadable(t, r, s.head())
}

func TestSSHKeyWithPassphrase(t *testing.T) {
	server := newSSHServer(t)
	s, root, _ := pushed(t)
	passphrase := func(value string) func(*Config) {
		t.Setenv("TEST_PASSPHRASE", value)
		return func(c *Config) { c.Auth.PassphraseEnv = "TEST_PASSPHRASE" }
	}
	url := server.url(root + "/shop.git")
	wantFetch(t, follow(t, url, server.auth("locked"), passphrase("open sesame")), s.head())
	_, err := follow(t, url, server.auth("locked"), passphrase("canary-wrong")).Fetch(context.Background())
	wantError(t, err, "passphrase does not open")
	wantNoSecret(t, err, "canary-wrong")
	_, err = follow(t, url, server.auth("locked")).Fetch(context.Background())
	wantError(t, err, "passphrase", "none is configured")
}

func TestSSHAgent(t *testing.T) {
	server := newSSHServer(t)
	s, root, _ := pushed(t)
	socket := server.file("agent")
	agent := exec.Command("ssh-agent", "-D", "-a", socket)
	if err := agent.Start(); err != nil {
		t.Fatalf("%s: %v", sshdMissing, err)
	}
	t.Cleanup(func() { _ = agent.Process.Kill(); _ = agent.Wait() })
	for range 500 {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Setenv("SSH_AUTH_SOCK", socket)
	if out, err := exec.Command("ssh-add", "-q", server.file("key")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	noKey := func(c *Config) { server.auth("key")(c); c.Auth.KeyFile = "" }
	wantFetch(t, follow(t, server.url(root+"/shop.git"), noKey), s.head())
	t.Setenv("SSH_AUTH_SOCK", "")
	_, err := follow(t, server.url(root+"/shop.git"), noKey).Fetch(context.Background())
	wantError(t, err, "no ssh key file", "agent")
}

func TestSSHRefusals(t *testing.T) {
	server := newSSHServer(t)
	_, root, _ := pushed(t)
	url := server.url(root + "/shop.git")
	overwrite(t, server.file("changed"), server.knownHost("stranger.pub"))
	overwrite(t, server.file("none"), "")
	overwrite(t, server.file("garbage"), "-----BEGIN canary-----\n")
	hosts := func(name string) func(*Config) {
		return func(c *Config) { server.auth("key")(c); c.Auth.KnownHostsFile = server.file(name) }
	}
	for name, c := range map[string]struct {
		url    string
		change func(*Config)
		says   string
	}{
		"key of a stranger":  {url, server.auth("stranger"), "none of the offered ssh keys"},
		"not a key":          {url, server.auth("garbage"), "no usable private key"},
		"key file missing":   {url, server.auth("nope"), "read ssh key"},
		"unknown host":       {url, hosts("none"), "ssh-keyscan -p "},
		"changed host key":   {url, hosts("changed"), "somebody else answers"},
		"no known_hosts":     {url, hosts("nope"), "known_hosts"},
		"no such repository": {server.url("/nowhere/shop.git"), server.auth("key"), "no such repository"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := follow(t, c.url, c.change).Fetch(context.Background())
			wantError(t, err, c.says)
			wantNoSecret(t, err, "canary")
		})
	}
}

func TestSSHEmptyRepositoryAndDeletedBranch(t *testing.T) {
	server := newSSHServer(t)
	s, root, push := pushed(t)
	empty := newSource(t)
	_, err := follow(t, server.url(empty.dir), server.auth("key")).Fetch(context.Background())
	if !errors.Is(err, ErrEmptyRepository) {
		t.Errorf("empty: %v", err)
	}
	s.git("checkout", "-q", "-b", "aside")
	push()
	s.git("-C", root+"/shop.git", "branch", "-D", "main")
	_, err = follow(t, server.url(root+"/shop.git"), server.auth("key")).Fetch(context.Background())
	if !errors.Is(err, ErrBranchNotFound) {
		t.Errorf("deleted: %v", err)
	}
}

func TestSSHServerThatSaysNothing(t *testing.T) {
	server := newSSHServer(t)
	addr := silent(t)
	r := follow(t, "ssh://git@"+addr+"/shop", server.auth("key"), func(c *Config) { c.Timeout = 50 * time.Millisecond })
	if _, err := r.Fetch(context.Background()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := follow(t, "ssh://git@"+addr+"/shop", server.auth("key")).Fetch(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The path travels in a command line, to a shell at the other end.
func TestSSHPathIsNotAShellCommand(t *testing.T) {
	server := newSSHServer(t)
	s, root, _ := pushed(t)
	odd := filepath.Join(root, "it's $(touch pwned) !odd.git")
	if err := os.Rename(filepath.Join(root, "shop.git"), odd); err != nil {
		t.Fatal(err)
	}
	wantFetch(t, follow(t, server.url(strings.ReplaceAll(odd, " ", "%20")), server.auth("key")), s.head())
}

// gone is a connection whose other end was quicker than we.
type gone struct{ written strings.Builder }

func (g *gone) Write(p []byte) (int, error) { return g.written.Write(p) }
func (g *gone) Close() error                { return io.EOF }

// A server needs no end of input to know that a question is complete. It may
// have answered and hung up before we say so.
func TestSSHServerThatIsDoneBeforeWeAre(t *testing.T) {
	up := packp.NewUploadPackRequest()
	up.Wants = []plumbing.Hash{plumbing.NewHash(strings.Repeat("ab", 20))}
	g := &gone{}
	if err := sendRequest(g, up); err != nil || !strings.HasSuffix(g.written.String(), "done\n") {
		t.Errorf("asked %q, %v", g.written.String(), err)
	}
}
