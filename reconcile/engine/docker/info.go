package docker

import (
	"context"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/system"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// hostInfo is what an engine says of itself.
type hostInfo struct {
	model.HostInfo
	hostname string
	// skew is how far the engine's clock is ahead of ours; zero when the
	// difference is within what measuring it may be off.
	skew time.Duration
}

// tolerance is the clock difference that is taken for none.
const tolerance = 2 * time.Second

// info is read once per resync and connection: only an upgrade changes it.
func (e *Engine) info(ctx context.Context) (hostInfo, error) {
	return e.infos.load("", true, func() (hostInfo, error) { return e.readInfo(ctx) })
}

func (e *Engine) readInfo(ctx context.Context) (hostInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeouts.List)
	defer cancel()
	version, err := e.api().ServerVersion(ctx)
	if err != nil {
		return hostInfo{}, err
	}
	before := time.Now()
	info, err := e.api().Info(ctx)
	if err != nil {
		return hostInfo{}, err
	}
	ahead := skew(info.SystemTime, before, time.Now())
	return hostInfo{
		HostInfo: model.HostInfo{
			Version: version.Version, APIVersion: version.APIVersion, OS: version.Os, Arch: version.Arch,
			NanoCPUs: int64(info.NCPU) * 1e9, Memory: info.MemTotal, LogDriver: info.LoggingDriver,
			Product: product(&version), OSName: info.OperatingSystem, Kernel: info.KernelVersion, StorageDriver: info.Driver, DataRoot: info.DockerRootDir,
			CgroupVersion: info.CgroupVersion, CgroupDriver: info.CgroupDriver, LiveRestore: info.LiveRestoreEnabled,
			ClockSkew: ahead, Lacks: lacks(&info), Labels: labels(info.Labels), Warnings: warnings(info.Warnings),
		},
		hostname: info.Name,
		skew:     relevant(ahead),
	}, nil
}

// skew compares the engine's clock with the middle of the call that read it.
func skew(systemTime string, before, after time.Time) time.Duration {
	theirs, err := time.Parse(time.RFC3339Nano, systemTime)
	if err != nil {
		return 0
	}
	return theirs.Sub(before.Add(after.Sub(before) / 2))
}

func relevant(ahead time.Duration) time.Duration {
	if ahead.Abs() <= tolerance {
		return 0
	}
	return ahead
}

// product is empty for Docker, whose main component is the "Engine".
func product(version *types.Version) string {
	for _, c := range version.Components {
		if strings.HasPrefix(c.Name, "Podman") {
			return c.Name
		}
	}
	return ""
}

// lacks are the limits that the host's kernel can't set. An engine that sets
// none at all says that it has each of them.
func lacks(info *system.Info) []string {
	var list []string
	for _, limit := range []struct {
		has  bool
		name string
	}{
		{info.MemoryLimit, "memory"}, {info.SwapLimit, "swap"}, {info.CPUCfsQuota, "cpus"}, {info.PidsLimit, "pids"},
	} {
		if !limit.has || info.CgroupDriver == "none" {
			list = append(list, limit.name)
		}
	}
	return list
}

// labels takes the engine's labels, KEY=VALUE, apart.
func labels(list []string) map[string]string {
	if len(list) == 0 {
		return nil
	}
	found := make(map[string]string, len(list))
	for _, label := range list {
		key, value, _ := strings.Cut(label, "=")
		found[key] = value
	}
	return found
}

// warnings leaves out those about limits, which lacks has, and those about
// limits that Tallyman does not set.
func warnings(list []string) []string {
	var kept []string
	for _, w := range list {
		w = strings.Join(strings.Fields(strings.TrimPrefix(w, "WARNING: ")), " ") // they are set in lines of their own
		if !strings.HasPrefix(w, "No ") {
			kept = append(kept, w)
		}
	}
	return kept
}

// Info is what the engine says of itself now.
func (e *Engine) Info(ctx context.Context) (model.HostInfo, error) {
	if err := e.ready(ctx); err != nil {
		return model.HostInfo{}, e.fail("reach engine", err)
	}
	info, err := e.readInfo(ctx)
	return info.HostInfo, e.fail("read engine information", err)
}
