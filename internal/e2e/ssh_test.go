package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// sshWorld is an installation on two real hosts, the second of which is reached
// over ssh.
func sshWorld(t *testing.T) (*world, *dockertest.Host, *dockertest.SSHD) {
	w, hosts := fleetWorld(t, 2)
	far := hosts[1]
	sshd := far.SSHD(22)
	w.write("hosts/"+far.Name+".yaml", fmt.Sprintf(
		"apiVersion: tallyman/v1\nkind: Host\nmetadata: {name: %s}\nspec: {endpoint: %q, ssh: {identityFile: %q, knownHosts: %q}}\n",
		far.Name, sshd.Endpoint("root"), sshd.Files.IdentityFile, sshd.Files.KnownHosts))
	w.service("web", "tallyman/hello:1", 4)
	w.commit("deploy web")
	return w, far, sshd
}

// says waits until a verb's output has the words.
func (w *world) says(words string, verb ...string) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		out, _ := w.run(verb...)
		if strings.Contains(out, words) {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("tallyman %s does not say %q:\n%s", strings.Join(verb, " "), words, out)
		}
	}
}

// TestRolloutOverCutSSHConnections rolls on a host whose ssh connection is cut
// again and again in the middle of it.
func TestRolloutOverCutSSHConnections(t *testing.T) {
	w, far, sshd := sshWorld(t)
	w.expect(0, "host", "check")
	w.serve()
	live := w.eventually("4 replicas of image 1", exactly("web", "tallyman/hello:1", 4))
	if n := perHost(live)[far.Name]; n != 2 {
		t.Errorf("the host over ssh has %d of 4 replicas, want 2", n)
	}
	w.service("web", "tallyman/hello:2", 4)
	w.commit("image 2")
	for range 5 {
		time.Sleep(700 * time.Millisecond)
		sshd.Cut()
	}
	w.eventually("4 replicas of image 2 and nothing else", exactly("web", "tallyman/hello:2", 4))
	w.expect(0, "apply")
}

// TestSSHHostGoesAndComesBack takes the host off the network, and then its sshd
// away: it is said, the other host rolls on, and this one follows.
func TestSSHHostGoesAndComesBack(t *testing.T) {
	w, far, sshd := sshWorld(t)
	w.serve()
	w.eventually("4 replicas of image 1", exactly("web", "tallyman/hello:1", 4))
	far.Partition()
	delete(w.hosts, far.Name)
	w.says("host "+far.Name+" is unreachable", "status")
	w.service("web", "tallyman/hello:2", 4)
	w.commit("image 2")
	w.eventually("the 2 replicas of the other host on image 2", exactly("web", "tallyman/hello:2", 2))
	far.Heal()
	w.hosts[far.Name] = far.Client
	w.eventually("all 4 replicas on image 2", exactly("web", "tallyman/hello:2", 4))

	sshd.Stop()
	w.says("nothing listens at "+sshd.Address, "get", "hosts")
	w.expect(1, "host", "check", far.Name)
	sshd.Start()
	w.service("web", "tallyman/hello:1", 4)
	w.commit("image 1")
	w.eventually("4 replicas of image 1", exactly("web", "tallyman/hello:1", 4))
	w.expect(0, "host", "check", far.Name)
}
