package jobs

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

var midnight = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)

// bench is one app with one job, on two hosts, in virtual time.
type bench struct {
	t          *testing.T
	in         Input
	job        *model.Job
	containers map[string]*model.Container
	last       Decision
	made       int
}

func newBench(t *testing.T, when string) *bench {
	app := &model.App{Name: "shop", Digest: "one", Jobs: []model.Job{{
		App: "shop", Name: "work", When: when, Concurrency: model.ConcurrencyForbid, BackoffLimit: 2, Timeout: time.Hour, HistoryLimit: 3,
	}}}
	b := &bench{t: t, job: &app.Jobs[0], containers: map[string]*model.Container{}}
	b.in = Input{App: app, Hosts: map[string]*model.HostState{"a": {Name: "a", Reachable: true}, "b": {Name: "b", Reachable: true}}, Now: midnight}
	if when == model.WhenSchedule {
		b.job.Schedule = "0 3 * * *"
		b.in.Digest, b.in.Complete = "one", true
		return b
	}
	b.roll()
	return b
}

// roll begins a rollout of the app as it is.
func (b *bench) roll() {
	b.in.Digest, b.in.Began, b.in.Rolling, b.in.Complete = b.in.App.Digest, b.in.Now, true, false
}

// decide decides and remembers; what it was given must stay as it was.
func (b *bench) decide() Decision {
	b.t.Helper()
	b.in.Containers = nil
	for _, name := range slices.Sorted(keys(b.containers)) {
		b.in.Containers = append(b.in.Containers, b.containers[name])
	}
	before := fmt.Sprintf("%+v", b.in.Memory)
	r := Decide(b.in)
	if again := Decide(b.in); !reflect.DeepEqual(again, r) {
		b.t.Fatalf("the same input gives\n%+v\nand\n%+v", r, again)
	}
	if after := fmt.Sprintf("%+v", b.in.Memory); after != before {
		b.t.Fatalf("the input was changed from\n%s\nto\n%s", before, after)
	}
	b.in.Memory, b.last = r.Memory, r.Jobs[0]
	return b.last
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// begin makes the container that the last decision asks for.
func (b *bench) begin(host string) *model.Container {
	b.t.Helper()
	if b.last.Start == nil {
		b.t.Fatalf("nothing begins at %s: %s", b.in.Now, b.last.Note)
	}
	b.made++
	id := fmt.Sprintf("c%02d", b.made)
	c := &model.Container{
		Host: host, ID: id, Name: id, State: model.StateRunning, CreatedAt: b.in.Now, StartedAt: b.in.Now, Spec: &model.ContainerSpec{},
		Owner: model.Ownership{App: "shop", Job: "work", Run: b.last.Start.Run, Slot: fmt.Sprint(b.last.Start.Number)},
	}
	b.containers[id] = c
	return c
}

func (b *bench) end(c *model.Container, code int) {
	c.State, c.ExitCode, c.FinishedAt = model.StateExited, code, b.in.Now
}

// pass begins what is to begin, and lets it end with a code.
func (b *bench) pass(code int) {
	b.decide()
	if b.last.Start != nil {
		c := b.begin("a")
		b.decide()
		b.in.Now = b.in.Now.Add(time.Second)
		b.end(c, code)
		b.decide()
	}
}

func (b *bench) later(d time.Duration) { b.in.Now = b.in.Now.Add(d) }

func (b *bench) history() History { return b.in.Memory["work"] }

func (b *bench) states() string {
	var out []string
	for _, r := range b.history().Runs {
		out = append(out, string(r.State))
	}
	return strings.Join(out, " ")
}

// TestTriesAndTheirPauses goes through all tries of a run that fails.
func TestTriesAndTheirPauses(t *testing.T) {
	b := newBench(t, model.WhenPreDeploy)
	b.pass(3)
	for _, pause := range []time.Duration{10 * time.Second, 20 * time.Second} {
		if b.decide(); b.last.Start != nil || !strings.Contains(b.last.Note, "exited with code 3") {
			t.Fatalf("it is tried again at once: %+v, %q", b.last.Start, b.last.Note)
		}
		b.later(pause - 2*time.Second)
		if b.decide(); b.last.Start != nil {
			t.Fatalf("it is tried again before %s have passed", pause)
		}
		b.later(2 * time.Second)
		b.pass(3)
	}
	if b.last.Failed == nil || b.last.Failed.Reason != "exited with code 3, after 3 tries" || b.last.Start != nil {
		t.Errorf("failed %+v, begins %+v", b.last.Failed, b.last.Start)
	}
	for failures, want := range map[int]time.Duration{1: 10 * time.Second, 2: 20 * time.Second, 5: 160 * time.Second, 6: 320 * time.Second, 7: 6 * time.Minute, 90: 6 * time.Minute} {
		if got := pause(failures); got != want {
			t.Errorf("the pause after %d failures is %s, want %s", failures, got, want)
		}
	}
}

// TestTriesThatAreSeenBeforeTheyAreInspected count like others: engines list a
// container before they say when it was made.
func TestTriesThatAreSeenBeforeTheyAreInspected(t *testing.T) {
	for name, knownLater := range map[string]bool{"the time comes later": true, "the time never comes": false} {
		b := newBench(t, model.WhenPreDeploy)
		b.job.BackoffLimit = 0
		b.decide()
		c := b.begin("a")
		created := c.CreatedAt
		c.CreatedAt, c.StartedAt, c.Spec = time.Time{}, time.Time{}, nil
		b.decide()
		b.later(time.Second)
		if knownLater {
			c.CreatedAt = created
		}
		c.Spec = &model.ContainerSpec{}
		b.end(c, 3)
		if b.decide(); b.last.Failed == nil || b.last.Start != nil {
			t.Errorf("%s: failed %+v, begins %+v", name, b.last.Failed, b.last.Start)
		}
	}
}

// TestARolloutBegunAnewTriesAnew, with all its tries.
func TestARolloutBegunAnewTriesAnew(t *testing.T) {
	b := newBench(t, model.WhenPreDeploy)
	b.job.BackoffLimit = 0
	b.pass(1)
	if b.decide().Failed == nil {
		t.Fatal("the run has not failed")
	}
	b.later(time.Hour)
	if b.decide().Start != nil {
		t.Fatal("it is tried again by itself")
	}
	b.roll()
	if b.decide(); b.last.Failed != nil || b.last.Start == nil || b.last.Start.Number != 2 {
		t.Fatalf("failed %+v, begins %+v, want try 2", b.last.Failed, b.last.Start)
	}
	b.pass(0)
	if b.decide(); b.last.Due || b.states() != "succeeded" {
		t.Errorf("due %v, the run has %s", b.last.Due, b.states())
	}
}

// TestWhatHasSucceededIsDone for its rendering, however often that comes back,
// and also when the container has gone.
func TestWhatHasSucceededIsDone(t *testing.T) {
	b := newBench(t, model.WhenPreDeploy)
	b.pass(0)
	b.in.App.Digest = "two"
	b.roll()
	b.pass(0)
	clear(b.containers)
	b.in.App.Digest = "one"
	b.roll()
	if b.decide(); b.last.Due || b.last.Start != nil {
		t.Errorf("it runs again for a rendering for which it has succeeded: %+v", b.last.Start)
	}
}

// TestWhatHasSucceededOutlivesTheJob: an app that goes back to before the job,
// and comes to it again, does not run it twice.
func TestWhatHasSucceededOutlivesTheJob(t *testing.T) {
	b := newBench(t, model.WhenPreDeploy)
	b.pass(0)
	clear(b.containers)
	without := b.in
	without.App = &model.App{Name: "shop", Digest: "before"}
	without.Containers = nil
	b.in.Memory = Decide(without).Memory
	if h := b.history(); len(h.Done) != 1 || len(h.Runs) != 0 {
		t.Errorf("of a job that the app has not, this is remembered: %+v", h)
	}
	b.roll()
	if b.decide(); b.last.Due || b.last.Start != nil {
		t.Errorf("it runs again: %+v", b.last.Start)
	}
}

// TestNoRunOnTheWayBack: what a migration has done is not undone by another.
func TestNoRunOnTheWayBack(t *testing.T) {
	b := newBench(t, model.WhenPreDeploy)
	b.in.App.Held = &model.Held{Kind: model.HeldRollback}
	if b.decide(); b.last.Due || b.last.Start != nil {
		t.Errorf("it runs on the way back: %+v", b.last.Start)
	}
}

// TestANewerCommitWaits for the run of the older one, and gives up its tries.
func TestANewerCommitWaits(t *testing.T) {
	b := newBench(t, model.WhenPreDeploy)
	b.decide()
	old := b.begin("a")
	b.decide()
	b.in.App.Digest = "two"
	b.later(time.Second)
	b.roll()
	if b.decide(); b.last.Start != nil || !strings.Contains(b.last.Note, old.Name) {
		t.Fatalf("begins %+v beside the other: %q", b.last.Start, b.last.Note)
	}
	b.end(old, 1)
	if b.decide(); b.last.Start == nil || b.last.Start.Run != DeployID("two") {
		t.Errorf("begins %+v, want the newer run", b.last.Start)
	}
	if r := b.history().Runs[0]; r.State != Failed || !strings.Contains(r.Reason, "changed since") {
		t.Errorf("the older run is %s: %s", r.State, r.Reason)
	}
}

func TestOutOfTime(t *testing.T) {
	b := newBench(t, model.WhenPostDeploy)
	b.decide()
	c := b.begin("a")
	if b.decide(); b.states() != "running" {
		t.Fatalf("the run is %s", b.states())
	}
	b.later(time.Hour)
	if b.decide(); b.last.Failed == nil || b.last.Failed.Reason != "did not end within 1h0m0s" {
		t.Fatalf("failed %+v", b.last.Failed)
	}
	if len(b.last.Stop) != 1 || b.last.Stop[0].Container != c {
		t.Errorf("stops %+v, want its container", b.last.Stop)
	}
	b.end(c, 137)
	if b.decide(); len(b.last.Stop) != 0 || b.states() != "failed" {
		t.Errorf("stops %+v, the run has %s", b.last.Stop, b.states())
	}
}

// TestWhatIsKept for its log: the last runs, and the last that has failed.
func TestWhatIsKept(t *testing.T) {
	b := newBench(t, model.WhenSchedule)
	b.job.BackoffLimit = 0
	b.decide()
	b.in.Now = midnight.Add(3 * time.Hour)
	for day := range 6 {
		code := 0
		if day < 2 {
			code = 1
		}
		b.pass(code)
		for _, c := range b.last.Remove {
			delete(b.containers, c.ID)
		}
		b.in.Now = midnight.Add(time.Duration(day+1)*24*time.Hour + 3*time.Hour)
	}
	if got := b.states(); got != "failed succeeded succeeded succeeded" {
		t.Errorf("kept are %s", got)
	}
	if got := slices.Sorted(keys(b.containers)); !slices.Equal(got, []string{"c02", "c04", "c05", "c06"}) {
		t.Errorf("kept are the containers %v", got)
	}
}

// TestWithoutMemory reads runs off their containers.
func TestWithoutMemory(t *testing.T) {
	b := newBench(t, model.WhenSchedule)
	b.decide()
	for range 2 {
		b.later(24 * time.Hour)
		b.pass(0)
	}
	b.in.Memory = nil
	b.later(time.Hour)
	if b.decide(); b.last.Start != nil || b.states() != "succeeded succeeded" {
		t.Errorf("%s, begins %+v", b.states(), b.last.Start)
	}
	if last := b.history().Last; !last.Equal(midnight.Add(27 * time.Hour)) {
		t.Errorf("the schedule counts from %s", last)
	}
	d := newBench(t, model.WhenPreDeploy)
	d.pass(0)
	d.in.Memory = nil
	d.roll()
	if d.decide(); d.last.Due {
		t.Error("a run that has succeeded is due again without memory")
	}
}

// TestByHand asks twice in one second.
func TestByHand(t *testing.T) {
	b := newBench(t, model.WhenSchedule)
	b.job.Suspend = true
	b.decide()
	first, id := b.in.Memory.Ask("work", b.in.Now)
	second, other := first.Ask("work", b.in.Now)
	if id == other || len(first["work"].Runs) != 1 || len(second["work"].Runs) != 2 {
		t.Fatalf("runs %s and %s: %+v", id, other, second)
	}
	b.in.Memory = second
	if b.decide(); b.last.Start == nil || b.last.Start.Run != id || b.last.Start.Deploys {
		t.Errorf("begins %+v, want %s", b.last.Start, id)
	}
}

// TestWhoIsGone finds containers of jobs that no manifest names, and leaves
// them when that is not known.
func TestWhoIsGone(t *testing.T) {
	b := newBench(t, model.WhenPreDeploy)
	b.decide()
	c := b.begin("a")
	c.Owner.Job = "other"
	b.in.Containers = []*model.Container{c}
	if gone := Decide(b.in).Gone; len(gone) != 1 {
		t.Errorf("gone are %d containers, want 1", len(gone))
	}
	b.in.App.Frozen = "being read"
	if r := Decide(b.in); len(r.Gone) != 0 || !reflect.DeepEqual(r.Memory, b.in.Memory) {
		t.Errorf("of an app that is frozen: %+v", r)
	}
}

func TestNews(t *testing.T) {
	at := []Try{{Number: 1, Host: "a", Reason: "exited with code 1"}}
	before := Memory{"work": {Runs: []Run{{ID: "s1", State: Running}, {ID: "s2", State: Succeeded}}, Missed: 1}}
	after := Memory{"work": {Runs: []Run{{ID: "s1", State: Waiting, Tries: at}, {ID: "s2", State: Succeeded}, {ID: "s3", State: Waiting}, {ID: "m1", When: Manual, State: Waiting}}, Missed: 3}}
	var got []string
	for _, line := range News(before, after, []string{"work"}) {
		got = append(got, fmt.Sprint(line.Text, " ", line.Bad))
	}
	want := []string{"missed 2 times of its schedule true", "run s1 waits for its next try: exited with code 1 false", "run m1 waits false"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if again := News(after, after, []string{"work"}); len(again) != 0 {
		t.Errorf("the same is news again: %+v", again)
	}
}
