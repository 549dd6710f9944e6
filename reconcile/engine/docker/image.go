package docker

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// imageInfo is what an image gives its containers.
type imageInfo struct {
	model.ImageDefaults
	labels map[string]string // all of them, also ours
}

// imageOf is the image of a container; nil when it has been removed.
func (e *Engine) imageOf(ctx context.Context, id string) (*imageInfo, error) {
	info, err := e.defaults.load(id, true, func() (imageInfo, error) {
		found, err := e.inspectImage(ctx, id)
		return imageFrom(found), err
	})
	if errdefs.IsNotFound(err) {
		return nil, nil
	}
	return &info, err
}

func (e *Engine) inspectImage(ctx context.Context, ref string) (image.InspectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeouts.Inspect)
	defer cancel()
	return e.api().ImageInspect(ctx, ref)
}

func imageFrom(found image.InspectResponse) imageInfo {
	info := imageInfo{ImageDefaults: model.ImageDefaults{ID: found.ID}}
	if found.Config == nil {
		return info
	}
	c := found.Config
	info.labels = c.Labels
	info.Entrypoint, info.Command = orNil(c.Entrypoint), orNil(c.Cmd)
	info.Env, info.Labels = envMap(c.Env), userLabels(c.Labels)
	info.User, info.WorkingDir, info.StopSignal = c.User, c.WorkingDir, c.StopSignal
	info.HealthCheck = healthCheckFrom(c.Healthcheck)
	for path := range c.Volumes {
		info.Volumes = append(info.Volumes, path)
	}
	slices.Sort(info.Volumes)
	return info
}

// healthCheckFrom is a check in normal form. The interval before a container's
// first success is left out: engines older than API 1.44 do not have it.
func healthCheckFrom(c *dockerspec.HealthcheckConfig) *model.HealthCheck {
	if c == nil || len(c.Test) == 0 && c.Interval == 0 && c.Timeout == 0 && c.StartPeriod == 0 && c.Retries == 0 {
		return nil
	}
	return &model.HealthCheck{
		Test: orNil(c.Test), Interval: c.Interval, Timeout: c.Timeout, StartPeriod: c.StartPeriod, Retries: c.Retries,
	}
}

// imageIDs are the ids of the images that the host has of refs.
func (e *Engine) imageIDs(ctx context.Context, refs []string) (map[string]string, error) {
	var mu sync.Mutex
	var failure error
	ids := make(map[string]string, len(refs))
	each(len(refs), func(int) bool { return true }, func(i int) {
		id, err := e.imageID(ctx, refs[i])
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil:
			failure = err
		case id != "":
			ids[refs[i]] = id
		}
	})
	return ids, failure
}

// imageID is the id of the image that the host has of ref, or empty. A
// reference that can't be one is on no host.
func (e *Engine) imageID(ctx context.Context, ref string) (string, error) {
	return e.images.load(ref, e.watching.Load() > 0, func() (string, error) {
		found, err := e.inspectImage(ctx, ref)
		if errdefs.IsNotFound(err) || errdefs.IsInvalidArgument(err) {
			return "", nil
		}
		return found.ID, err
	})
}

// envMap reads NAME=value lines; a name without value is set to nothing.
func envMap(lines []string) map[string]string {
	if len(lines) == 0 {
		return nil
	}
	env := make(map[string]string, len(lines))
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		env[name] = value
	}
	return env
}

// userLabels are labels without the ones that tell ownership.
func userLabels(labels map[string]string) map[string]string {
	var own map[string]string
	for key, value := range labels {
		if model.ReservedLabel(key) {
			continue
		}
		if own == nil {
			own = make(map[string]string, len(labels))
		}
		own[key] = value
	}
	return own
}

// orNil makes an empty slice nil, so that equal values are equal bytes.
func orNil(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

func seconds(n *int) time.Duration {
	if n == nil {
		return 0
	}
	return time.Duration(*n) * time.Second
}
