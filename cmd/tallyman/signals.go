package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// lastWords is how long the process may take to end by itself once it must: a
// call that ignores its end would hold it up for ever.
const lastWords = 2 * time.Second

// signals gives a context that ends with the first SIGINT or SIGTERM, which
// asks to come to an end, and one that ends with the second, which insists.
// Soon after that exit is called, unless stop was.
func signals(parent context.Context, exit func()) (soft, hard context.Context, stop func()) {
	hard, kill := context.WithCancel(parent)
	soft, end := context.WithCancel(hard)
	stopped := make(chan struct{})
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	go func() {
		for _, cancel := range []context.CancelFunc{end, kill} {
			select {
			case <-ch:
				cancel()
			case <-stopped:
				return
			}
		}
		select {
		case <-time.After(lastWords):
			exit()
		case <-stopped:
		}
	}()
	return soft, hard, func() {
		signal.Stop(ch)
		close(stopped)
		end()
		kill()
	}
}
