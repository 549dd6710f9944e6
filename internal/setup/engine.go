package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/tallyman-io/tallyman/internal/testimage"
)

// startTime is how long an engine may take from its start to its first answer.
const startTime = 30 * time.Second

// ensureEngine makes sure that an engine answers. One that answers already is
// used as it is, wherever it is.
func ensureEngine(ctx context.Context) error {
	cause := ping(ctx)
	if cause == nil {
		return nil
	}
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		return fmt.Errorf("reach the engine that DOCKER_HOST names: %w", cause)
	}
	if runtime.GOOS != "linux" {
		return fmt.Errorf("%w; start Docker, or set DOCKER_HOST", cause)
	}
	if err := ensure(ctx, engineNeeds()); err != nil {
		return fmt.Errorf("no Docker engine answers (%w): %w; or set DOCKER_HOST", cause, err)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w; starting dockerd takes root: start it, or set DOCKER_HOST", cause)
	}
	if ping(ctx) == nil { // a package may start what it installs
		return nil
	}
	return start(ctx)
}

func ping(ctx context.Context) error {
	c, err := testimage.Dial("")
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err = c.Ping(ctx)
	return err
}

// start starts the engine: by systemd where that is what runs the machine,
// else as a process in a session of its own.
func start(ctx context.Context) error {
	fmt.Println("setup: starting dockerd")
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		if out, err := exec.CommandContext(ctx, "systemctl", "start", "docker").CombinedOutput(); err != nil {
			return fmt.Errorf("start docker by systemctl: %w\n%s", err, out)
		}
		return answers(ctx, nil, "journalctl -u docker")
	}
	path := filepath.Join(os.TempDir(), "tallyman-dockerd.log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("dockerd") // not bound to ctx: it outlives this program
	cmd.SysProcAttr = ownSession()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start dockerd: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return answers(ctx, ended, path)
}

// answers waits for the first answer of an engine that was just started.
func answers(ctx context.Context, ended <-chan error, log string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		cause := ping(ctx)
		if cause == nil {
			return nil
		}
		select {
		case err := <-ended:
			return fmt.Errorf("start dockerd: it ended (%w); see %s", errors.Join(err, cause), log)
		case <-ctx.Done():
			return fmt.Errorf("start dockerd: %w; see %s", cause, log)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
