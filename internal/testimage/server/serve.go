package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// drainTime is how long requests in hand may take after SIGTERM.
const drainTime = 5 * time.Second

func serve(s settings) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	log.SetFlags(0)
	log.Printf("starting: %q on %s, fail %q", s.message, s.listen, s.fail)
	switch s.fail {
	case failExit:
		exit := func() {
			log.Printf("exiting with %d as told", s.exitCode)
			os.Exit(s.exitCode)
		}
		if s.exitAfter == 0 {
			exit() // and not with what listening comes to, where somebody has the port already
		}
		time.AfterFunc(s.exitAfter, exit)
	case failHangStart:
		<-ctx.Done()
		return nil
	case failHangStop:
		signal.Ignore(syscall.SIGTERM)
		ctx = context.Background()
	}
	return listen(ctx, s)
}

func listen(ctx context.Context, s settings) error {
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: handler(s, time.Now(), ctx.Done()), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.Print("stopping")
	select {
	case err := <-failed:
		return err
	case <-time.After(s.lameDuck):
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
