package dockertest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// SSHD is an sshd on a host of a fleet, with a key pair of its own and one that
// it lets in. It ends with the host.
type SSHD struct {
	Address string // host:port
	// Files are the key that is let in and the host key to expect.
	Files model.SSH

	host *Host
	dir  string
}

// SSHUser is a user of all hosts beside root, who is in no group of theirs and
// may use no engine.
const SSHUser = "deploy"

// SSHD starts an sshd on the host's port. Settings are lines of sshd_config that
// go before the harness's own: sshd takes the first that it finds.
func (h *Host) SSHD(port int, settings ...string) *SSHD {
	h.t.Helper()
	s := &SSHD{host: h, Address: net.JoinHostPort(h.Address, strconv.Itoa(port)), dir: h.path("sshd-" + strconv.Itoa(port))}
	h.must("prepare the sshd of", s.prepare(settings))
	s.Start()
	return s
}

// Endpoint is the host's engine as the user reaches it over this sshd.
func (s *SSHD) Endpoint(user string) string {
	return "ssh://" + user + "@" + s.Address + strings.TrimPrefix(s.host.Socket, "unix://")
}

// Path is a file of the server: key and key.pub, host and host.pub,
// authorized_keys, known_hosts.
func (s *SSHD) Path(name string) string { return filepath.Join(s.dir, name) }

func (s *SSHD) prepare(settings []string) error {
	s.Files = model.SSH{IdentityFile: s.Path("key"), KnownHosts: s.Path("known_hosts")}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	for _, key := range []string{"key", "host"} {
		if err := command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", s.Path(key))(); err != nil {
			return err
		}
	}
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return err
	}
	config := append(settings,
		"ListenAddress "+host, "Port "+port, "HostKey "+s.Path("host"), "AuthorizedKeysFile "+s.Path("authorized_keys"),
		"PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes", "StrictModes no", "UsePAM no",
		"PidFile "+s.Path("pid"), "LogLevel VERBOSE")
	return firstError(
		func() error { return os.WriteFile(s.Path("config"), []byte(strings.Join(config, "\n")+"\n"), 0o644) },
		s.copyKey("key.pub", "authorized_keys", ""),
		s.copyKey("host.pub", "known_hosts", fmt.Sprintf("[%s]:%s ", host, port)),
		s.host.addUser,
		s.host.openWay,
	)
}

func (s *SSHD) copyKey(from, to, prefix string) func() error {
	return func() error {
		key, err := os.ReadFile(s.Path(from))
		if err != nil {
			return err
		}
		return os.WriteFile(s.Path(to), append([]byte(prefix), key...), 0o644)
	}
}

// addUser makes SSHUser known on the host, and nowhere else: over the host's
// /etc/passwd lies one of its own.
func (h *Host) addUser() error {
	users, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return err
	}
	file := h.path("passwd")
	users = append(users, "\n"+SSHUser+":x:4711:4711::/:/bin/sh\n"...)
	return firstError(
		func() error { return os.WriteFile(file, users, 0o644) },
		func() error { return os.MkdirAll("/run/sshd", 0o755) }, // sshd keeps its separated part there
		func() error { _, err := h.Run("mount", "--bind", file, "/etc/passwd"); return err },
	)
}

// openWay lets SSHUser see the folder of the host's socket, which it may not use.
func (h *Host) openWay() error {
	for dir := h.dir; len(dir) >= len(fleetsDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			return err
		}
	}
	return nil
}

// Start starts the sshd again after Stop, and waits until it answers.
func (s *SSHD) Start() {
	s.host.t.Helper()
	s.host.must("start the sshd of", s.start())
}

func (s *SSHD) start() error {
	path, err := exec.LookPath("sshd") // it insists on its whole path
	if err != nil {
		return fmt.Errorf("%w\nto set this machine up, as root: %s test", err, SetupCommand)
	}
	if _, err := s.host.service(s.Path("log"), path, "-D", "-e", "-f", s.Path("config")); err != nil {
		return err
	}
	return await(func() error {
		conn, err := net.DialTimeout("tcp", s.Address, time.Second)
		if err != nil {
			return fmt.Errorf("%w: %s", err, s.Log())
		}
		return conn.Close()
	})
}

// Log is what sshd said so far.
func (s *SSHD) Log() string {
	log, _ := os.ReadFile(s.Path("log"))
	return string(log)
}

// cutScript ends what is connected to the sshd with a pid, without a word.
const cutScript = `end() { local c; for c in $(cat /proc/$1/task/$1/children); do end $c; kill -9 $c; done; }; end "$(cat "$1")"`

// Cut ends all connections as if their processes had crashed; new ones can be
// made at once.
func (s *SSHD) Cut() {
	s.host.t.Helper()
	_, err := s.host.Run("sh", "-c", cutScript, "sh", s.Path("pid"))
	s.host.must("cut the ssh connections of", err)
}

// Stop ends the sshd and all its connections.
func (s *SSHD) Stop() {
	s.host.t.Helper()
	_, err := s.host.Run("sh", "-c", cutScript+`; kill -9 "$(cat "$1")"`, "sh", s.Path("pid"))
	s.host.must("stop the sshd of", err)
}

// Run runs a program in the host's namespaces, and gives its output.
func (h *Host) Run(args ...string) (string, error) {
	out, err := h.inside(args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
