package docker_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/docker"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// sshHome is the ssh folder of a user who has nothing but this configuration.
func sshHome(t *testing.T, config string) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(home, ".ssh", "config"), config)
	return filepath.Join(home, ".ssh")
}

// stanza is a server as ~/.ssh/config describes it.
func stanza(alias string, s *dockertest.SSHD, more ...string) string {
	host, port, _ := net.SplitHostPort(s.Address)
	return strings.Join(append([]string{
		"Host " + alias, "HostName " + host, "Port " + port, "User root", "IdentityFile " + s.Files.IdentityFile, "UserKnownHostsFile " + s.Files.KnownHosts,
	}, more...), "\n  ") + "\n"
}

// TestSSHConfigurationIsReadAsSSHReadsIt reaches hosts by what stands in
// ~/.ssh/config, keys in their usual places and in the agent.
func TestSSHConfigurationIsReadAsSSHReadsIt(t *testing.T) {
	machine, sshd := overSSH(t)
	gate := machine.SSHD(2222)
	socket := strings.TrimPrefix(machine.Socket, "unix://")
	reach := func(t *testing.T, endpoint string) {
		t.Helper()
		if err := look(t, model.Host{Endpoint: endpoint + socket}); err != nil {
			t.Error(err)
		}
	}
	t.Run("an alias", func(t *testing.T) {
		sshHome(t, "Host other\n  User nobody\n"+stanza("edge", sshd)+"Host *\n  User nobody\n  Port 1\n")
		reach(t, "ssh://edge")
	})
	t.Run("the endpoint wins over it", func(t *testing.T) {
		sshHome(t, strings.NewReplacer("User root", "User nobody", "Port 22", "Port 1").Replace(stanza("edge", sshd)))
		reach(t, "ssh://root@edge:22")
	})
	t.Run("a jump host", func(t *testing.T) {
		sshHome(t, stanza("gate", gate)+stanza("edge", sshd, "ProxyJump gate"))
		before := strings.Count(gate.Log(), "Accepted publickey")
		reach(t, "ssh://edge")
		if strings.Count(gate.Log(), "Accepted publickey") == before {
			t.Error("the jump host was gone around")
		}
	})
	t.Run("jump hosts in a circle", func(t *testing.T) {
		sshHome(t, stanza("gate", gate, "ProxyJump edge")+stanza("edge", sshd, "ProxyJump gate"))
		contains(t, fmt.Sprint(look(t, model.Host{Endpoint: "ssh://edge"})), "jump hosts on the way")
	})
	t.Run("the usual files", func(t *testing.T) {
		dir := sshHome(t, "")
		write(t, filepath.Join(dir, "id_ed25519"), readFile(t, sshd.Files.IdentityFile))
		write(t, filepath.Join(dir, "known_hosts"), strings.NewReplacer("[", "", "]:22", "").Replace(readFile(t, sshd.Files.KnownHosts)))
		reach(t, "ssh://root@"+machine.Address)
	})
	t.Run("the agent", func(t *testing.T) {
		sshHome(t, strings.Replace(stanza("edge", sshd), "IdentityFile", "#", 1))
		withAgent(t, sshd.Files.IdentityFile)
		reach(t, "ssh://edge")
	})
	t.Run("the agent, for a named key that has a passphrase", func(t *testing.T) {
		key := filepath.Join(t.TempDir(), "key")
		write(t, key+".pub", readFile(t, sshd.Path("key.pub")))
		sshHome(t, strings.Replace(stanza("edge", sshd, "IdentitiesOnly yes"), sshd.Files.IdentityFile, key, 1))
		withAgent(t, gate.Files.IdentityFile, sshd.Files.IdentityFile)
		reach(t, "ssh://edge")
	})
	t.Run("no other key of the agent than the named one", func(t *testing.T) {
		sshHome(t, strings.Replace(stanza("edge", sshd, "IdentitiesOnly yes"), sshd.Files.IdentityFile, gate.Files.IdentityFile, 1))
		withAgent(t, sshd.Files.IdentityFile)
		contains(t, fmt.Sprint(look(t, model.Host{Endpoint: "ssh://edge"})), "accepts no key", gate.Files.IdentityFile)
	})
	t.Run("a key with a passphrase", func(t *testing.T) {
		locked := filepath.Join(t.TempDir(), "locked")
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "canary-pass", "-f", locked).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		sshHome(t, strings.Replace(stanza("edge", sshd), sshd.Files.IdentityFile, locked, 1))
		contains(t, fmt.Sprint(look(t, model.Host{Endpoint: "ssh://edge"})), locked, "has a passphrase", "ssh-add")
	})
	t.Run("what is not understood", func(t *testing.T) {
		sshHome(t, "Match exec true\n  User root\n")
		contains(t, fmt.Sprint(look(t, model.Host{Endpoint: "ssh://edge"})), "read ssh configuration", "Match Exec")
	})
}

// withAgent runs an ssh-agent that has these keys.
func withAgent(t *testing.T, keys ...string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "agent")
	agent := exec.Command("ssh-agent", "-D", "-a", socket)
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = agent.Process.Kill(); _ = agent.Wait() })
	t.Setenv("SSH_AUTH_SOCK", socket)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		out, err := exec.Command("ssh-add", append([]string{"-q"}, keys...)...).CombinedOutput()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

// TestSSHServerIsNotPestered tries a key that is not let in again and again:
// servers lock out who does that.
func TestSSHServerIsNotPestered(t *testing.T) {
	machine, sshd := overSSH(t)
	stranger := machine.SSHD(2222)
	e, err := docker.New(model.Host{Name: "here", Endpoint: sshd.Endpoint("root"), SSH: model.SSH{
		IdentityFile: stranger.Files.IdentityFile, KnownHosts: sshd.Files.KnownHosts,
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	before := strings.Count(sshd.Log(), "Connection from")
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		_, err := e.Observe(t.Context(), engine.Query{})
		if engine.ClassOf(err) != engine.Denied {
			t.Fatalf("class %q: %v", engine.ClassOf(err), err)
		}
	}
	if n := strings.Count(sshd.Log(), "Connection from") - before; n < 2 || n > 4 {
		t.Errorf("%d attempts in 3 seconds, want a few, each later than the one before", n)
	}
}
