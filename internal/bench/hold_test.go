package bench

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/tallyman-io/tallyman/internal/server"
)

// BenchmarkHoldAfterRestart is the time from the start of a controller's process
// until its status says that an app is held, where another one left it that was
// killed. Nothing of the app may be touched meanwhile.
func BenchmarkHoldAfterRestart(b *testing.B) {
	i := newRepository(b)
	path := filepath.Join(b.TempDir(), "tallyman")
	out, err := exec.Command("go", "build", "-o", path, "github.com/tallyman-io/tallyman/cmd/tallyman").CombinedOutput()
	if err != nil {
		b.Fatalf("build tallyman: %v\n%s", err, out)
	}
	p := &process{b: b, binary: path, repo: i.repo, owner: i.engine.Owner, state: filepath.Join(b.TempDir(), "state")}
	good := service("web", "tallyman/hello:1", 10, 4)
	i.commit(map[string]string{"web.yaml": good})
	kill := p.start()
	p.until(func(c *server.Client) bool {
		s, err := c.Status(context.Background())
		return err == nil && len(s.Changes) == 0 && s.Busy == 0 && ready(s) == 10
	})
	i.commit(map[string]string{"web.yaml": good + "  environment: {FAIL: exit}\n"})
	p.until(held)
	kill()
	before := i.containers()
	for b.Loop() {
		begun := time.Now()
		kill = p.start()
		p.until(held)
		took := time.Since(begun)
		time.Sleep(2 * time.Second) // time to do what it must not
		kill()
		b.Logf("held after %s", took.Round(time.Millisecond))
		p.total += took
	}
	b.ReportMetric(p.total.Seconds()/float64(b.N), "s/held")
	if after := i.containers(); !slices.Equal(before, after) {
		b.Errorf("the held app was touched: it had %q and has %q", before, after)
	}
}

// containers are the ids of all, and when they were started.
func (i *installation) containers() []string {
	list, err := i.engine.Client.ContainerList(context.Background(), container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", "tallyman.owner="+i.engine.Owner))})
	check(i.b, err)
	var all []string
	for _, c := range list {
		all = append(all, c.ID+" since "+i.startedAt(c.ID))
	}
	slices.Sort(all)
	return all
}

// process is a controller that can be killed and started again.
type process struct {
	b                          *testing.B
	binary, repo, owner, state string
	total                      time.Duration
}

func (p *process) start() (kill func()) {
	cmd := exec.Command(p.binary, "serve", "--repo", p.repo, "--owner", p.owner, "--state-dir", p.state)
	check(p.b, cmd.Start())
	killed := false
	kill = func() {
		if !killed {
			killed = true
			_ = cmd.Process.Signal(os.Kill) // it may have ended by itself
			_ = cmd.Wait()
		}
	}
	p.b.Cleanup(kill)
	return kill
}

// until asks the controller until the answer is as wanted.
func (p *process) until(ok func(*server.Client) bool) {
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		c, err := server.Dial(context.Background(), p.state)
		if err != nil {
			continue
		}
		done := ok(c)
		c.Close()
		if done {
			return
		}
	}
	p.b.Fatal("the controller does not get there")
}

func held(c *server.Client) bool {
	s, err := c.Status(context.Background())
	return err == nil && s.Undecided == "" && isBack(&s)
}
