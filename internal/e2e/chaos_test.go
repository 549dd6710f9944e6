//go:build chaos

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/volume"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// storm is an installation on five hosts under which things break.
type storm struct {
	*world
	all        []*dockertest.Host
	random     *rand.Rand
	controller *controller
	foreign    map[string]string // by host, the id of a container that is nobody's
	version    int
	head       string
}

// stormReplicas are those of the service without volumes.
const stormReplicas = 10

// disaster is something that happens to a host, or to the controller.
type disaster struct {
	name       string
	begin, end func(*storm, *dockertest.Host)
	means      meaning
}

// meaning is what follows from a disaster.
type meaning struct {
	hides  bool // nobody reaches the host meanwhile
	blames bool // a commit may fail for it: the host is there and can't do what it is told
	stops  bool // nobody puts anything right meanwhile
}

func disasters() []disaster {
	onHost := func(do func(*dockertest.Host)) func(*storm, *dockertest.Host) {
		return func(_ *storm, h *dockertest.Host) { do(h) }
	}
	nothing := func(*storm, *dockertest.Host) {}
	all := []disaster{
		{"full disk", onHost((*dockertest.Host).FillDisk), onHost((*dockertest.Host).FreeDisk), meaning{blames: true}},
		{"killed daemon", onHost((*dockertest.Host).KillDaemon), onHost((*dockertest.Host).StartDaemon), meaning{hides: true}},
		{"restarted daemon", onHost(func(h *dockertest.Host) { h.StopDaemon(); h.StartDaemon() }), nothing, meaning{}},
		{"killed controller", func(s *storm, _ *dockertest.Host) { s.controller.kill() }, func(s *storm, _ *dockertest.Host) { s.controller = s.serve() }, meaning{stops: true}},
	}
	for _, l := range losses() {
		all = append(all, disaster{l.name, onHost(l.away), onHost(l.back), meaning{hides: true}})
	}
	return all
}

// setting is a number from the environment.
func setting(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return n
}

// TestChaos breaks hosts, daemons and the controller at random moments while
// commits roll out, and looks after each round for all of it to be as the last
// commit says, each replica once, with the data where it was and nothing of
// others touched. CHAOS_ROUNDS says how many rounds, and CHAOS_SEED repeats the
// order of a run, though not its moments.
func TestChaos(t *testing.T) {
	seed := setting(t, "CHAOS_SEED", uint64(time.Now().UnixNano()))
	rounds := setting(t, "CHAOS_ROUNDS", 20)
	t.Logf("CHAOS_SEED=%d", seed)
	s := newStorm(t, rand.New(rand.NewPCG(seed, 0)))
	for round := range rounds {
		s.round(int(round))
	}
	s.expect(0, "plan")
}

func newStorm(t *testing.T, random *rand.Rand) *storm {
	var flags []string
	if random.IntN(2) == 0 {
		flags = append(flags, "--live-restore")
	}
	t.Logf("flags of the daemons: %q", flags)
	w, hosts := fleetWorld(t, 5, dockertest.OwnDisk(512<<20), dockertest.DaemonFlags(flags...))
	s := &storm{world: w, all: hosts, random: random, foreign: map[string]string{}}
	w.fleet("unreachableAfter: 5s, lostAfter: 5s, warmUp: 5s")
	for _, h := range hosts {
		s.foreign[h.Name] = s.stranger(h)
	}
	s.change()
	s.controller = s.serve()
	s.settled()
	db := s.databaseNow()
	put(t, s.hosts[db.host], db.id, "kept")
	return s
}

// stranger runs a container on a host that is not ours.
func (s *storm) stranger(h *dockertest.Host) string {
	ctx := context.Background()
	c, err := h.Client.ContainerCreate(ctx, &container.Config{Image: "tallyman/hello:1", Labels: map[string]string{"tallyman.owner": "somebody"}},
		&container.HostConfig{RestartPolicy: container.RestartPolicy{Name: "always"}}, nil, nil, "stranger")
	if err == nil {
		err = h.Client.ContainerStart(ctx, c.ID, container.StartOptions{})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return c.ID
}

// change commits another version of everything.
func (s *storm) change() {
	s.version++
	image := []string{"tallyman/hello:1", "tallyman/hello:2"}[s.random.IntN(2)]
	environment := fmt.Sprintf("environment: {VERSION: %q}", strconv.Itoa(s.version))
	s.service("web", image, stormReplicas, environment, "networks: [front]")
	s.write("front.yaml", "apiVersion: tallyman/v1\nkind: Network\nmetadata: {name: front}\nspec: {}\n")
	if s.version%3 == 1 {
		s.database(image)
	}
	s.head = s.commit("version " + strconv.Itoa(s.version))
}

// round lets one or two disasters happen while a commit rolls out.
func (s *storm) round(n int) {
	s.t.Helper()
	s.change()
	s.pause(3 * time.Second)
	var over []func()
	var told []string
	var all meaning
	hosts, kinds := s.random.Perm(len(s.all)), s.random.Perm(len(disasters()))
	for i := range 1 + s.random.IntN(2) {
		d, h := disasters()[kinds[i]], s.all[hosts[i]]
		told = append(told, d.name+" of "+h.Name)
		over = append(over, s.strike(d, h))
		all.blames, all.stops = all.blames || d.means.blames, all.stops || d.means.stops
		s.pause(time.Second)
	}
	told = append(told, s.last(all))
	for _, end := range over {
		end()
	}
	ended := time.Now()
	failed := s.settled()
	s.t.Logf("round %d: %s; all well %s after the end", n+1, strings.Join(told, ", "), time.Since(ended).Round(100*time.Millisecond))
	if failed != "" {
		s.t.Logf("round %d: the commit was taken back and asked for again: %s", n+1, failed)
	}
	if failed != "" && !all.blames {
		s.t.Errorf("round %d: a good commit failed", n+1)
	}
}

// last lets disasters last for a moment or until all replicas serve without what
// is away, and says so.
func (s *storm) last(all meaning) string {
	s.t.Helper()
	if all.blames || all.stops || s.random.IntN(2) == 0 {
		s.pause(8 * time.Second)
		return "for a moment"
	}
	begun := time.Now()
	s.eventually("all replicas serve on the hosts that are left", func(live []replica) bool { return serving(live, "web") == stormReplicas })
	return "until all served elsewhere after " + time.Since(begun).Round(100*time.Millisecond).String()
}

// strike lets a disaster begin, and gives its end.
func (s *storm) strike(d disaster, h *dockertest.Host) (end func()) {
	show := func() {}
	if d.means.hides {
		show = s.hide(h.Name)
	}
	d.begin(s, h)
	return func() {
		d.end(s, h)
		show()
	}
}

func (s *storm) pause(atMost time.Duration) {
	time.Sleep(time.Duration(s.random.Int64N(int64(atMost))))
}

// settled waits until all is as the last commit says. Where a disaster made the
// rollout fail, the app was taken back; a person then asks for the commit again.
func (s *storm) settled() (failed string) {
	s.t.Helper()
	s.until("default", "it has come to an end", func(a appStatus) bool {
		return there(s.head, "")(a) || a.Held != nil && a.Phase == "complete" && a.Health == "Healthy" || a.Phase == "failed"
	})
	if apps, _ := s.apps(); !there(s.head, "")(apps["default"]) {
		failed = apps["default"].Reason
		s.expect(0, "retry", "default")
		s.until("default", "it runs as at the last commit", there(s.head, ""))
	}
	s.eventually("each replica once", func(live []replica) bool {
		return len(live) == stormReplicas+1 && serving(live, "web") == stormReplicas && serving(live, "db") == 1
	})
	s.untouched()
	return failed
}

// untouched looks for what nobody may touch: what others run, and what holds data.
func (s *storm) untouched() {
	s.t.Helper()
	ctx := context.Background()
	volumes := 0
	for _, h := range s.all {
		if info, err := h.Client.ContainerInspect(ctx, s.foreign[h.Name]); err != nil {
			s.t.Errorf("the container of somebody else on %s: %v", h.Name, err)
		} else if !info.State.Running {
			s.t.Errorf("the container of somebody else on %s is %+v", h.Name, info.State)
		}
		found, err := h.Client.VolumeList(ctx, volume.ListOptions{Filters: filters.NewArgs(filters.Arg("label", "tallyman.owner="+s.owner))})
		if err != nil {
			s.t.Fatal(err)
		}
		volumes += len(found.Volumes)
	}
	if volumes != 1 {
		s.t.Errorf("there are %d volumes, want 1: db never runs where its data is not", volumes)
	}
	if s.version > 1 {
		db := s.databaseNow()
		if got := read(s.t, s.hosts[db.host], db.id); got != "kept" {
			s.t.Errorf("the volume of db has %q, want what was put there", got)
		}
	}
}

func (s *storm) databaseNow() replica { return among(s.live(), "db")[0] }
