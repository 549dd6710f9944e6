package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
)

// The images of the story.
const (
	first  = "tallyman/hello:1"
	second = "tallyman/hello:2"
)

// demoTime ends a demo that hangs.
const demoTime = 10 * time.Minute

// The exit codes of tallyman that the story expects.
const (
	good    = 0
	changes = 2 // plan: there is something to do
)

// step is a scene: its title, and what happens in it.
type step struct {
	title string
	play  func(context.Context, *stage) error
}

// story is the demo.
func story() []step {
	return []step{
		{"A repository with one manifest, which asks for two replicas", begin},
		{"Apply: the commit becomes containers", apply},
		{"Commit a change: the new version rolls out, replica by replica", change},
		{"Revert the commit: the old version comes back", revert},
		{"Leave the controller running, and kill a replica", heal},
		{"Commit again: the controller follows by itself", follow},
		{"A commit that breaks: it goes back by itself, and is not tried again", breakIt},
		{"Revert it: the branch says again what runs, and nothing is touched", mendIt},
	}
}

func begin(ctx context.Context, s *stage) error {
	manifest, err := os.ReadFile(filepath.Join(s.module, "examples", "hello", "service.yaml"))
	if err != nil {
		return err
	}
	// Its first line tells editors where the schema is, which is not here.
	if modeline, rest, found := bytes.Cut(manifest, []byte("\n")); found && bytes.HasPrefix(modeline, []byte("#")) {
		manifest = rest
	}
	if err := os.MkdirAll(s.repo(), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(s.manifest(), manifest, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "  $ cat fleet/service.yaml\n%s\n", indent(string(manifest)))
	if err := s.git(ctx, "init", "-q", "-b", "main"); err != nil {
		return err
	}
	if err := s.git(ctx, "add", "."); err != nil {
		return err
	}
	return s.git(ctx, "commit", "-q", "-m", "Say hello")
}

func apply(ctx context.Context, s *stage) error {
	if err := s.tallyman(ctx, good, "apply", "--repo", "fleet"); err != nil {
		return err
	}
	return s.expect(ctx, first)
}

func change(ctx context.Context, s *stage) error {
	if err := s.rewrite(first, second); err != nil {
		return err
	}
	if err := s.git(ctx, "commit", "-q", "-am", "Say it louder"); err != nil {
		return err
	}
	if err := s.tallyman(ctx, changes, "plan", "--repo", "fleet"); err != nil {
		return err
	}
	if err := s.tallyman(ctx, good, "apply", "--repo", "fleet"); err != nil {
		return err
	}
	return s.expect(ctx, second)
}

func revert(ctx context.Context, s *stage) error {
	if err := s.git(ctx, "revert", "--no-edit", "HEAD"); err != nil {
		return err
	}
	if err := s.tallyman(ctx, good, "apply", "--repo", "fleet"); err != nil {
		return err
	}
	if err := s.expect(ctx, first); err != nil {
		return err
	}
	fmt.Fprintln(s.out)
	return s.tallyman(ctx, good, "plan", "--repo", "fleet")
}

func heal(ctx context.Context, s *stage) error {
	if err := s.serve(ctx); err != nil {
		return err
	}
	running, err := s.containers(ctx)
	if err != nil {
		return err
	}
	victim := running[0]
	fmt.Fprintf(s.out, "  $ docker rm -f %s\n", name(victim))
	if err := s.docker.ContainerRemove(ctx, victim.ID, container.RemoveOptions{Force: true}); err != nil {
		return err
	}
	return s.expect(ctx, first)
}

func follow(ctx context.Context, s *stage) error {
	if err := s.rewrite(first, second); err != nil {
		return err
	}
	if err := s.git(ctx, "commit", "-q", "-am", "Louder after all"); err != nil {
		return err
	}
	if err := s.expect(ctx, second); err != nil {
		return err
	}
	if err := s.reaches(ctx, "Synced"); err != nil {
		return err
	}
	fmt.Fprintln(s.out)
	return s.tallyman(ctx, good, "status", "--repo", "fleet")
}

func breakIt(ctx context.Context, s *stage) error {
	if err := s.rewrite("MESSAGE: hello from Git", "FAIL: exit"); err != nil {
		return err
	}
	if err := s.git(ctx, "commit", "-q", "-am", "Exit at once, by mistake"); err != nil {
		return err
	}
	if err := s.reaches(ctx, "held: rolled back"); err != nil {
		return err
	}
	if err := s.expect(ctx, second); err != nil {
		return err
	}
	fmt.Fprintln(s.out)
	if err := s.tallyman(ctx, good, "status", "--repo", "fleet"); err != nil {
		return err
	}
	return s.tallyman(ctx, good, "history", "--repo", "fleet", "-n", "3")
}

func mendIt(ctx context.Context, s *stage) error {
	if err := s.git(ctx, "revert", "--no-edit", "HEAD"); err != nil {
		return err
	}
	if err := s.reaches(ctx, "Synced"); err != nil {
		return err
	}
	if err := s.expect(ctx, second); err != nil {
		return err
	}
	return s.stopServing()
}

// rewrite changes the manifest as somebody with an editor would.
func (s *stage) rewrite(from, to string) error {
	data, err := os.ReadFile(s.manifest())
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "  $ sed -i s,%s,%s, fleet/service.yaml\n", from, to)
	return os.WriteFile(s.manifest(), []byte(strings.ReplaceAll(string(data), from, to)), 0o644)
}
