package dockertest

import (
	"context"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/docker/docker/client"

	"github.com/tallyman-io/tallyman/internal/testimage"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Host is a Docker host of a fleet. Its methods may be called from the test's
// own goroutine only; each waits until it has happened, and ends the test when
// it can't.
type Host struct {
	Name     string
	Address  string    // also where its published ports are reached
	Endpoint string    // tcp://<address>:<port>, for Tallyman
	TLS      model.TLS // the files for Endpoint; empty without MutualTLS
	// Socket is a unix:// endpoint that Partition does not cut off.
	Socket string
	// Client looks at the host over Socket, without Tallyman in between.
	Client *client.Client

	t      testing.TB
	fleet  *fleet
	index  int
	dir    string
	holder *exec.Cmd     // pid 1 of the host; nil while the power is off
	let    io.Closer     // of the holder: closed, it ends, as it does when the test dies
	daemon chan struct{} // closed when dockerd has ended; nil when it was not started
	frozen bool
}

func newHost(t testing.TB, f *fleet, i int) (*Host, error) {
	h := &Host{
		Name: "host-" + strconv.Itoa(i+1), Address: hostAddr(f.number, i).String(),
		t: t, fleet: f, index: i,
	}
	h.dir = filepath.Join(f.dir(), h.Name)
	h.Endpoint = "tcp://" + h.Address + ":2375"
	if f.tls {
		h.Endpoint, h.TLS = "tcp://"+h.Address+":2376", f.ca.client
	}
	h.Socket = "unix://" + filepath.Join(h.dir, "docker.sock")
	var err error
	h.Client, err = testimage.Dial(h.Socket)
	return h, err
}

// Freeze stops all processes of the host, its daemon included, as a machine
// hangs: connections are accepted and nothing is answered.
func (h *Host) Freeze() {
	h.t.Helper()
	h.frozen = true // also when it can't be frozen as a whole: what is has to be thawed
	h.must("freeze", freeze(h.freezer(), true))
}

// Thaw lets a frozen host go on.
func (h *Host) Thaw() {
	h.t.Helper()
	h.must("thaw", freeze(h.freezer(), false))
	h.frozen = false
}

// KillDaemon ends dockerd with SIGKILL. The containers run on; without the
// flag --live-restore, dockerd ends them when it starts again.
func (h *Host) KillDaemon() {
	h.t.Helper()
	h.must("kill the daemon of", h.endDaemon("KILL"))
}

// StopDaemon ends dockerd as an upgrade does: with SIGTERM, and so, without the
// flag --live-restore, its containers too.
func (h *Host) StopDaemon() {
	h.t.Helper()
	h.must("stop the daemon of", h.endDaemon("TERM"))
}

// StartDaemon starts dockerd after KillDaemon or StopDaemon, and waits until it answers.
func (h *Host) StartDaemon() {
	h.t.Helper()
	h.must("start the daemon of", h.startDaemon())
}

// RenewCertificates gives the hosts of the fleet another authority, which does
// not know the certificates of the one before, with new files for clients in the
// place of the old ones; and starts this host's daemon again with one of its.
func (h *Host) RenewCertificates() {
	h.t.Helper()
	ca, err := newAuthority(h.fleet.dir())
	h.must("renew the certificates of", err)
	h.fleet.ca = ca
	h.KillDaemon()
	h.StartDaemon()
}

// PowerOff ends everything on the host at once, as a power loss does. What was
// on its disk stays.
func (h *Host) PowerOff() {
	h.t.Helper()
	h.must("power off", h.powerOff())
}

// Boot starts a host after PowerOff, and waits until its daemon answers.
func (h *Host) Boot() {
	h.t.Helper()
	h.must("boot", h.boot())
}

// Partition takes the host off the network; it runs on and does not know.
func (h *Host) Partition() {
	h.t.Helper()
	h.must("partition", command("ip", "link", "set", h.card(), "down")())
}

// Heal connects the host again after Partition.
func (h *Host) Heal() {
	h.t.Helper()
	h.must("heal", command("ip", "link", "set", h.card(), "up")())
}

func (h *Host) must(doing string, err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatalf("%s host %q: %v", doing, h.Name, err)
	}
}

// copyImages gives one engine the images of another.
func copyImages(ctx context.Context, from, to *client.Client, tags []string) error {
	if len(tags) == 0 {
		return nil
	}
	archive, err := from.ImageSave(ctx, tags)
	if err != nil {
		return err
	}
	defer archive.Close()
	loaded, err := to.ImageLoad(ctx, archive, client.ImageLoadWithQuiet(true))
	if err != nil {
		return err
	}
	defer loaded.Body.Close()
	_, err = io.Copy(io.Discard, loaded.Body)
	return err
}
