package model

import (
	"slices"
	"time"
)

// ContainerSpec is everything that reaches a container. The zero value of a
// field means "not asked for": the image or the engine decides, and what they
// decide is never a difference.
//
// Sizes are bytes, CPUs are billionths of a CPU. Slices whose order has no
// meaning to the engine (Ports, Mounts, Networks, CapAdd …) are kept sorted by
// whoever builds the value, so that equal specs are equal bytes.
type ContainerSpec struct {
	// Image is the reference, which is pulled and run: as declared, with the
	// digest that a registry gave for it (see WithDigest).
	Image string `json:"image"`
	// ImageID, when set, is the image that this reference was resolved to on
	// the replica's host; a container of another image is a difference.
	ImageID string `json:"imageID,omitempty"`

	Entrypoint []string          `json:"entrypoint,omitempty"`
	Command    []string          `json:"command,omitempty"`
	Env        map[string]string `json:"env,omitempty"`
	// SecretEnv are the variables whose values are secret, by name. None of
	// them is in Env.
	SecretEnv  map[string]SecretRef `json:"secretEnv,omitempty"`
	User       string               `json:"user,omitempty"`
	WorkingDir string               `json:"workingDir,omitempty"`
	Hostname   string               `json:"hostname,omitempty"`
	// Labels are the user's own; the ownership labels are never among them.
	Labels map[string]string `json:"labels,omitempty"`

	Files    []File       `json:"files,omitempty"`
	Mounts   []Mount      `json:"mounts,omitempty"`
	Networks []Attachment `json:"networks,omitempty"`
	Ports    []Port       `json:"ports,omitempty"`

	HealthCheck *HealthCheck  `json:"healthCheck,omitempty"`
	StopSignal  string        `json:"stopSignal,omitempty"`
	StopGrace   time.Duration `json:"stopGrace,omitempty"`

	Init       bool              `json:"init,omitempty"`
	ReadOnly   bool              `json:"readOnly,omitempty"`
	Privileged bool              `json:"privileged,omitempty"`
	CapAdd     []string          `json:"capAdd,omitempty"`
	CapDrop    []string          `json:"capDrop,omitempty"`
	Devices    []Device          `json:"devices,omitempty"`
	Sysctls    map[string]string `json:"sysctls,omitempty"`
	Ulimits    []Ulimit          `json:"ulimits,omitempty"`
	ExtraHosts []ExtraHost       `json:"extraHosts,omitempty"`
	DNS        DNS               `json:"dns,omitzero"`
	ShmSize    int64             `json:"shmSize,omitempty"`
	Logging    Logging           `json:"logging,omitzero"`

	// Adjustable can be changed on a running container and is therefore not
	// part of the fingerprint: it is always compared with the live container.
	Adjustable Adjustable `json:"adjustable,omitzero"`
}

// Adjustable are the settings that an engine changes in place.
type Adjustable struct {
	NanoCPUs          int64   `json:"nanoCPUs,omitempty"`
	Memory            int64   `json:"memory,omitempty"`
	MemoryReservation int64   `json:"memoryReservation,omitempty"`
	Pids              int64   `json:"pids,omitempty"`
	Restart           Restart `json:"restart,omitzero"`
}

// Restart is the engine's own restart policy, which keeps replicas up while no
// controller is there. Name is one of no, always, unless-stopped, on-failure.
type Restart struct {
	Name       string `json:"name,omitempty"`
	MaxRetries int    `json:"maxRetries,omitempty"`
}

// File is content that is copied into the created container before it starts.
// The bytes travel apart from the plan, by Digest (see Blobs).
type File struct {
	Path   string `json:"path"`
	Mode   uint32 `json:"mode"` // permission bits
	UID    int    `json:"uid,omitempty"`
	GID    int    `json:"gid,omitempty"`
	Digest string `json:"digest"` // sha256:<hex> of the content, or a DigestKey's of a secret one
	// Secret says that the content is secret, and where it is declared, as
	// `db/tls.key`.
	Secret string `json:"secret,omitempty"`
}

// Blobs are contents of files, and values of secrets, by digest.
type Blobs map[string][]byte

// Mount kinds.
const (
	MountVolume = "volume"
	MountBind   = "bind"
	MountTmpfs  = "tmpfs"
)

// Mount is a volume (Source is its name on the host), a folder of the host
// (Source is its path) or a tmpfs (no Source).
type Mount struct {
	Kind     string `json:"kind"`
	Source   string `json:"source,omitempty"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"readOnly,omitempty"`
	Size     int64  `json:"size,omitempty"` // tmpfs only; 0 is the engine's default
}

// Attachment joins a container to a network, by the network's name on the
// host. Aliases answer in that network's DNS; the container's own name and
// short id, which the engine adds, are left out.
type Attachment struct {
	Network string   `json:"network"`
	Aliases []string `json:"aliases,omitempty"`
}

// HostNetwork and NoNetwork are networks that every host has.
const (
	HostNetwork = "host"
	NoNetwork   = "none"
)

// Port publishes a container's port on its own host. Published 0 lets the
// engine choose.
type Port struct {
	Container uint16 `json:"container"`
	Published uint16 `json:"published,omitempty"`
	Protocol  string `json:"protocol"` // tcp, udp or sctp
	HostIP    string `json:"hostIP,omitempty"`
}

// Clashes says whether two published ports of one host exclude each other. The
// engine's own choice never does. All addresses of either family clash with
// each one: engines differ in whether IPv6's take IPv4's along.
func (p Port) Clashes(o Port) bool {
	return p.Published != 0 && p.Published == o.Published && p.Protocol == o.Protocol &&
		(p.HostIP == o.HostIP || anyAddress(p.HostIP) || anyAddress(o.HostIP))
}

func anyAddress(ip string) bool { return ip == "" || ip == "0.0.0.0" || ip == "::" }

// PortsClash says whether any of a clashes with any of b.
func PortsClash(a, b []Port) bool {
	for _, p := range a {
		if slices.ContainsFunc(b, p.Clashes) {
			return true
		}
	}
	return false
}

// HealthCheck is a command that the engine runs inside the container. Zero
// durations and retries mean the engine's defaults.
type HealthCheck struct {
	// Test is in the engine's form: ["CMD", "/web", "health"],
	// ["CMD-SHELL", "…"] or ["NONE"] to switch the image's check off.
	Test        []string      `json:"test"`
	Interval    time.Duration `json:"interval,omitempty"`
	Timeout     time.Duration `json:"timeout,omitempty"`
	StartPeriod time.Duration `json:"startPeriod,omitempty"`
	Retries     int           `json:"retries,omitempty"`
}

// Enabled says whether a container with this check reports its health.
func (h *HealthCheck) Enabled() bool {
	return h != nil && len(h.Test) > 0 && h.Test[0] != "NONE"
}

// Device makes a device of the host visible in the container.
type Device struct {
	Host        string `json:"host"`
	Container   string `json:"container"`
	Permissions string `json:"permissions"` // some of r, w, m
}

// Ulimit is a resource limit of the container's processes.
type Ulimit struct {
	Name string `json:"name"`
	Soft int64  `json:"soft"`
	Hard int64  `json:"hard"`
}

// ExtraHost is a line of the container's /etc/hosts.
type ExtraHost struct {
	Name string `json:"name"`
	IP   string `json:"ip"`
}

// DNS overrides the container's resolver settings.
type DNS struct {
	Servers []string `json:"servers,omitempty"`
	Search  []string `json:"search,omitempty"`
	Options []string `json:"options,omitempty"`
}

// Logging chooses the container's log driver.
type Logging struct {
	Driver  string            `json:"driver,omitempty"`
	Options map[string]string `json:"options,omitempty"`
}
