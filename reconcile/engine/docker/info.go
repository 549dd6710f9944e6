package docker

import (
	"context"
	"time"

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
	return hostInfo{
		HostInfo: model.HostInfo{
			Version: version.Version, APIVersion: version.APIVersion, OS: version.Os, Arch: version.Arch,
			NanoCPUs: int64(info.NCPU) * 1e9, Memory: info.MemTotal, LogDriver: info.LoggingDriver,
		},
		hostname: info.Name,
		skew:     skew(info.SystemTime, before, time.Now()),
	}, nil
}

// skew compares the engine's clock with the middle of the call that read it.
func skew(systemTime string, before, after time.Time) time.Duration {
	theirs, err := time.Parse(time.RFC3339Nano, systemTime)
	if err != nil {
		return 0
	}
	ahead := theirs.Sub(before.Add(after.Sub(before) / 2))
	if ahead.Abs() <= tolerance {
		return 0
	}
	return ahead
}
