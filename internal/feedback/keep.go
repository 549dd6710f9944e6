package feedback

import (
	"context"
	"time"

	"github.com/tallyman-io/tallyman/internal/follow"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// Controller is what is told about.
type Controller interface {
	Status() report.Status
	// Subscribe gives a channel that is poked when there may be something new.
	Subscribe() (changed <-chan struct{}, stop func())
}

// keep has something follow the controller until ctx ends.
func keep(ctx context.Context, c Controller, update func(context.Context) error, complain func(error)) {
	changed, stop := c.Subscribe()
	defer stop()
	look := func(ctx context.Context) (time.Duration, error) { return follow.Again, update(ctx) }
	follow.Changes(ctx, changed, look, complain)
}
