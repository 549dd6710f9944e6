//go:build unix

package hold

import (
	"context"
	"os/exec"
	"testing"
	"time"
)

func TestItHoldsUntilItIsToldToStop(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		Run(ctx)
		close(ended)
	}()
	// Whatever ends beside it, it goes on.
	child := exec.CommandContext(t.Context(), "true")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it may have been taken in already
	select {
	case <-ended:
		t.Fatal("it ended by itself")
	default:
	}
	stop()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
}
