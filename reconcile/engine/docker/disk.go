package docker

import (
	"context"

	"github.com/docker/docker/api/types"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// DiskUsage has the engine measure what it has on disk, which may take a while.
func (e *Engine) DiskUsage(ctx context.Context) (model.DiskUsage, error) {
	var use model.DiskUsage
	if err := e.ready(ctx); err != nil {
		return use, e.fail("reach engine", err)
	}
	ctx, cancel := e.call(ctx)
	defer cancel()
	found, err := e.api().DiskUsage(ctx, types.DiskUsageOptions{})
	if err != nil {
		return use, e.fail("measure disk usage", err)
	}
	use.Images = found.LayersSize
	for _, i := range found.Images {
		if i.Containers == 0 {
			use.UnusedImages += i.Size - max(i.SharedSize, 0)
		}
	}
	for _, c := range found.Containers {
		use.Containers += c.SizeRw
	}
	for _, v := range found.Volumes {
		if v.UsageData != nil && v.UsageData.Size > 0 {
			use.Volumes += v.UsageData.Size
		}
	}
	for _, b := range found.BuildCache {
		if !b.Shared {
			use.BuildCache += b.Size
		}
	}
	return use, nil
}
