package feedback

import (
	"context"
	"time"

	"github.com/tallyman-io/tallyman/internal/follow"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// Controller is what is told about.
type Controller = follow.Controller

// keep has something follow the controller until ctx ends.
func keep(ctx context.Context, c Controller, update func(context.Context, report.Status) error, complain func(error)) {
	look := func(ctx context.Context, status func() report.Status) (time.Duration, error) {
		return follow.Again, update(ctx, status())
	}
	follow.Changes(ctx, c, look, complain)
}
