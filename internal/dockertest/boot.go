package dockertest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// bootTime is how long a daemon may take until it answers.
const bootTime = time.Minute

// holderScript is pid 1 of a host. It waits for the end of its input, which is
// a pipe that the test holds: when the test's process is gone, so is the host,
// because the kernel ends a pid namespace with its pid 1. While it waits, the
// shell reaps the orphans.
const holderScript = `
mount --make-rprivate / && mount -t proc proc /proc && hostname "$1" || exit 1
exec 3<&0
cat <&3 >/dev/null &
echo ready
wait $!
`

func (h *Host) boot() error {
	if h.holder != nil {
		return errors.New("it is on")
	}
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return err
	}
	// dockerd would wait for a containerd whose pid, from before the power
	// loss, belongs to another process now.
	if err := os.RemoveAll(h.path("exec")); err != nil {
		return err
	}
	if err := h.mountDisk(); err != nil {
		return err
	}
	if err := h.hold(); err != nil {
		return err
	}
	if err := h.plug(); err != nil {
		return err
	}
	return h.startDaemon()
}

// hold starts the host's pid 1, in namespaces of its own.
func (h *Host) hold() error {
	cmd := exec.Command("sh", "-c", holderScript, "sh", h.Name)
	cmd.SysProcAttr = namespaces()
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	h.holder, h.let = cmd, in
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return fmt.Errorf("prepare namespaces: %w", err)
	}
	return nil
}

func (h *Host) powerOff() error {
	if h.holder == nil {
		return nil
	}
	if h.frozen {
		if err := freeze(h.freezer(), false); err != nil {
			return err
		}
		h.frozen = false
	}
	if err := h.holder.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	// pid 1 is not gone before all others are.
	h.holder.Wait() //nolint:errcheck // it says that it was killed
	h.let.Close()
	h.holder = nil
	if h.daemon != nil {
		<-h.daemon
	}
	h.daemon = nil
	h.unplug()
	return nil
}

// path is a file or folder of the host.
func (h *Host) path(name string) string { return filepath.Join(h.dir, name) }

// inside runs a program in the host's namespaces. Unlike ip netns exec, this
// leaves /sys as it is, in which dockerd looks for the cgroups.
func (h *Host) inside(args ...string) *exec.Cmd {
	pid := strconv.Itoa(h.holder.Process.Pid)
	return exec.Command("nsenter", append([]string{"-t", pid, "-m", "-u", "-i", "-n", "-p", "--"}, args...)...)
}

func (h *Host) startDaemon() error {
	if h.fleet.podman {
		return h.startPodman()
	}
	if err := os.RemoveAll(h.path("docker.pid")); err != nil {
		return err
	}
	flags, err := h.daemonFlags()
	if err != nil {
		return err
	}
	h.daemon, err = h.service(h.path("dockerd.log"), append([]string{"dockerd"}, flags...)...)
	if err != nil {
		return err
	}
	return h.answers()
}

// service starts a program that is frozen with the host and ends with it, and
// says when it has ended.
func (h *Host) service(logFile string, program ...string) (ended chan struct{}, err error) {
	cgroup, err := h.daemonCgroup()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := h.inside(append([]string{"sh", "-c", `echo 0 > "$1/cgroup.procs" && shift && exec "$@"`, "sh", cgroup}, program...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait() //nolint:errcheck // the log says why
	}()
	return ended, nil
}

func (h *Host) daemonFlags() ([]string, error) {
	flags := []string{
		"--data-root", h.path("data"), "--exec-root", h.path("exec"), "--pidfile", h.path("docker.pid"),
		"-H", h.Socket, "-H", h.Endpoint,
		"--cgroup-parent", h.cgroupParent(), "--exec-opt", "native.cgroupdriver=cgroupfs",
		// The engine's own pools end after about 30 networks.
		"--default-address-pool", "base=10.128.0.0/12,size=24",
	}
	if !h.fleet.tls {
		// Unless told that this is on purpose, dockerd waits for 15 seconds.
		return append(append(flags, "--tls=false"), h.fleet.flags...), nil
	}
	cert, key, err := h.fleet.ca.server(h.dir, h.Address)
	if err != nil {
		return nil, err
	}
	flags = append(flags, "--tlsverify", "--tlscacert", h.fleet.ca.client.CA, "--tlscert", cert, "--tlskey", key)
	return append(flags, h.fleet.flags...), nil
}

// answers waits for the daemon's first answer, or for its end.
func (h *Host) answers() error {
	ctx, cancel := context.WithTimeout(context.Background(), bootTime)
	defer cancel()
	for {
		if _, err := h.Client.Ping(ctx); err == nil {
			return nil
		}
		select {
		case <-h.daemon:
			return fmt.Errorf("dockerd ended: %s", h.lastLog())
		case <-ctx.Done():
			return fmt.Errorf("dockerd does not answer: %s", h.lastLog())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// lastLog is the end of what the daemon said.
func (h *Host) lastLog() []byte {
	const enough = 2000
	log, _ := os.ReadFile(h.path("dockerd.log"))
	return log[max(0, len(log)-enough):]
}

func (h *Host) endDaemon(signal string) error {
	if h.daemon == nil {
		return errors.New("it does not run")
	}
	out, err := h.inside("sh", "-c", `kill -s "$1" "$(cat "$2")"`, "sh", signal, h.path("docker.pid")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	<-h.daemon
	h.daemon = nil
	return nil
}
