package docker

import (
	"context"
	"fmt"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// removeImage takes an image's name off the host, and the image with its last
// name. It never forces. An engine by itself would take one of several names
// also off an image that a container is made from, so that is looked at first.
func (e *Engine) removeImage(ctx context.Context, op model.RemoveImage) error {
	ctx, cancel := e.call(ctx)
	defer cancel()
	found, err := e.inspectImage(ctx, op.Image)
	if err != nil {
		return gone(err)
	}
	users, err := e.api().ContainerList(ctx, container.ListOptions{
		All: true, Limit: 1, Filters: filters.NewArgs(filters.Arg("ancestor", found.ID)),
	})
	if err != nil {
		return fmt.Errorf("look for containers of the image: %w", err)
	}
	if len(users) > 0 {
		return conflict("container " + strings.TrimPrefix(strings.Join(users[0].Names, ", "), "/") + " is made from the image")
	}
	defer e.images.forgetAll()
	_, err = e.api().ImageRemove(ctx, op.Image, image.RemoveOptions{PruneChildren: true})
	return gone(err)
}
