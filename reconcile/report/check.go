package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Examined is what came of asking a host's engine about itself.
type Examined struct {
	Host      model.Host
	Error     string // why it could not be asked
	Info      model.HostInfo
	Disk      model.DiskUsage
	DiskError string // why that could not be had
}

// HostCheck is what a person should know of a host.
type HostCheck struct {
	Name     string `json:"name"`
	Endpoint string `json:"endpoint,omitempty"` // empty is what DOCKER_HOST says, or the local socket
	// OK says that nothing is wrong; there may be warnings.
	OK       bool             `json:"ok"`
	Findings []Finding        `json:"findings"`
	Info     model.HostInfo   `json:"info"`
	Disk     *model.DiskUsage `json:"disk,omitempty"`
}

// Finding is one thing that is not as it should be, and what to do about it.
type Finding struct {
	Level Level  `json:"level"`
	About string `json:"about"` // engine, system, storage, cgroups, limits, clock, endpoint, restarts
	Text  string `json:"text"`
	Do    string `json:"do,omitempty"`
}

// Level says how bad a finding is.
type Level string

// The levels.
const (
	Warning Level = "warning" // it works, and some day it will hurt
	Wrong   Level = "wrong"   // it does not work
)

// CheckHost judges a host. A table of rules, each of which finds one thing.
func CheckHost(e *Examined) HostCheck {
	c := HostCheck{Name: e.Host.Name, Endpoint: e.Host.Endpoint, OK: true, Findings: []Finding{}, Info: e.Info}
	if e.Error != "" {
		c.Findings = append(c.Findings, Finding{Level: Wrong, About: "engine", Text: e.Error})
		c.OK = false
		return c
	}
	if e.DiskError == "" {
		c.Disk = &e.Disk
	}
	for _, rule := range []func(*Examined) *Finding{
		wrongSystem, otherProduct, openEndpoint, noCgroups, noLimits, noSwapLimit, oldStorage, fullOfUnused, unmeasured, wrongClock, noLiveRestore,
	} {
		if f := rule(e); f != nil {
			c.Findings = append(c.Findings, *f)
			c.OK = c.OK && f.Level != Wrong
		}
	}
	for _, w := range e.Info.Warnings {
		c.Findings = append(c.Findings, Finding{Level: Warning, About: "engine", Text: clean(w)})
	}
	return c
}

func wrongSystem(e *Examined) *Finding {
	if e.Info.OS == "linux" {
		return nil
	}
	return &Finding{Wrong, "system", fmt.Sprintf("the engine runs %s containers", or(e.Info.OS)), "only Linux containers are supported: switch the engine to them"}
}

func otherProduct(e *Examined) *Finding {
	if e.Info.Product == "" {
		return nil
	}
	return &Finding{Wrong, "engine", "it is no Docker but " + clean(e.Info.Product) + ": what it reports of a container differs from what was asked for, so that each would be replaced again and again", "docs/podman.md says what works and what differs; use a Docker engine"}
}

func openEndpoint(e *Examined) *Finding {
	address, tcp := strings.CutPrefix(e.Host.Endpoint, "tcp://")
	if !tcp || e.Host.TLS != (model.TLS{}) || strings.HasPrefix(address, "127.") || strings.HasPrefix(address, "localhost:") {
		return nil
	}
	return &Finding{Warning, "endpoint", "neither side proves who it is, and nothing is encrypted: whoever reaches " + address + " is root on the host", "use ssh://, or tls with certificates for both sides"}
}

func noCgroups(e *Examined) *Finding {
	if e.Info.CgroupDriver != "none" {
		return nil
	}
	return &Finding{Warning, "cgroups", "the engine has no cgroups to itself, so no limit has an effect", "a rootless engine needs cgroup v2 and systemd with delegated controllers"}
}

func noLimits(e *Examined) *Finding {
	var lacks []string
	for _, l := range e.Info.Lacks {
		if l != "swap" {
			lacks = append(lacks, l)
		}
	}
	if len(lacks) == 0 || e.Info.CgroupDriver == "none" {
		return nil
	}
	return &Finding{Warning, "limits", "the kernel can't limit " + strings.Join(lacks, ", ") + ": such limits in manifests have no effect here", "add cgroup_enable=memory to the kernel's command line where it is memory; otherwise the kernel is built without it"}
}

// noSwapLimit matters with cgroup v1 only: v2 has it wherever it has memory.
func noSwapLimit(e *Examined) *Finding {
	if !slices.Contains(e.Info.Lacks, "swap") || slices.Contains(e.Info.Lacks, "memory") {
		return nil
	}
	return &Finding{Warning, "limits", "the kernel can't limit swap: a container that reaches its memory limit goes on in swap, and slows the host down", "add swapaccount=1 to the kernel's command line, or switch swap off"}
}

func oldStorage(e *Examined) *Finding {
	switch e.Info.StorageDriver {
	case "vfs":
		return &Finding{Warning, "storage", "the storage driver vfs copies the whole image for each container: starts are slow and the disk fills up", "put the data root on ext4 or xfs, where the engine can use overlay2"}
	case "aufs", "devicemapper", "overlay":
		return &Finding{Warning, "storage", "newer engines no longer have the storage driver " + e.Info.StorageDriver, "change to overlay2 before the next upgrade; images have to be pulled again"}
	}
	return nil
}

// muchUnused is what is worth a word: less is what every rollout leaves.
const muchUnused = 10 << 30

func fullOfUnused(e *Examined) *Finding {
	if unused := e.Disk.UnusedImages + e.Disk.BuildCache; unused >= muchUnused {
		return &Finding{Warning, "storage", size(unused) + " are images that no container is made from, and build cache", "docker image prune -a and docker builder prune, on the host; what a rollback needs may have to be pulled again"}
	}
	return nil
}

func unmeasured(e *Examined) *Finding {
	if e.DiskError == "" {
		return nil
	}
	return &Finding{Warning, "storage", clean(e.DiskError), ""}
}

const (
	skewNoticed = 2 * time.Second
	skewWrong   = 5 * time.Minute
)

func wrongClock(e *Examined) *Finding {
	skew := e.Info.ClockSkew
	if skew.Abs() < skewNoticed {
		return nil
	}
	f := &Finding{Warning, "clock", "its clock is " + skewText(skew) + ": the times in its logs don't fit those of others", "run a time service there (systemctl enable --now systemd-timesyncd), and on the controller's machine"}
	if skew.Abs() >= skewWrong {
		f.Level, f.Text = Wrong, "its clock is "+skewText(skew)+": certificates and tokens are taken for expired, or not valid yet"
	}
	return f
}

func skewText(skew time.Duration) string {
	where := "ahead"
	if skew < 0 {
		where = "behind"
	}
	rounded := skew.Abs().Round(time.Second)
	if rounded == 0 {
		return "right"
	}
	return rounded.String() + " " + where
}

func noLiveRestore(e *Examined) *Finding {
	if e.Info.LiveRestore {
		return nil
	}
	return &Finding{Warning, "restarts", "live-restore is off: all containers stop when the engine is restarted or upgraded", `put "live-restore": true into /etc/docker/daemon.json, then systemctl reload docker`}
}
