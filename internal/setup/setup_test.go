package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// engineAt serves what a ping needs on a socket.
func engineAt(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "setup") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return "unix://" + path
}

func TestAnEngineThatAnswersIsUsed(t *testing.T) {
	t.Setenv("DOCKER_HOST", engineAt(t))
	if err := run(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestADeadDockerHostIsNotReplacedByAnotherEngine(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
	err := run(t.Context(), []string{"engine"})
	if err == nil || !strings.Contains(err.Error(), "DOCKER_HOST") {
		t.Errorf("got %v, want an error that names DOCKER_HOST", err)
	}
}

func TestNothingIsInstalledWhenNothingIsMissing(t *testing.T) {
	if err := ensure(t.Context(), []need{{"go", "no-such-package", ""}}); err != nil {
		t.Error(err)
	}
}

func TestWhereNothingCanBeInstalledTheUserIsTold(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no apt-get
	err := ensure(t.Context(), []need{{"no-such-program", "some-package", "to fail"}})
	if err == nil || !strings.Contains(err.Error(), "some-package") {
		t.Errorf("got %v, want an error that names the package", err)
	}
}

func TestPresence(t *testing.T) {
	for program, want := range map[string]bool{"go": true, "no-such-program": false, "/no/such/file": false, os.Args[0]: true} {
		if got := present(program); got != want {
			t.Errorf("present(%q) is %v", program, got)
		}
	}
}

func TestADaemonThatEndsIsReported(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
	ended := make(chan error, 1)
	ended <- errors.New("exit status 1")
	err := answers(context.Background(), ended, "the-log")
	if err == nil || !strings.Contains(err.Error(), "exit status 1") || !strings.Contains(err.Error(), "the-log") {
		t.Errorf("got %v, want the exit and where the log is", err)
	}
}
