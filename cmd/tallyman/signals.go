package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signals gives a context that ends with the first SIGINT or SIGTERM, which
// asks to come to an end, and one that ends with the second, which insists.
func signals(parent context.Context) (soft, hard context.Context, stop func()) {
	hard, kill := context.WithCancel(parent)
	soft, end := context.WithCancel(hard)
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	go func() {
		for _, cancel := range []context.CancelFunc{end, kill} {
			select {
			case <-ch:
				cancel()
			case <-hard.Done():
				return
			}
		}
	}()
	return soft, hard, func() {
		signal.Stop(ch)
		end()
		kill()
	}
}
