package model

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Live is what the hosts reported last, sorted by host name.
type Live struct {
	Hosts []HostState `json:"hosts"`
}

// NotReachedYet is the error of a host that nobody has tried to look at so far.
const NotReachedYet = "not reached yet"

// HostState is one host's latest report. While the host can't be reached the
// rest of it is the last known state, and At says how old that is.
type HostState struct {
	Name      string `json:"name"`
	Reachable bool   `json:"reachable"`
	// Known says that the host was reached at some time, so the rest of this is
	// more than nothing. Whoever makes a Live sets it.
	Known bool `json:"known,omitempty"`
	// Error says why the host is not reachable, in words.
	Error string    `json:"error,omitempty"`
	At    time.Time `json:"at"` // when the observation began, on the controller's clock
	// Condition is what is made of it, and AwaySince when it first gave no answer;
	// zero while it answers. Withheld says why it is not given up although it has
	// been away for long enough.
	Condition Condition `json:"condition,omitempty"`
	AwaySince time.Time `json:"awaySince,omitzero"`
	Withheld  string    `json:"withheld,omitempty"`
	// SameAs is the host of the same engine that is used in its place.
	SameAs string `json:"sameAs,omitempty"`
	// Evicted are the replicas that were last seen on the host, which is given up,
	// and that are to run elsewhere.
	Evicted []Ownership `json:"-"`
	// Since is when the host was first reached again after it had not been, or
	// after the controller had started.
	Since      time.Time      `json:"since,omitzero"`
	Info       HostInfo       `json:"info"`
	Containers []Container    `json:"containers,omitempty"` // all of them, also other people's; sorted by name, then id
	Networks   []NetworkState `json:"networks,omitempty"`   // see CompareNetworks
	Volumes    []VolumeState  `json:"volumes,omitempty"`
	// Images maps the references asked for in the query to the ids of the
	// images the host has; a reference that is missing here is missing there.
	Images map[string]string `json:"images,omitempty"`
	// Pulls are the pulls of ours that are at work there now.
	Pulls []Pull `json:"pulls,omitempty"`
	// Unasked are references that matter now and were not in the query yet.
	Unasked []string `json:"unasked,omitempty"`
}

// NetworksNamed are the host's networks of a name, the one that is to stay first:
// none, one, or by accident several.
func (h *HostState) NetworksNamed(name string) []NetworkState {
	var named []NetworkState
	for i := range h.Networks {
		if h.Networks[i].Name == name {
			named = append(named, h.Networks[i])
		}
	}
	slices.SortFunc(named, CompareNetworks)
	return named
}

// Volume is the host's volume of a name, or nil.
func (h *HostState) Volume(name string) *VolumeState {
	for i := range h.Volumes {
		if h.Volumes[i].Name == name {
			return &h.Volumes[i]
		}
	}
	return nil
}

// Pull is an image on its way to a host. Total grows while the engine learns
// of the image's layers; 0 is not known yet.
type Pull struct {
	Image string `json:"image"`
	Done  int64  `json:"done"` // bytes
	Total int64  `json:"total"`
}

// HostInfo is what an engine says of itself.
type HostInfo struct {
	Version    string `json:"version,omitempty"`
	APIVersion string `json:"apiVersion,omitempty"`
	OS         string `json:"os,omitempty"`
	Arch       string `json:"arch,omitempty"` // as in Go: amd64, arm64
	NanoCPUs   int64  `json:"nanoCPUs,omitempty"`
	Memory     int64  `json:"memory,omitempty"`
	LogDriver  string `json:"logDriver,omitempty"`

	// Product is what answers in the place of a Docker engine: "Podman Engine".
	Product       string `json:"product,omitempty"`
	OSName        string `json:"osName,omitempty"` // as "Debian GNU/Linux 12 (bookworm)"
	Kernel        string `json:"kernel,omitempty"`
	StorageDriver string `json:"storageDriver,omitempty"`
	DataRoot      string `json:"dataRoot,omitempty"`
	CgroupVersion string `json:"cgroupVersion,omitempty"`
	CgroupDriver  string `json:"cgroupDriver,omitempty"` // none is an engine that can't limit anything
	LiveRestore   bool   `json:"liveRestore,omitempty"`
	// ClockSkew is how far its clock is ahead of the controller's, as far as the
	// call that read it can tell.
	ClockSkew time.Duration `json:"clockSkew,omitempty"`
	// Lacks are the limits that its kernel can't set: memory, swap, cpus, pids.
	Lacks []string `json:"lacks,omitempty"`
	// Labels are the engine's own, from its configuration.
	Labels map[string]string `json:"labels,omitempty"`
	// Warnings are what the engine says of itself besides.
	Warnings []string `json:"warnings,omitempty"`
}

// DiskUsage is what an engine has on its disk, in bytes. How full the disk is
// no engine tells.
type DiskUsage struct {
	Images       int64 `json:"images"`
	UnusedImages int64 `json:"unusedImages"` // the part of Images that no container is made from
	Containers   int64 `json:"containers"`   // what they have written beside volumes
	Volumes      int64 `json:"volumes"`
	BuildCache   int64 `json:"buildCache"`
}

// State is an engine's word for what a container is doing.
type State string

// The states an engine reports.
const (
	StateCreated    State = "created"
	StateRunning    State = "running"
	StatePaused     State = "paused"
	StateRestarting State = "restarting"
	StateExited     State = "exited"
	StateDead       State = "dead"
	StateRemoving   State = "removing"
)

// Health is the result of a container's health check.
type Health string

// The healths an engine reports; HealthNone is a container without a check.
const (
	HealthNone      Health = ""
	HealthStarting  Health = "starting"
	HealthHealthy   Health = "healthy"
	HealthUnhealthy Health = "unhealthy"
)

// Container is a container as a host reports it. Of containers without our
// owner label only the identity, the state and the published ports are filled.
type Container struct {
	Host  string    `json:"host"`
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	Owner Ownership `json:"owner,omitzero"`

	State        State  `json:"state"`
	Health       Health `json:"health,omitempty"`
	HealthOutput string `json:"healthOutput,omitempty"` // of the last failed check
	// Unchecked says that the engine runs its health check no more, so that its
	// Health may have changed since.
	Unchecked bool   `json:"unchecked,omitempty"`
	ExitCode  int    `json:"exitCode,omitempty"` // of its last end, where that is known
	OOMKilled bool   `json:"oomKilled,omitempty"`
	Error     string `json:"error,omitempty"` // what the engine said when it could not start it
	// Wedged says that the engine has lost track of what it began to start and can't
	// start this container any more, whatever is tried: only another one helps.
	Wedged       bool      `json:"wedged,omitempty"`
	RestartCount int       `json:"restartCount,omitempty"`
	CreatedAt    time.Time `json:"createdAt,omitzero"`
	StartedAt    time.Time `json:"startedAt,omitzero"` // on the controller's clock
	FinishedAt   time.Time `json:"finishedAt,omitzero"`
	// EngineStart is the start on the engine's own clock, where that may be
	// another: what StartedAt is corrected by may differ from look to look.
	EngineStart time.Time `json:"engineStart,omitzero"`

	// Ports are the published ports it holds or would hold.
	Ports []Port `json:"ports,omitempty"`
	// Spec is what the container was really made with, in normal form; nil
	// until the engine has answered an inspect, which InspectError explains.
	Spec         *ContainerSpec `json:"spec,omitempty"`
	InspectError string         `json:"inspectError,omitempty"`
	// AtWork says that there is no Spec because an op of ours is at work on the
	// container, which engines lock meanwhile.
	AtWork bool `json:"atWork,omitempty"`
	// Image are the defaults that the container got from its image.
	Image *ImageDefaults `json:"image,omitempty"`
	// Joined is the id of the container whose network it shares.
	Joined string `json:"joined,omitempty"`
	// Pod are the containers of a pod that this one stands for, the holder first,
	// and Culprit is the one whose state it has, see FoldPods.
	Pod     []Container `json:"pod,omitempty"`
	Culprit string      `json:"culprit,omitempty"`
}

// Running says whether the container's processes exist and may hold ports; of a
// pod, those of any of its containers.
func (c *Container) Running() bool {
	if len(c.Pod) > 0 {
		return slices.ContainsFunc(c.Pod, func(p Container) bool { return p.Running() })
	}
	return c.State == StateRunning || c.State == StatePaused || c.State == StateRestarting
}

// ClockSlack is how far a host's clock may be off after correction.
const ClockSlack = 5 * time.Second

// RunFor says whether a container that runs has done so for a while. A start in
// the future is one by a clock that has been set back since, who knows by how
// much: such a container would be watched until the clock is there again.
func (c *Container) RunFor(while time.Duration, now time.Time) bool {
	return !now.Before(c.StartedAt.Add(while)) || c.StartedAt.After(now.Add(ClockSlack))
}

// ImageDefaults is what an image gives a container that does not say
// otherwise.
type ImageDefaults struct {
	ID          string            `json:"id"`
	Entrypoint  []string          `json:"entrypoint,omitempty"`
	Command     []string          `json:"command,omitempty"`
	Env         map[string]string `json:"env,omitempty"`
	User        string            `json:"user,omitempty"`
	WorkingDir  string            `json:"workingDir,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	StopSignal  string            `json:"stopSignal,omitempty"`
	HealthCheck *HealthCheck      `json:"healthCheck,omitempty"`
	Volumes     []string          `json:"volumes,omitempty"` // anonymous volumes the image declares, by mount point
}

// NetworkState is a network on a host.
type NetworkState struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Owner     Ownership `json:"owner,omitzero"`
	Driver    string    `json:"driver,omitempty"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
	// InUse says that a container which runs is on it.
	InUse bool `json:"inUse,omitempty"`
}

// CompareNetworks sorts the networks of a host by name, and of those that have
// one name the one that is to stay first: one in use, which can't be removed, or
// else the oldest. Engines before Docker 25 let two creators that race both have
// their way, and then can't tell which of the two a container is to join.
func CompareNetworks(a, b NetworkState) int {
	inUse := 0
	if a.InUse != b.InUse {
		inUse = 1
		if a.InUse {
			inUse = -1
		}
	}
	return cmp.Or(cmp.Compare(a.Name, b.Name), inUse, a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
}

// VolumeState is a volume on a host, with the settings that it was made with.
type VolumeState struct {
	Name      string            `json:"name"`
	Owner     Ownership         `json:"owner,omitzero"`
	Driver    string            `json:"driver,omitempty"`
	Options   map[string]string `json:"options,omitempty"`
	CreatedAt time.Time         `json:"createdAt,omitzero"`
}

// Made says whether the volume was made with a driver and options. A driver
// that nobody named is the engine's own.
func (v *VolumeState) Made(driver string, options map[string]string) bool {
	return cmp.Or(driver, LocalDriver) == cmp.Or(v.Driver, LocalDriver) && maps.Equal(options, v.Options)
}

// LocalDriver is the volume driver that every engine has.
const LocalDriver = "local"
