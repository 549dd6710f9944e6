//go:build unix

package hold

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Verb is the argument with which the program holds.
const Verb = "hold"

// Run waits until it is told to stop. As the first process of its container it
// takes in what others leave behind.
func Run(ctx context.Context) {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	defer signal.Stop(ended)
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	for {
		reap()
		select {
		case <-ctx.Done():
			return
		case <-ended:
		}
	}
}

// reap takes in all that have ended: one signal may stand for several.
func reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if pid <= 0 || err != nil {
			return
		}
	}
}
