//go:build !unix

package hold

import (
	"context"
	"os"
	"os/signal"
)

// Verb is the argument with which the program holds.
const Verb = "hold"

// Run waits until it is told to stop.
func Run(ctx context.Context) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	<-ctx.Done()
}
