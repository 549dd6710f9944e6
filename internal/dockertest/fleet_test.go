package dockertest_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/nat"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// start starts a container that answers on the host's port 80.
func start(t *testing.T, h *dockertest.Host) string {
	t.Helper()
	ctx := t.Context()
	hc := &container.HostConfig{PortBindings: nat.PortMap{"8080/tcp": {{HostPort: "80"}}}}
	cc := &container.Config{Image: image, ExposedPorts: nat.PortSet{"8080/tcp": {}}}
	created, err := h.Client.ContainerCreate(ctx, cc, hc, nil, nil, "web")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Client.ContainerStart(ctx, created.ID, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	return created.ID
}

// eventually is for what takes a moment; the limit only ends a test that would
// fail anyway.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 300 {
		if holds() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// answers says whether the container's port answers soon.
func answers(h *dockertest.Host) bool {
	c := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + net.JoinHostPort(h.Address, "80") + "/healthz")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK
}

// pings says whether the daemon's tcp endpoint answers soon.
func pings(t *testing.T, h *dockertest.Host) bool {
	t.Helper()
	opts := []client.Opt{client.WithHost(h.Endpoint), client.WithAPIVersionNegotiation()}
	if h.TLS.CA != "" {
		opts = append(opts, client.WithTLSClientConfig(h.TLS.CA, h.TLS.Cert, h.TLS.Key))
	}
	c, err := client.NewClientWithOpts(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err = c.Ping(ctx)
	return err == nil
}

func running(t *testing.T, h *dockertest.Host, id string) bool {
	t.Helper()
	state, err := h.Client.ContainerInspect(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return state.State.Running
}

// traces is what the fleet of a host with this address has on this machine.
func traces(t *testing.T, address string) string {
	t.Helper()
	number := strings.Split(address, ".")[2]
	var found []string
	for _, pattern := range []string{
		"/sys/fs/cgroup/tallyman-fleet/", "/sys/fs/cgroup/*/tallyman-fleet/", filepath.Join(os.TempDir(), "tallyman-fleet") + "/",
		"/sys/class/net/tallyman", "/sys/class/net/tm",
	} {
		for _, end := range []string{"", "-*"} {
			names, _ := filepath.Glob(pattern + number + end)
			found = append(found, names...)
		}
	}
	rules, err := exec.Command("iptables", "-w", "-S", "FORWARD").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, rules)
	}
	for line := range strings.Lines(string(rules)) {
		if strings.Contains(line, "tallyman"+number+" ") {
			found = append(found, line)
		}
	}
	return strings.Join(found, "\n")
}

func TestHostsFailOneByOne(t *testing.T) {
	hosts := dockertest.Fleet(t, 3, dockertest.DaemonFlags("--live-restore"))
	dockertest.Load(t, hosts, image)
	var ids []string
	for _, h := range hosts {
		ids = append(ids, start(t, h))
		eventually(t, h.Name+" serves", func() bool { return answers(h) })
	}
	frozen, crashed, cut := hosts[0], hosts[1], hosts[2]

	frozen.Freeze()
	if pings(t, frozen) || answers(frozen) {
		t.Error("a frozen host answers")
	}
	crashed.KillDaemon()
	if pings(t, crashed) {
		t.Error("a killed daemon answers")
	}
	if !answers(crashed) {
		t.Error("a container stopped with its daemon")
	}
	cut.Partition()
	if pings(t, cut) || answers(cut) {
		t.Error("a host that is cut off answers")
	}
	if !running(t, cut, ids[2]) {
		t.Error("a host that is cut off stopped its container")
	}

	frozen.Thaw()
	crashed.StartDaemon()
	cut.Heal()
	for i, h := range hosts {
		eventually(t, h.Name+" is back", func() bool { return pings(t, h) && answers(h) })
		if !running(t, h, ids[i]) {
			t.Errorf("%s came back without its container", h.Name)
		}
	}
}

func TestPowerLossEndsContainersAndKeepsTheDisk(t *testing.T) {
	h := dockertest.Fleet(t, 1)[0]
	dockertest.Load(t, []*dockertest.Host{h}, image)
	id := start(t, h)
	h.PowerOff()
	if pings(t, h) {
		t.Error("a host without power answers")
	}
	h.Boot()
	if running(t, h, id) {
		t.Error("the container survived the power loss")
	}
	if !pings(t, h) {
		t.Error("the host does not answer after its boot")
	}
}

func TestAFullDiskIsTheHostsOwn(t *testing.T) {
	hosts := dockertest.Fleet(t, 2, dockertest.OwnDisk(256<<20))
	dockertest.Load(t, hosts, image)
	full := hosts[0]
	id := start(t, full)
	full.FillDisk()
	if _, err := full.Client.ContainerCreate(t.Context(), &container.Config{Image: image}, nil, nil, nil, "more"); err == nil {
		t.Error("a container could be made on a full disk")
	}
	start(t, hosts[1])
	full.PowerOff()
	full.Boot()
	running(t, full, id) // or the test ends: the disk has outlived the power loss
	full.FreeDisk()
	if _, err := full.Client.ContainerCreate(t.Context(), &container.Config{Image: image}, nil, nil, nil, "more"); err != nil {
		t.Errorf("no container could be made when there is room again: %v", err)
	}
}

func TestImagesAreTheSameOnAllHosts(t *testing.T) {
	hosts := dockertest.Fleet(t, 2)
	dockertest.Load(t, hosts, image)
	ids := map[string]bool{}
	for _, h := range hosts {
		found, err := h.Client.ImageInspect(t.Context(), image)
		if err != nil {
			t.Fatal(err)
		}
		ids[found.ID] = true
	}
	if len(ids) != 1 {
		t.Errorf("one image has the ids %v", ids)
	}
}

func TestMutualTLSAdmitsOnlyItsClients(t *testing.T) {
	h := dockertest.Fleet(t, 1, dockertest.MutualTLS())[0]
	if !pings(t, h) {
		t.Error("the host does not answer its own client")
	}
	stranger := dockertest.Fleet(t, 1, dockertest.MutualTLS())[0]
	h.TLS.Cert, h.TLS.Key = stranger.TLS.Cert, stranger.TLS.Key
	if pings(t, h) {
		t.Error("the host answers a client of another authority")
	}
}

func TestFleetsLeaveNothing(t *testing.T) {
	var address string
	t.Run("inner", func(t *testing.T) {
		hosts := dockertest.Fleet(t, 2, dockertest.OwnDisk(256<<20))
		address = hosts[0].Address
		dockertest.Load(t, hosts, image)
		start(t, hosts[0])
		hosts[0].Freeze()
		hosts[1].PowerOff()
	})
	if left := traces(t, address); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
}

// TestKilledFleetIsRemovedByTheNext lets this binary run TestKillMyFleet,
// which dies while a host of its fleet is frozen.
func TestKilledFleetIsRemovedByTheNext(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestKillMyFleet$")
	cmd.Env = append(os.Environ(), "KILL_ME=1")
	out, _ := cmd.CombinedOutput()
	_, address, found := strings.Cut(string(out), "dying at ")
	if !found {
		t.Fatalf("the test to be killed said %s", out)
	}
	if traces(t, address) == "" {
		t.Error("a fleet that was killed should have left something")
	}
	t.Run("next", func(t *testing.T) { dockertest.Fleet(t, 1) })
	if left := traces(t, address); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
}

func TestKillMyFleet(t *testing.T) {
	if os.Getenv("KILL_ME") == "" {
		return // it is a part of TestKilledFleetIsRemovedByTheNext
	}
	h := dockertest.Fleet(t, 1)[0]
	dockertest.Load(t, []*dockertest.Host{h}, image)
	start(t, h)
	h.Freeze()
	os.Stdout.WriteString("dying at " + h.Address)
	os.Exit(9)
}
