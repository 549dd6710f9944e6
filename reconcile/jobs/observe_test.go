package jobs

import (
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestHostsThatGoAway: a run is given up after Grace and tried elsewhere, and
// beside what came back nothing begins before that has been stopped.
func TestHostsThatGoAway(t *testing.T) {
	b := newBench(t, model.WhenPreDeploy)
	b.decide()
	lost := b.begin("a")
	b.decide()
	b.in.Hosts["a"].Reachable = false
	b.decide()
	b.later(Grace - time.Second)
	if b.decide(); b.states() != "running" {
		t.Fatalf("the run is %s before its host has been away for %s", b.states(), Grace)
	}
	b.later(time.Second)
	b.decide()
	b.later(10 * time.Second)
	if b.decide(); b.last.Start == nil || b.last.Start.Number != 2 || !strings.Contains(b.last.Start.Why, `host "a" has been away`) {
		t.Fatalf("begins %+v: %s", b.last.Start, b.last.Note)
	}
	b.in.Hosts["a"].Reachable = true
	if b.decide(); b.last.Start != nil || len(b.last.Stop) != 1 {
		t.Fatalf("begins %+v beside what came back, stops %+v", b.last.Start, b.last.Stop)
	}
	b.end(lost, 137)
	if b.decide(); b.last.Start == nil {
		t.Fatalf("nothing begins after that has ended: %s", b.last.Note)
	}
	b.end(lost, 0)
	if b.decide(); b.states() != "succeeded" {
		t.Errorf("what was given up and has succeeded makes it %s", b.states())
	}
}

// TestOddContainers are read as what they show.
func TestOddContainers(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*bench, *model.Container)
		want   string
	}{
		{"removed by hand", func(b *bench, c *model.Container) { delete(b.containers, c.ID) }, "its container has been removed"},
		{"out of memory", func(b *bench, c *model.Container) { b.end(c, 137); c.OOMKilled = true }, "exited with code 137 (out of memory)"},
		{"no such program", func(_ *bench, c *model.Container) { c.State, c.Error = model.StateCreated, "no such file" }, "could not be started: no such file"},
		{"not inspected", func(b *bench, c *model.Container) { b.end(c, 1); c.Spec = nil }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, model.WhenPreDeploy)
			b.decide()
			container := b.begin("a")
			b.decide()
			c.change(b, container)
			b.decide()
			if got := b.history().Runs[0].Tries[0].Reason; got != c.want {
				t.Errorf("the try came to %q, want %q", got, c.want)
			}
		})
	}
	b := newBench(t, model.WhenPreDeploy)
	b.decide()
	made := b.begin("a")
	made.State, made.StartedAt = model.StateCreated, time.Time{}
	if b.decide(); b.last.Start == nil || b.last.Start.Redo != made || b.last.Start.Number != 1 {
		t.Errorf("what was made and not started is followed by %+v", b.last.Start)
	}
}
