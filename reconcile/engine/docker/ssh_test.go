package docker_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/docker"
	"github.com/tallyman-io/tallyman/reconcile/engine/enginetest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

const sshPort = 22

// overSSH is a host of its own with an sshd that is set up as the lines say,
// beside what Debian sets.
func overSSH(t testing.TB, settings ...string) (*dockertest.Host, *dockertest.SSHD) {
	t.Helper()
	t.Setenv("HOME", t.TempDir()) // no configuration, no keys, no agent but those of the test
	t.Setenv("SSH_AUTH_SOCK", "")
	fleet := dockertest.Fleet(t, 1)
	return fleet[0], fleet[0].SSHD(sshPort, settings...)
}

// TestConformanceOverSSH holds an engine behind ssh to a promise of each kind. MaxSessions
// is what allows the fewest channels of the kind that commands have: sockets are
// not of that kind.
func TestConformanceOverSSH(t *testing.T) {
	machine, sshd := overSSH(t, "MaxSessions 1")
	dockertest.Load(t, []*dockertest.Host{machine}, testImage)
	to := model.Host{Endpoint: sshd.Endpoint("root"), SSH: sshd.Files}
	enginetest.Run(t, enginetest.Core(), func(t *testing.T) enginetest.Host {
		h := hostOn(t, machine.Part(t), to)
		return enginetest.Host{Engine: h.engine, Name: "here", Owner: h.Owner, Image: testImage, Hands: handsInside{hands{h}, machine}}
	})
}

// handsInside are hands on a host whose processes have numbers of their own.
type handsInside struct {
	hands
	machine *dockertest.Host
}

func (h handsInside) Network(id string) (string, error) {
	raw, err := h.Client.ContainerInspect(h.t.Context(), id)
	if err != nil {
		return "", err
	}
	return h.machine.Run("readlink", fmt.Sprintf("/proc/%d/ns/net", raw.State.Pid))
}

// look observes a host and gives what it says.
func look(t *testing.T, to model.Host) error {
	t.Helper()
	to.Name = "here"
	e, err := docker.New(to)
	if err != nil {
		return err
	}
	defer e.Close()
	_, err = e.Observe(t.Context(), engine.Query{})
	return err
}

func write(t *testing.T, file, content string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestWhatStandsInTheWayOverSSH looks for the next thing to do in the error of
// each way to fail.
func TestWhatStandsInTheWayOverSSH(t *testing.T) {
	machine, sshd := overSSH(t)
	closed := machine.SSHD(2222, "AllowStreamLocalForwarding no")
	stranger := machine.SSHD(2223)
	dir := t.TempDir()
	garbage := write(t, dir+"/garbage", "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary\n-----END OPENSSH PRIVATE KEY-----\n")
	empty := write(t, dir+"/empty", "")
	changed := write(t, dir+"/changed", strings.ReplaceAll(readFile(t, stranger.Path("known_hosts")), ":2223 ", ":22 "))
	if _, err := machine.Run("sh", "-c", "touch /tmp/no-socket"); err != nil {
		t.Fatal(err)
	}
	base := "ssh://root@" + sshd.Address
	for name, c := range map[string]struct {
		to    model.Host
		class engine.Class
		says  []string
	}{
		"unknown host key": {
			model.Host{Endpoint: base, SSH: model.SSH{IdentityFile: sshd.Files.IdentityFile, KnownHosts: empty}}, engine.Denied,
			[]string{"SHA256:", "ssh-keyscan -p 22 " + machine.Address + " >> " + empty},
		},
		"no known_hosts at all": {
			model.Host{Endpoint: base, SSH: model.SSH{IdentityFile: sshd.Files.IdentityFile}}, engine.Denied,
			[]string{"there is no known_hosts file", "ssh-keyscan -p 22 " + machine.Address + " >> "},
		},
		"changed host key": {
			model.Host{Endpoint: base, SSH: model.SSH{IdentityFile: sshd.Files.IdentityFile, KnownHosts: changed}}, engine.Denied,
			[]string{"is not the one in " + changed + ":1", "somebody else answers", "ssh-keygen -f " + changed + " -R"},
		},
		"a key that is not let in": {
			model.Host{Endpoint: base, SSH: model.SSH{IdentityFile: stranger.Files.IdentityFile, KnownHosts: sshd.Files.KnownHosts}}, engine.Denied,
			[]string{`accepts no key for user "root"`, "offered: " + stranger.Files.IdentityFile, "authorized_keys"},
		},
		"no key at all": {
			model.Host{Endpoint: base, SSH: model.SSH{KnownHosts: sshd.Files.KnownHosts}}, engine.Denied,
			[]string{"there was none to offer", "authorized_keys"},
		},
		"a file that is no key": {
			model.Host{Endpoint: base, SSH: model.SSH{IdentityFile: garbage, KnownHosts: sshd.Files.KnownHosts}}, engine.Denied,
			[]string{garbage, "no usable private key"},
		},
		"forwarding is refused": {
			model.Host{Endpoint: closed.Endpoint("root"), SSH: closed.Files}, engine.Denied,
			[]string{"sshd there forwards no sockets", "AllowStreamLocalForwarding yes"},
		},
		"not in the group": {
			model.Host{Endpoint: sshd.Endpoint(dockertest.SSHUser), SSH: sshd.Files}, engine.Denied,
			[]string{`user "deploy"`, "permission denied", "usermod -aG docker deploy"},
		},
		"no such socket": {
			model.Host{Endpoint: base + "/run/no-such.sock", SSH: sshd.Files}, engine.Unreachable,
			[]string{"/run/no-such.sock", "is the engine running", "name the socket in the endpoint"},
		},
		"not a socket": {
			model.Host{Endpoint: base + "/tmp/no-socket", SSH: sshd.Files}, engine.Invalid, []string{"is no socket"},
		},
		"no sshd": {
			model.Host{Endpoint: "ssh://root@" + machine.Address + ":2224", SSH: sshd.Files}, engine.Unreachable,
			[]string{"nothing listens at " + machine.Address + ":2224"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := look(t, c.to)
			if engine.ClassOf(err) != c.class {
				t.Errorf("class %q, want %q", engine.ClassOf(err), c.class)
			}
			contains(t, fmt.Sprint(err), c.says...)
			if strings.Contains(fmt.Sprint(err), "canary") || strings.Contains(fmt.Sprint(err), "tcp://engine") {
				t.Errorf("says what is nobody's business: %v", err)
			}
		})
	}
}

// TestEngineThatIsDownOverSSH comes back without anybody's help, and is told
// apart from a host that is down.
func TestEngineThatIsDownOverSSH(t *testing.T) {
	machine, sshd := overSSH(t)
	h := hostOn(t, machine.Part(t), model.Host{Endpoint: sshd.Endpoint("root"), SSH: sshd.Files})
	h.observe(engine.Query{})
	machine.KillDaemon()
	_, err := h.engine.Observe(t.Context(), engine.Query{Resync: true})
	if engine.ClassOf(err) != engine.Unreachable {
		t.Errorf("class %q: %v", engine.ClassOf(err), err)
	}
	h.until("the error names the engine", func() bool {
		_, err := h.engine.Observe(t.Context(), engine.Query{Resync: true})
		return strings.Contains(err.Error(), "nobody seems to listen: is the engine running")
	})
	machine.StartDaemon()
	h.until("the engine is reached again", h.answers)
}

func (h *host) answers() bool {
	_, err := h.engine.Observe(h.t.Context(), engine.Query{Owner: h.Owner})
	return err == nil
}

// TestCutSSHConnectionIsMadeAgain loses the connection in the middle of an event
// stream, which goes on over another one.
func TestCutSSHConnectionIsMadeAgain(t *testing.T) {
	machine, sshd := overSSH(t)
	h := hostOn(t, machine.Part(t), model.Host{Endpoint: sshd.Endpoint("root"), SSH: sshd.Files})
	woken := h.watch()
	sshd.Cut()
	h.wakes(woken)
	h.until("the engine is reached again", h.answers)
	h.volume("seen")
	h.wakes(woken)
	if n := strings.Count(sshd.Log(), "Accepted publickey"); n != 2 {
		t.Errorf("%d connections were made, want the first and the one after the cut", n)
	}
}

// TestManyCallsShareOneSSHConnection makes more calls at once than sshd allows
// sessions.
func TestManyCallsShareOneSSHConnection(t *testing.T) {
	machine, sshd := overSSH(t, "MaxSessions 1")
	h := hostOn(t, machine.Part(t), model.Host{Endpoint: sshd.Endpoint("root"), SSH: sshd.Files})
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if _, err := h.engine.Observe(t.Context(), engine.Query{Resync: true}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := strings.Count(sshd.Log(), "Accepted publickey"); n != 1 {
		t.Errorf("%d connections were made, want 1", n)
	}
}

// TestDeadPeerIsNoticedOverSSH takes the host off the network: nothing says that
// the connection is gone.
func TestDeadPeerIsNoticedOverSSH(t *testing.T) {
	machine, sshd := overSSH(t)
	h := hostOn(t, machine.Part(t), model.Host{Endpoint: sshd.Endpoint("root"), SSH: sshd.Files})
	woken := h.watch()
	machine.Partition()
	h.wakes(woken)
	machine.Heal()
	h.until("the engine is reached again", h.answers)
}

// TestHungHostIsLeftInTimeOverSSH freezes a host that was never reached: it
// accepts the connection and says nothing.
func TestHungHostIsLeftInTimeOverSSH(t *testing.T) {
	machine, sshd := overSSH(t)
	machine.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	e, err := docker.New(model.Host{Name: "here", Endpoint: sshd.Endpoint("root"), SSH: sshd.Files})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	_, err = e.Observe(ctx, engine.Query{})
	if ctx.Err() != nil || engine.ClassOf(err) != engine.Unreachable {
		t.Errorf("class %q: %v", engine.ClassOf(err), err)
	}
	contains(t, fmt.Sprint(err), "does not answer within")
}
