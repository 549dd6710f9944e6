package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// The demo is the first thing that people see, and it checks itself: here it is
// enough that it comes to its end, and leaves nothing.
func TestTheDemoComesToItsEnd(t *testing.T) {
	e := dockertest.Local(t)
	e.Images(first, second) // so that the demo does not remove what another test uses
	var out bytes.Buffer
	t.Setenv("TMPDIR", t.TempDir())
	err := run(t.Context(), &out)
	if err != nil {
		t.Fatalf("%v; the demo said:\n%s", err, out.String())
	}
	for _, scene := range story() {
		if !strings.Contains(out.String(), scene.title) {
			t.Errorf("the demo did not show %q", scene.title)
		}
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
		t.Errorf("the demo left %v", left)
	}
}

// stubbed gives a stage whose tallyman is a shell script.
func stubbed(t *testing.T, script string) *stage {
	t.Helper()
	s := &stage{out: io.Discard, dir: t.TempDir()}
	if err := os.MkdirAll(filepath.Dir(s.binary()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.binary(), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnExitCodeThatIsNotExpectedEndsTheDemo(t *testing.T) {
	s := stubbed(t, `exit "$1"`)
	for _, c := range []struct {
		code string
		want int
		good bool
	}{{"0", good, true}, {"2", changes, true}, {"0", changes, false}, {"1", good, false}, {"2", good, false}} {
		if err := s.tallyman(t.Context(), c.want, c.code); (err == nil) != c.good {
			t.Errorf("exit %s where %d is expected: %v", c.code, c.want, err)
		}
	}
}

func TestWhatACommandSaysIsShown(t *testing.T) {
	s := stubbed(t, "echo to stdout; echo to stderr >&2; printf 'no newline'")
	var out bytes.Buffer
	s.out = &out
	if err := s.tallyman(t.Context(), good, "status"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"  $ tallyman status\n", "  to stdout\n", "  to stderr\n", "  no newline\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %q", want, out.String())
		}
	}
}

func TestAControllerThatEndsEarlyIsReportedWithItsLog(t *testing.T) {
	s := stubbed(t, "echo the reason; exit 1")
	if err := s.serve(context.Background()); err != nil {
		t.Fatal(err)
	}
	err := <-s.server.ended
	s.server.ended <- err
	if err := s.stopServing(); err == nil || !strings.Contains(err.Error(), "the reason") {
		t.Errorf("got %v, want what the controller said", err)
	}
}

func TestOnlyAllReplicasHealthyAndNothingElseIsAsExpected(t *testing.T) {
	healthy := container.Summary{Image: first, State: container.StateRunning, Status: "Up 2 seconds (healthy)"}
	starting, old := healthy, healthy
	starting.Status = "Up 1 second (health: starting)"
	old.Image = second
	for name, c := range map[string]struct {
		found []container.Summary
		want  bool
	}{
		"both":        {[]container.Summary{healthy, healthy}, true},
		"one":         {[]container.Summary{healthy}, false},
		"one is new":  {[]container.Summary{healthy, starting}, false},
		"one is old":  {[]container.Summary{healthy, old}, false},
		"one to many": {[]container.Summary{healthy, healthy, old}, false},
	} {
		if got := asExpected(c.found, first); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
