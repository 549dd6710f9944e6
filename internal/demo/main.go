// Command demo shows Tallyman at work, with real containers: it builds the
// binary and two versions of an image, makes a Git repository of
// examples/hello, and then applies, changes, reverts and breaks. After each
// step it shows the containers, as the engine reports them, and checks that
// they are what the step was to bring about.
//
// It uses the engine that DOCKER_HOST names, or the local one, and removes
// everything that it made, whatever happens.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, demoTime)
	defer cancel()
	s, err := newStage(ctx, out)
	if err != nil {
		return err
	}
	defer func() {
		if cleanErr := s.clear(); err == nil {
			err = cleanErr
		}
	}()
	for _, step := range story() {
		s.title(step.title)
		if err := step.play(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", step.title, err)
		}
	}
	s.title("That was it; all of it is removed again")
	return nil
}
