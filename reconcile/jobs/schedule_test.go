package jobs

import (
	"fmt"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestSchedules goes from midnight through some days; between the looks nobody
// is there.
func TestSchedules(t *testing.T) {
	type look struct {
		hours float64
		run   string // that begins and succeeds at once; "long" ones run on
	}
	for _, c := range []struct {
		name   string
		change func(*model.Job)
		looks  []look
		missed int
	}{
		{"every night", func(*model.Job) {}, []look{{0, ""}, {2.9, ""}, {3, "s202605010300"}, {20, ""}, {27, "s202605020300"}}, 0},
		{"one makes up for three", func(*model.Job) {}, []look{{0, ""}, {3 + 48 + 5, "s202605030300"}, {57, ""}, {75, "s202605040300"}}, 2},
		{"too late", func(j *model.Job) { j.StartingDeadline = time.Hour }, []look{{0, ""}, {4, "s202605010300"}, {24 + 4.1, ""}, {51, "s202605030300"}}, 1},
		{"suspended", func(j *model.Job) { j.Suspend = true }, []look{{0, ""}, {3, ""}, {80, ""}}, 0},
		{"in a zone", func(j *model.Job) { j.TimeZone = "Asia/Tokyo" }, []look{{0, ""}, {3, ""}, {18, "s202605011800"}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, model.WhenSchedule)
			c.change(b.job)
			for _, l := range c.looks {
				b.in.Now = midnight.Add(time.Duration(l.hours * float64(time.Hour)))
				b.decide()
				got := ""
				if b.last.Start != nil {
					got = b.last.Start.Run
					b.end(b.begin("a"), 0)
					b.decide()
				}
				if got != l.run {
					t.Errorf("after %.1f hours %q begins, want %q (%s)", l.hours, got, l.run, b.last.Note)
				}
			}
			if n := b.history().Missed; n != c.missed {
				t.Errorf("%d missed, want %d", n, c.missed)
			}
		})
	}
}

// TestConcurrency has a run going on when the next is due.
func TestConcurrency(t *testing.T) {
	for policy, want := range map[string]string{
		model.ConcurrencyForbid:  "running; missed 1; stops 0; begins ",
		model.ConcurrencyAllow:   "running waiting; missed 0; stops 0; begins s202605020300",
		model.ConcurrencyReplace: "failed waiting; missed 0; stops 1; begins ",
	} {
		b := newBench(t, model.WhenSchedule)
		b.job.Concurrency, b.job.Timeout = policy, 100*time.Hour
		b.decide()
		b.later(3 * time.Hour)
		b.decide()
		first := b.begin("a")
		b.decide()
		b.later(24 * time.Hour)
		b.decide()
		begins := ""
		if b.last.Start != nil {
			begins = b.last.Start.Run
		}
		if got := fmt.Sprintf("%s; missed %d; stops %d; begins %s", b.states(), b.history().Missed, len(b.last.Stop), begins); got != want {
			t.Errorf("%s: %s, want %s", policy, got, want)
		}
		if policy != model.ConcurrencyReplace {
			continue
		}
		b.end(first, 143)
		if b.decide(); b.last.Start == nil {
			t.Errorf("Replace: nothing begins when the other has been stopped: %s", b.last.Note)
		}
	}
}

// TestAScheduleWaitsForTheRollout, and then makes up for what was due.
func TestAScheduleWaitsForTheRollout(t *testing.T) {
	b := newBench(t, model.WhenSchedule)
	b.decide()
	b.later(3 * time.Hour)
	b.in.Rolling, b.in.Complete = true, false
	if b.decide(); b.last.Start != nil {
		t.Fatalf("%+v begins in the middle of a rollout", b.last.Start)
	}
	b.later(time.Hour)
	b.in.Rolling, b.in.Complete = false, true
	if b.decide(); b.last.Start == nil || b.last.Start.Run != "s202605010300" {
		t.Errorf("begins %+v when the rollout has ended", b.last.Start)
	}
}

// TestAnotherScheduleBeginsAnew: times that nobody asked for were not missed.
func TestAnotherScheduleBeginsAnew(t *testing.T) {
	b := newBench(t, model.WhenSchedule)
	b.decide()
	b.later(50 * time.Minute)
	b.job.Schedule = "* * * * *"
	if b.decide(); b.last.Start != nil || b.history().Missed != 0 {
		t.Errorf("begins %+v, %d missed", b.last.Start, b.history().Missed)
	}
	b.later(time.Minute)
	if b.decide(); b.last.Start == nil {
		t.Error("the new schedule does not begin")
	}
}
