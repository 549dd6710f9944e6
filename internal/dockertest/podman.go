package dockertest

import (
	"fmt"
	"os"
)

// Podman gives the hosts Podman in the place of dockerd, behind the same socket;
// KillDaemon, StartDaemon and Endpoint are not for them.
// It is set up as far as a machine without systemd and without the privilege to
// raise limits needs it: see docs/podman.md.
func Podman() Option { return func(s *settings) { s.podman = true } }

const containersConf = `
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
cgroups = "enabled"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = %q
[network]
network_backend = "netavark"
network_config_dir = %q
default_subnet_pools = [{"base" = "10.128.0.0/12", "size" = 24}]
`

// startPodman starts Podman's service on the host's socket.
func (h *Host) startPodman() error {
	for _, dir := range []string{"podman", "podman/tmp", "podman/networks", "podman/run"} {
		if err := os.MkdirAll(h.path(dir), 0o711); err != nil {
			return err
		}
	}
	conf := h.path("podman/containers.conf")
	text := fmt.Sprintf(containersConf, h.path("podman/tmp"), h.path("podman/networks"))
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return err
	}
	if err := h.hide("/run/netns", "/run/containers", "/run/lock"); err != nil {
		return err
	}
	// The socket of a power loss is still there, and nobody behind it.
	if err := os.RemoveAll(h.path("docker.sock")); err != nil {
		return err
	}
	var err error
	h.daemon, err = h.service(h.path("dockerd.log"), "env", "CONTAINERS_CONF="+conf,
		"podman", "--root", h.path("data"), "--runroot", h.path("podman/run"), "--storage-driver", "overlay", "--log-level", "info",
		"system", "service", "--time", "0", h.Socket)
	if err != nil {
		return err
	}
	return h.answers()
}

// hide puts an empty folder of the host's own over each of the machine's, for
// Podman keeps track of its networks and locks there.
func (h *Host) hide(dirs ...string) error {
	for _, dir := range dirs {
		if _, err := h.Run("sh", "-c", `mkdir -p "$1" && mount -t tmpfs tmpfs "$1"`, "sh", dir); err != nil {
			return err
		}
	}
	return nil
}
