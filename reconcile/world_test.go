package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/signature"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

const owner = "test"

// branch is a Source whose commits are made by the test. The controller's tests
// on real repositories are in internal/e2e.
type branch struct {
	mu      sync.Mutex
	commits []fstest.MapFS
	message map[int]string    // of a commit, where it is to say something
	signed  map[string]string // signatures, by commit
	wakes   map[int]func()
	watches int
	err     error
	pulls   map[string]fstest.MapFS // commits of pull requests
	reads   map[string]int          // of trees, by commit
}

// pull puts a tree into the repository that the branch does not lead to.
func (b *branch) pull(id string, tree fstest.MapFS) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pulls == nil {
		b.pulls = map[string]fstest.MapFS{}
	}
	b.pulls[id] = tree
}

// commit puts a tree on the branch.
func (b *branch) commit(tree fstest.MapFS) {
	b.mu.Lock()
	b.commits = append(b.commits, tree)
	wakes := slices.Collect(maps.Values(b.wakes))
	b.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
}

// fail makes the branch unreadable, or readable again, and wakes who watches.
func (b *branch) fail(why string) {
	b.mu.Lock()
	b.err = nil
	if why != "" {
		b.err = errors.New(why)
	}
	wakes := slices.Collect(maps.Values(b.wakes))
	b.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
}

func (b *branch) Fetch(context.Context) (git.Commit, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return git.Commit{}, b.err
	}
	if len(b.commits) == 0 {
		return git.Commit{}, git.ErrEmptyRepository
	}
	n := len(b.commits) - 1
	c := commitOf(n)
	c.Message = b.message[n]
	return c, nil
}

// commitWith puts a tree on the branch, with a message.
func (b *branch) commitWith(message string, tree fstest.MapFS) {
	b.mu.Lock()
	b.message = map[int]string{len(b.commits): message}
	b.mu.Unlock()
	b.commit(tree)
}

func commitOf(n int) git.Commit {
	return git.Commit{ID: fmt.Sprintf("%08d%032d", n, 0), Subject: fmt.Sprintf("commit %d", n), Author: "Test"}
}

func (b *branch) Resolve(_ context.Context, revision string) (git.Commit, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n := range b.commits {
		if c := commitOf(n); c.ID == revision {
			return c, nil
		}
	}
	if b.pulls[revision] != nil {
		return git.Commit{ID: revision, Subject: "pull request", Author: "Stranger"}, nil
	}
	return git.Commit{}, fmt.Errorf("find revision %q: no such commit", revision)
}

func (b *branch) Tree(id, _ string) (fs.FS, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reads == nil {
		b.reads = map[string]int{}
	}
	b.reads[id]++
	for n := range b.commits {
		if commitOf(n).ID == id {
			return b.commits[n], nil
		}
	}
	if tree := b.pulls[id]; tree != nil {
		return tree, nil
	}
	return nil, fmt.Errorf("read revision %q: no such commit", id)
}

// Since takes every commit for a move of its own.
func (b *branch) Since(_ context.Context, old, id string) ([]git.Step, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var steps []git.Step
	for n := range b.commits {
		if c := commitOf(n); c.ID > old && c.ID <= id {
			c.Message = b.message[n]
			steps = append(steps, git.Step{Base: commitOf(n - 1).ID, Commits: []git.Commit{c}})
		}
	}
	return steps, nil
}

// Signed is a commit with the signature that the test gave it.
func (b *branch) Signed(id string) (signature.Signed, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return signature.Signed{Payload: []byte(id), Signature: b.signed[id]}, nil
}

func (b *branch) Keep(context.Context, []string) error { return nil }

func (b *branch) Watch(ctx context.Context, wake func()) {
	b.mu.Lock()
	if b.wakes == nil {
		b.wakes = map[int]func(){}
	}
	b.watches++
	n := b.watches
	b.wakes[n] = wake
	b.mu.Unlock()
	wake() // for what came before the watch was there, as a real one does
	<-ctx.Done()
	b.mu.Lock()
	delete(b.wakes, n)
	b.mu.Unlock()
}

// world is an installation on simulated hosts, in virtual time.
type world struct {
	t       *testing.T
	sim     *sim.World
	hosts   map[string]*sim.Host
	branch  *branch
	journal *journal
	stop    func()
	running *Controller
	// registries is nil where images are only on the hosts.
	registries Registries
	// ageKeys are those that the installation has, as a string.
	ageKeys atomic.Value
	away    map[string]bool // hosts that were taken away
	manual  bool            // controllers are those of `tallyman apply`
}

// newWorld makes an installation on n simulated hosts that have the images
// web:1 to web:3.
func newWorld(t *testing.T, n int, opts ...sim.Option) *world {
	w := &world{t: t, sim: sim.NewWorld(1), hosts: map[string]*sim.Host{}, branch: &branch{}}
	w.journal = &journal{world: w.sim}
	for i := range n {
		name := fmt.Sprintf("host-%d", i+1)
		all := append([]sim.Option{sim.With(sim.TestImage("web:1"), sim.TestImage("web:2"), sim.TestImage("web:3"))}, opts...)
		w.hosts[name] = w.sim.Host(name, all...)
	}
	return w
}

// start runs a controller until stop, which kills it.
func (w *world) start() *Controller {
	c, err := New(Config{
		Source: w.branch, Owner: owner, Journal: w.journal, Log: slog.New(slog.DiscardHandler), Registries: w.registries, Secrets: w.opener(), Manual: w.manual,
		Open: func(h model.Host) (engine.Engine, error) {
			if e := w.hosts[h.Name]; e != nil {
				return e, nil
			}
			return nil, fmt.Errorf("connect to host %q: no such host", h.Name)
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		_ = c.Run(ctx, ctx)
		close(ended)
	}()
	w.running = c
	w.stop = func() {
		cancel()
		<-ended
		synctest.Wait()
	}
	return c
}

// converge waits until everything is as Git says.
func (w *world) converge() report.Status {
	w.t.Helper()
	return w.reach("convergence", w.settled)
}

// reach waits until the status is as wanted, killing and restarting the
// controller whenever it dies.
func (w *world) reach(what string, wanted func(report.Status) bool) report.Status {
	w.t.Helper()
	for deadline := time.Now().Add(time.Hour); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		synctest.Wait()
		if w.succeed() {
			continue
		}
		if s := w.running.Status(); wanted(s) {
			return s
		}
	}
	w.t.Fatalf("no %s within an hour:\n%s\n%s", what, w.describe(), w.lastEvents())
	return report.Status{}
}

// succeed starts another controller if the last one has died.
func (w *world) succeed() bool {
	select {
	case <-w.sim.Dead():
		w.stop()
		w.sim.Revive()
		w.journal.diesAt = 0
		w.start()
		return true
	default:
		return false
	}
}

func (w *world) settled(s report.Status) bool {
	w.branch.mu.Lock()
	head := commitOf(len(w.branch.commits) - 1).ID
	w.branch.mu.Unlock()
	if s.Target.ID != head || s.Busy > 0 || s.Sync != report.Synced || s.Health != report.Healthy {
		return false
	}
	for _, a := range s.Apps {
		if a.Preview == "" && a.Phase != rollout.Complete {
			return false
		}
	}
	return true
}

func (w *world) describe() string {
	s := w.running.Status()
	plan := w.running.Plan()
	var b strings.Builder
	fmt.Fprintf(&b, "sync %s health %s busy %d source %q\n%s", s.Sync, s.Health, s.Busy, s.SourceError, plan.String())
	for _, a := range s.Apps {
		fmt.Fprintf(&b, "app %s %s %s %s\n", a.Name, a.Phase, a.Health, a.Reason)
	}
	for _, c := range s.Changes {
		fmt.Fprintf(&b, "held %s: %s\n", c.Key, c.Held)
	}
	return b.String()
}

func (w *world) lastEvents() string {
	w.journal.mu.Lock()
	defer w.journal.mu.Unlock()
	var b strings.Builder
	for _, e := range w.journal.events[max(0, len(w.journal.events)-30):] {
		fmt.Fprintf(&b, "%s %s %s %s\n", e.Time.Format("15:04:05.000"), e.Kind, e.Thing, e.Text)
	}
	return b.String()
}

// endState is what is on the hosts, without what may differ between two runs:
// ids, times, revisions and the generation in names.
func (w *world) endState() string {
	var lines []string
	for _, h := range w.sim.Live().Hosts {
		for _, c := range h.Containers {
			lines = append(lines, fmt.Sprintf("%s container %s/%s-%s %s image %s memory %d files %d networks %v %s",
				h.Name, c.Owner.App, c.Owner.Service+c.Owner.Job+c.Owner.Run, c.Owner.Slot, c.State, c.Spec.Image, c.Spec.Adjustable.Memory, len(c.Spec.Files), c.Spec.Networks, c.Owner.Fingerprint))
		}
		for _, n := range h.Networks {
			lines = append(lines, fmt.Sprintf("%s network %s", h.Name, n.Name))
		}
		for _, v := range h.Volumes {
			lines = append(lines, fmt.Sprintf("%s volume %s", h.Name, v.Name))
		}
	}
	slices.SortFunc(lines, cmp.Compare)
	return strings.Join(lines, "\n")
}

// hostManifests declare n hosts.
func hostManifests(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "apiVersion: tallyman/v1\nkind: Host\nmetadata: {name: host-%d}\nspec: {endpoint: tcp://host-%d:2376, tls: {ca: /ca.pem, cert: /cert.pem, key: /key.pem}}\n---\n", i+1, i+1)
	}
	return strings.TrimSuffix(b.String(), "---\n")
}

// serviceManifest is a service with further lines of spec.
func serviceManifest(name, image string, replicas int, extra ...string) string {
	lines := []string{
		"apiVersion: tallyman/v1", "kind: Service", "metadata: {name: " + name + "}", "spec:",
		"  image: " + image, "  pull: never", fmt.Sprintf("  replicas: %d", replicas),
		"  healthCheck: {command: [/server, health], interval: 1s, timeout: 1s, retries: 2}",
		"  update: {parallelism: 1, monitor: 2s, deadline: 1m}",
	}
	for _, e := range extra {
		lines = append(lines, "  "+e)
	}
	return strings.Join(lines, "\n") + "\n"
}

// tree is a commit's files.
func tree(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, content := range files {
		m[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
	}
	return m
}

// lines are counted lines, sorted.
func lines(counts map[string]int) []string {
	var out []string
	for line, n := range counts {
		out = append(out, fmt.Sprintf("%s x%d", line, n))
	}
	slices.Sort(out)
	return out
}
