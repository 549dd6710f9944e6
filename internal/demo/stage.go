package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/docker/client"
	"github.com/hashicorp/go-multierror"

	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/internal/testimage"
)

// stage is what the story plays on: a folder with the binary, the repository
// and the state, and an owner on the engine.
type stage struct {
	out    io.Writer
	docker *client.Client
	module string // the root of this module
	dir    string
	owner  string
	images func(context.Context) error // lets go of them
	server *server
}

func newStage(ctx context.Context, out io.Writer) (*stage, error) {
	s := &stage{out: out, owner: "demo-" + strings.ToLower(rand.Text()[:8])}
	var err error
	if s.docker, err = testimage.Dial(""); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "tallyman-demo-"); err != nil {
		return nil, err
	}
	if err := s.build(ctx); err != nil {
		return nil, multierror.Append(err, s.clear())
	}
	return s, nil
}

func (s *stage) build(ctx context.Context) error {
	s.title("Building tallyman, and two versions of a small web server")
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	s.module = strings.TrimSpace(string(root))
	cmd := exec.CommandContext(ctx, "go", "build", "-o", s.binary(), "./cmd/tallyman")
	cmd.Dir, cmd.Stderr = s.module, s.out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build tallyman: %w", err)
	}
	fmt.Fprintf(s.out, "  %s\n  %s\n", first, second)
	s.images, err = testimage.Use(ctx, s.docker, first, second)
	return err
}

func (s *stage) binary() string   { return filepath.Join(s.dir, "bin", "tallyman") }
func (s *stage) repo() string     { return filepath.Join(s.dir, "fleet") }
func (s *stage) manifest() string { return filepath.Join(s.repo(), "service.yaml") }

// clear removes everything that the demo made, also when it was interrupted.
func (s *stage) clear() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	defer s.docker.Close()
	var errs *multierror.Error
	if s.server != nil {
		errs = multierror.Append(errs, s.stopServing())
	}
	errs = multierror.Append(errs, dockertest.RemoveOwned(ctx, s.docker, s.owner))
	if s.images != nil {
		errs = multierror.Append(errs, s.images(ctx))
	}
	errs = multierror.Append(errs, os.RemoveAll(s.dir))
	return errs.ErrorOrNil()
}

// title begins a scene.
func (s *stage) title(text string) { fmt.Fprintf(s.out, "\n── %s\n\n", text) }

// indent sets what others say apart from what the demo says.
func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ")
}
