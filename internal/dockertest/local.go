package dockertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/client"

	"github.com/tallyman-io/tallyman/internal/testimage"
)

// SetupCommand is what installs and starts an engine where there is none.
const SetupCommand = "go run github.com/tallyman-io/tallyman/internal/setup"

// cleanupTime bounds the removal of what a test left; an engine that takes
// longer is broken, and the test says so.
const cleanupTime = 2 * time.Minute

// Engine is the engine that DOCKER_HOST names, or the local one, and a part of
// it that belongs to one test.
type Engine struct {
	// Endpoint is the engine's address as DOCKER_HOST has it.
	Endpoint string
	// Owner is unique to the test. Containers, networks and volumes with this
	// value in their tallyman.owner label are removed when the test ends.
	Owner string
	// Client looks at the engine without Tallyman in between.
	Client *client.Client

	t        testing.TB
	releases []func(context.Context) error // of images in use
}

// Local gives a test the local engine.
func Local(t testing.TB) *Engine {
	t.Helper()
	c, err := testimage.Dial("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ping(t.Context()); err != nil {
		c.Close()
		t.Fatalf("no Docker engine: %v\nto install and start one: %s", err, SetupCommand)
	}
	removeDead(t, c)
	t.Cleanup(func() { c.Close() })
	return part(t, c)
}

// Part gives a test a part of the host's engine.
func (h *Host) Part(t testing.TB) *Engine { return part(t, h.Client) }

// part is removed when the test ends.
func part(t testing.TB, c *client.Client) *Engine {
	e := &Engine{Endpoint: c.DaemonHost(), Owner: newOwner(), Client: c, t: t}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTime)
		defer cancel()
		if err := RemoveOwned(ctx, c, e.Owner); err != nil {
			t.Error(err)
		}
		// Only now, without their containers, can images go.
		for _, release := range e.releases {
			if err := release(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	return e
}

// Address is where the engine's published ports are reached.
func (e *Engine) Address() string {
	if u, err := url.Parse(e.Endpoint); err == nil && u.Scheme != "unix" && u.Hostname() != "" {
		return u.Hostname()
	}
	return "127.0.0.1"
}

// Name gives a name on the engine that no other test has.
func (e *Engine) Name(name string) string { return e.Owner + "-" + name }

// Labels are the labels that make the test's end remove a thing.
func (e *Engine) Labels() map[string]string { return map[string]string{ownerLabel: e.Owner} }

// newOwner names the process in the owner, so that a later test can tell what
// a killed one has left: test-<boot>-<pid>-<start time>-<random>.
func newOwner() string {
	return fmt.Sprintf("%s%d-%s-%s", ownerPrefix(), os.Getpid(), startTime(os.Getpid()), strings.ToLower(rand.Text()[:8]))
}

// ownerPrefix is the same for all owners that were made on this machine since
// it booted: of others it can't be told here whether their test still runs.
func ownerPrefix() string {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return fmt.Sprintf("test-%.8s-", strings.TrimSpace(string(boot)))
}

// startTime is when a process began, in ticks since boot; "0" when there is no
// such process. With it a pid that was given out again is not mistaken.
func startTime(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "0"
	}
	// The second field, the command, may hold spaces and parentheses.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const startField = 22 - 3 // of proc(5), less the fields before
	if len(fields) <= startField {
		return "0"
	}
	return fields[startField]
}
