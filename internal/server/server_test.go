package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

const service = `apiVersion: tallyman/v1
kind: Service
metadata: {name: web}
spec: {image: "web:1", pull: never, update: {monitor: 100ms}}
`

// installation is a controller on a real repository and a simulated host, with
// its server.
type installation struct {
	t         *testing.T
	dir, repo string
	stop      func()
}

func start(t *testing.T) *installation { return startWith(t, Server{}) }

// startWith has others beside the controller have something to tell.
func startWith(t *testing.T, s Server) *installation {
	t.Helper()
	in := &installation{t: t, dir: t.TempDir(), repo: t.TempDir()}
	in.commit("service.yaml", service)
	log := slog.New(slog.DiscardHandler)
	journal, err := state.Open(in.dir, log)
	check(t, err)
	repo, err := git.Open(git.Config{URL: in.repo, Branch: "main", Dir: filepath.Join(in.dir, "git")})
	check(t, err)
	host := sim.NewWorld(1).Host("local", sim.With(sim.TestImage("web:1"), sim.TestImage("web:2")))
	c, err := reconcile.New(reconcile.Config{
		Source: repo, Path: ".", Owner: "test", Journal: journal, Log: log,
		Open: func(model.Host) (engine.Engine, error) { return host, nil },
	})
	check(t, err)
	listener, err := Listen(in.dir)
	check(t, err)
	s.Controller, s.Journal, s.Log = c, journal, log
	in.run(&s, listener)
	return in
}

func (in *installation) run(s *Server, l net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- s.Controller.Run(ctx, ctx) }()
	go func() { ended <- s.Serve(ctx, l) }()
	stopped := false
	in.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := errors.Join(<-ended, <-ended, s.Journal.Close()); err != nil {
			in.t.Error(err)
		}
	}
	in.t.Cleanup(in.stop)
}

func (in *installation) commit(file, content string) {
	in.t.Helper()
	check(in.t, os.WriteFile(filepath.Join(in.repo, file), []byte(content), 0o600))
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", "Change " + file}} {
		cmd := exec.Command("git", append([]string{"-C", in.repo, "-c", "user.name=Ada", "-c", "user.email=ada@example.com"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			in.t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
}

func (in *installation) dial() *Client {
	in.t.Helper()
	c, err := Dial(in.t.Context(), in.dir)
	check(in.t, err)
	in.t.Cleanup(c.Close)
	return c
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// converge applies and gives the last status of the stream.
func (in *installation) converge(c *Client) report.Status {
	in.t.Helper()
	var last report.Status
	check(in.t, c.Apply(in.t.Context(), ApplyRequest{}, func(s report.Status) error { last = s; return nil }))
	return last
}

func TestApplyStreamsUntilItHasConverged(t *testing.T) {
	in := start(t)
	c := in.dial()
	var seen []report.Outcome
	check(t, c.Apply(t.Context(), ApplyRequest{}, func(s report.Status) error {
		seen = append(seen, report.OutcomeOf(&s))
		return nil
	}))
	for i, outcome := range seen {
		if last := i == len(seen)-1; last != (outcome == report.Converged) || !last && outcome != report.Pending {
			t.Fatalf("outcomes %v", seen)
		}
	}
	in.commit("service.yaml", strings.Replace(service, "web:1", "web:2", 1))
	s := in.converge(c)
	if s.Apps[0].Services[0].Image != "web:2" || report.OutcomeOf(&s) != report.Converged {
		t.Errorf("after the second commit: %+v", s.Apps)
	}
}

func TestEverythingCanBeAskedFor(t *testing.T) {
	in := start(t)
	c := in.dial()
	in.converge(c)
	s, err := c.Status(t.Context())
	check(t, err)
	if s.Owner != "test" || s.Sync != report.Synced || s.Health != report.Healthy || s.Target.Author != "Ada" {
		t.Errorf("status %+v", s)
	}
	memory, err := c.Memory(t.Context())
	check(t, err)
	if memory.Accepted.Revision != s.Effective.ID || memory.Records["default"].Phase != rollout.Complete || len(memory.Placed["default"]) == 0 {
		t.Errorf("memory %+v", memory)
	}
	history, err := c.History(t.Context(), "default", 10)
	check(t, err)
	if len(history) != 1 || history[0].Phase != rollout.Complete || history[0].Subject != "Change service.yaml" {
		t.Errorf("history %+v", history)
	}
	if none, err := c.History(t.Context(), "nix", 10); err != nil || len(none) != 0 {
		t.Errorf("history of no app: %v, %v", none, err)
	}
	var kinds []string
	check(t, c.Events(t.Context(), 100, false, func(e reconcile.Event) error { kinds = append(kinds, e.Kind); return nil }))
	if all := strings.Join(kinds, " "); !strings.Contains(all, "revision") || !strings.Contains(all, "op") {
		t.Errorf("events %v", kinds)
	}
}

// TestAStatusHasWhatOthersTell who work beside the controller.
func TestAStatusHasWhatOthersTell(t *testing.T) {
	reverts := 0
	in := startWith(t, Server{
		Notifications: func() []report.Notification { return []report.Notification{{Name: "chat"}} },
		ImagePolicies: func() []report.ImagePolicy { return []report.ImagePolicy{{Name: "web"}} },
		Forge:         func() *report.Forge { return &report.Forge{Kind: "gitea"} },
		Reverted:      func() map[string]report.Reverted { reverts++; return nil },
	})
	c := in.dial()
	streamed := in.converge(c)
	asked, err := c.Status(t.Context())
	check(t, err)
	for _, s := range []report.Status{streamed, asked} {
		if len(s.Notifications) != 1 || len(s.ImagePolicies) != 1 || s.ImagePolicies[0].Name != "web" || s.Forge == nil || s.Forge.Kind != "gitea" || reverts < 2 {
			t.Errorf("the status has %+v, %+v and %+v, and reverts were asked for %d times", s.Notifications, s.ImagePolicies, s.Forge, reverts)
		}
	}
}

func TestARefusedRevisionIsSaidSo(t *testing.T) {
	in := start(t)
	c := in.dial()
	in.converge(c)
	in.commit("service.yaml", strings.Replace(service, "pull:", "pul:", 1))
	err := c.Apply(t.Context(), ApplyRequest{}, func(report.Status) error { t.Error("there is nothing to wait for"); return nil })
	if err == nil || !strings.Contains(err.Error(), `service.yaml:4:24: spec.pul: unknown field`) {
		t.Errorf("error %v", err)
	}
}

func TestEventsAreFollowed(t *testing.T) {
	in := start(t)
	c := in.dial()
	in.converge(c)
	seen := make(chan reconcile.Event, 1000)
	ended := make(chan error, 1)
	go func() {
		ended <- c.Events(t.Context(), 1, true, func(e reconcile.Event) error { seen <- e; return nil })
	}()
	<-seen
	in.commit("service.yaml", strings.Replace(service, "web:1", "web:2", 1))
	for e := range seen {
		if e.Kind == "revision" {
			break
		}
	}
	in.stop() // ends the stream, too
	check(t, <-ended)
}

func TestLogsOfAReplica(t *testing.T) {
	in := start(t)
	c := in.dial()
	in.converge(c)
	var log bytes.Buffer
	check(t, c.Logs(t.Context(), LogOf{Replica: "default/web-1"}, engine.LogOptions{Tail: 5}, &log))
	var kept bytes.Buffer
	check(t, c.Logs(t.Context(), LogOf{Replica: "default/web-1"}, engine.LogOptions{Tail: 5, Kept: true}, &kept))
	if kept.String() != log.String() {
		t.Errorf("of a container without secrets %q is kept, and its log is %q", &kept, &log)
	}
	err := c.Logs(t.Context(), LogOf{Replica: "nix"}, engine.LogOptions{}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), `find replica "nix"`) {
		t.Errorf("error %v", err)
	}
}

func TestWithoutAController(t *testing.T) {
	dir := t.TempDir()
	if _, err := Dial(t.Context(), dir); !errors.Is(err, ErrNoController) {
		t.Errorf("no socket: %v", err)
	}
	in := start(t)
	in.dial()
	in.stop()
	if _, err := Dial(t.Context(), in.dir); !errors.Is(err, ErrNoController) {
		t.Errorf("after its end: %v", err)
	}
}

func TestAFileIsNoStateDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), file); err == nil || !strings.Contains(err.Error(), "is not a directory; name another one with --state-dir") {
		t.Errorf("got %v", err)
	}
}

func TestAStaleSocketIsReplaced(t *testing.T) {
	dir := t.TempDir()
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: Socket(dir)})
	check(t, err)
	stale.SetUnlinkOnClose(false)
	check(t, stale.Close())
	if _, err := Dial(t.Context(), dir); !errors.Is(err, ErrNoController) {
		t.Errorf("a socket that nobody listens on: %v", err)
	}
	l, err := Listen(dir)
	check(t, err)
	defer l.Close()
	info, err := os.Stat(Socket(dir))
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %o", info.Mode().Perm())
	}
	c, err := Dial(t.Context(), dir)
	check(t, err)
	c.Close()
}

func TestAPathThatIsTooLong(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
	check(t, os.MkdirAll(dir, 0o700))
	if _, err := Listen(dir); err == nil || !strings.Contains(err.Error(), "use a shorter --state-dir") {
		t.Errorf("error %v", err)
	}
	if _, err := Dial(t.Context(), dir); !errors.Is(err, ErrNoController) {
		t.Errorf("error %v", err)
	}
}

func TestAnswersOfAnotherProgram(t *testing.T) {
	dir := t.TempDir()
	l, err := Listen(dir)
	check(t, err)
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			_ = conn.Close()
		}
	}()
	c, err := Dial(t.Context(), dir)
	check(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := c.Status(ctx); err == nil || !strings.HasPrefix(err.Error(), "ask the controller: ") {
		t.Errorf("error %v", err)
	}
}

// TestAControllerThatEndsWhileItIsAskedIsNone: whoever asked goes on without.
func TestAControllerThatEndsWhileItIsAskedIsNone(t *testing.T) {
	for name, said := range map[string]string{
		"before it answers":       "",
		"in the midst of headers": "HTTP/1.1 200",
		"in the midst of it":      "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"owner\": ",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l, err := Listen(dir)
			check(t, err)
			defer l.Close()
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = conn.Read(make([]byte, 1))
					_, _ = io.WriteString(conn, said)
					_ = conn.Close() // with the rest of the request unread: a reset
				}
			}()
			c, err := Dial(t.Context(), dir)
			check(t, err)
			defer c.Close()
			if _, err := c.Status(t.Context()); !errors.Is(err, ErrNoController) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestAnOrderThatChangesNothingIsToldApart from one that can't be obeyed.
func TestAnOrderThatChangesNothingIsToldApart(t *testing.T) {
	c := start(t).dial()
	_, err := c.Status(t.Context()) // when there is one the hosts are known
	check(t, err)
	for host, nothing := range map[string]bool{"local": true, "nowhere": false} {
		err := c.Order(t.Context(), rollout.Order{Verb: rollout.VerbUncordon, Host: host})
		if err == nil || errors.Is(err, rollout.ErrNothingToDo) != nothing {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// TestTheStatusWaitsForTheFirstDecision asks a controller that has just begun: an
// empty answer would say that nothing is there and nothing differs.
func TestTheStatusWaitsForTheFirstDecision(t *testing.T) {
	c := start(t).dial()
	s, err := c.Status(t.Context())
	check(t, err)
	if s.Undecided != "" || len(s.Apps) != 1 {
		t.Errorf("undecided %q, apps %+v", s.Undecided, s.Apps)
	}
}
