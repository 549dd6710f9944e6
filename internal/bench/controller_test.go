package bench

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/docker"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// installation is a controller that follows a repository, on the local engine or
// on hosts of its own.
type installation struct {
	b          *testing.B
	repo       string
	owner      string
	engine     *dockertest.Engine // the local one, where it is on that
	controller *reconcile.Controller
}

func newInstallation(b *testing.B) *installation {
	i := newRepository(b)
	i.control()
	return i
}

// newRepository is an installation on the local engine, without a controller.
func newRepository(b *testing.B) *installation {
	e := dockertest.Local(b)
	e.Images("tallyman/hello:1", "tallyman/hello:2")
	i := emptyRepository(b)
	i.engine, i.owner = e, e.Owner
	return i
}

// emptyRepository is an installation without hosts and controller.
func emptyRepository(b *testing.B) *installation {
	i := &installation{b: b, repo: b.TempDir()}
	i.git("init", "-q", "-b", "main")
	i.git("config", "user.name", "Bench")
	i.git("config", "user.email", "bench@example.com")
	i.git("commit", "-q", "--allow-empty", "-m", "empty")
	return i
}

// control starts a controller, which ends with the benchmark.
func (i *installation) control() {
	b := i.b
	dir := b.TempDir()
	source, err := git.Open(git.Config{URL: i.repo, Branch: "main", Dir: filepath.Join(dir, "mirror")})
	check(b, err)
	journal, err := state.Open(dir, slog.New(slog.DiscardHandler))
	check(b, err)
	b.Cleanup(func() { _ = journal.Close() })
	i.controller, err = reconcile.New(reconcile.Config{
		Source: source, Owner: i.owner, Journal: journal, Log: slog.New(slog.DiscardHandler),
		Open: func(h model.Host) (engine.Engine, error) { return docker.New(h) },
	})
	check(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		_ = i.controller.Run(ctx, ctx)
		close(ended)
	}()
	b.Cleanup(func() { cancel(); <-ended })
}

func (i *installation) git(args ...string) {
	out, err := exec.Command("git", append([]string{"-C", i.repo}, args...)...).CombinedOutput()
	if err != nil {
		i.b.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// commit puts files on the branch.
func (i *installation) commit(files map[string]string) {
	for name, content := range files {
		check(i.b, os.WriteFile(filepath.Join(i.repo, name), []byte(content), 0o644))
	}
	i.git("add", "-A")
	i.git("commit", "-q", "-m", "change")
}

// converged waits until the n replicas are as the newest commit says, healthy.
func (i *installation) converged(n int) {
	head, err := exec.Command("git", "-C", i.repo, "rev-parse", "HEAD").Output()
	check(i.b, err)
	i.await("convergence", func(s *report.Status) bool {
		return s.Effective.ID == strings.TrimSpace(string(head)) && whole(s, n)
	})
}

// whole says that all is as it should be, with n replicas.
func whole(s *report.Status, n int) bool {
	return s.Sync == report.Synced && s.Health == report.Healthy && s.Busy == 0 && ready(*s) == n
}

// await waits for what the controller's status says.
func (i *installation) await(what string, ok func(*report.Status) bool) {
	changed, stop := i.controller.Subscribe()
	defer stop()
	deadline := time.After(10 * time.Minute)
	for {
		s := i.controller.Status()
		if ok(&s) {
			return
		}
		for _, a := range s.Apps {
			if a.Phase == rollout.Failed {
				i.b.Fatalf("the rollout failed: %s", a.Reason)
			}
		}
		select {
		case <-changed:
		case <-time.After(100 * time.Millisecond): // that time has passed is no change
		case <-deadline:
			i.b.Fatalf("waited in vain for %s: %s %s, %d ready", what, s.Sync, s.Health, ready(s))
		}
	}
}

func ready(s report.Status) int {
	n := 0
	for _, a := range s.Apps {
		for _, service := range a.Services {
			n += service.Ready
		}
	}
	return n
}

// service is a service without health check, so that what is measured is the
// engine's and the controller's work and not the check's interval.
func service(name, image string, replicas, parallelism int) string {
	return fmt.Sprintf(`apiVersion: tallyman/v1
kind: Service
metadata: {name: %s}
spec:
  image: %s
  pull: never
  replicas: %d
  stopGracePeriod: 1s
  update: {parallelism: %d, monitor: 100ms, deadline: 5m}
`, name, image, replicas, parallelism)
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
