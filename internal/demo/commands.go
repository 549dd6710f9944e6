package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// stopTime is how long the controller may take to end after SIGTERM.
const stopTime = 30 * time.Second

// tallyman runs the binary, shows what it says, and holds it to an exit code.
func (s *stage) tallyman(ctx context.Context, want int, args ...string) error {
	cmd := s.command(ctx, s.binary(), args...)
	fmt.Fprintf(s.out, "  $ tallyman %s\n", strings.Join(args, " "))
	err := s.show(cmd)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == want:
		return nil
	case err == nil && want != 0:
		return fmt.Errorf("tallyman %s ended with 0, not %d", args[0], want)
	case err != nil:
		return fmt.Errorf("tallyman %s: %w, expected %d", args[0], err, want)
	}
	return nil
}

func (s *stage) git(ctx context.Context, args ...string) error {
	fmt.Fprintf(s.out, "  $ git %s\n", strings.Join(quoted(args), " "))
	cmd := s.command(ctx, "git", args...)
	cmd.Dir = s.repo()
	if err := s.show(cmd); err != nil {
		return fmt.Errorf("git %s: %w", args[0], err)
	}
	return nil
}

// reaches waits until all is healthy and settled, and the status is that: its
// word for sync, or how the reason of its app begins.
func (s *stage) reaches(ctx context.Context, want string) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for {
		var status struct {
			Sync, Health string
			Busy         int
			Apps         []struct{ Phase, Reason string }
		}
		out, err := s.command(ctx, s.binary(), "status", "--repo", "fleet", "-o", "json").Output()
		if err == nil {
			err = json.Unmarshal(out, &status)
		}
		if err == nil && status.Health == "Healthy" && status.Busy == 0 && len(status.Apps) == 1 && status.Apps[0].Phase == "complete" &&
			(status.Sync == want || strings.HasPrefix(status.Apps[0].Reason, want)) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("expected %s and healthy, got %+v (%w)", want, status, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// command runs in the demo's folder, with its own state and owner, and without
// the git settings of whoever watches.
func (s *stage) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(),
		"TALLYMAN_STATE_DIR=state", "TALLYMAN_OWNER="+s.owner,
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=You", "GIT_AUTHOR_EMAIL=you@example.com",
		"GIT_COMMITTER_NAME=You", "GIT_COMMITTER_EMAIL=you@example.com")
	return cmd
}

// show runs a command and shows its output as it comes.
func (s *stage) show(cmd *exec.Cmd) error {
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			fmt.Fprintln(s.out, "  "+lines.Text())
		}
		io.Copy(io.Discard, r) //nolint:errcheck // the rest of a line too long to show
	}()
	err := cmd.Run()
	w.Close()
	<-shown
	return err
}

func quoted(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = a
		if strings.Contains(a, " ") {
			out[i] = "'" + a + "'"
		}
	}
	return out
}

// server is the controller in the background.
type server struct {
	cmd   *exec.Cmd
	ended chan error
}

// serve starts the controller. What it logs is kept in the demo's folder and
// shown only when it ends before it should.
func (s *stage) serve(ctx context.Context) error {
	fmt.Fprint(s.out, "  $ tallyman serve --repo fleet &\n")
	log, err := os.Create(s.serveLog())
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := s.command(context.WithoutCancel(ctx), s.binary(), "serve", "--repo", "fleet")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s.server = &server{cmd, ended}
	return nil
}

func (s *stage) serveLog() string { return s.dir + "/serve.log" }

// stopServing ends the controller as an operator would.
func (s *stage) stopServing() error {
	server := s.server
	s.server = nil
	if err := server.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		log, _ := os.ReadFile(s.serveLog())
		return fmt.Errorf("stop serving: %w\n%s", err, log)
	}
	select {
	case err := <-server.ended:
		if err != nil {
			log, _ := os.ReadFile(s.serveLog())
			return fmt.Errorf("tallyman serve: %w\n%s", err, log)
		}
		return nil
	case <-time.After(stopTime):
		server.cmd.Process.Kill() //nolint:errcheck // it is an error already
		return fmt.Errorf("tallyman serve did not end within %s", stopTime)
	}
}
