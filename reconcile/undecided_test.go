package reconcile

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// decidesWithin says whether a decision, or that there can be none, is waited for
// no longer than that.
func (w *world) decidesWithin(d time.Duration) bool {
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	defer cancel()
	w.running.Decided(ctx)
	return ctx.Err() == nil
}

// TestNothingIsNotTakenForNothingThere asks a controller that has just begun and
// waits for a host: it says what it does not know, and when it knows.
func TestNothingIsNotTakenForNothingThere(t *testing.T) {
	simulate(t, 2, func(w *world) {
		w.branch.commit(web("web:1", 2))
		w.converge()
		w.stop()
		answer := w.hosts["host-2"].Inject(sim.Fault{Verb: "observe", Hang: true})
		w.start()
		if w.decidesWithin(2 * time.Second) {
			t.Error("it has decided without a look at host-2")
		}
		s := w.running.Status()
		if s.Undecided != "no look yet at host-2" || s.Sync != report.SyncUnknown || s.Health != report.Unknown {
			t.Errorf("it says %q, %s, %s", s.Undecided, s.Sync, s.Health)
		}
		answer()
		if !w.decidesWithin(10 * time.Minute) {
			t.Errorf("it never decides: %q", w.running.Status().Undecided)
		}
		if s := w.converge(); s.Undecided != "" {
			t.Errorf("with all hosts seen it says %q", s.Undecided)
		}
	})
}

// TestWithoutARevisionNobodyWaits begins with a repository that can't be read.
func TestWithoutARevisionNobodyWaits(t *testing.T) {
	simulate(t, 1, func(w *world) {
		w.stop()
		w.branch.err = errors.New("no route to host")
		w.start()
		if !w.decidesWithin(time.Minute) {
			t.Error("a decision is waited for that nobody can make")
		}
		if s := w.running.Status(); s.Undecided != "there is no revision to go by" || s.FetchError == "" {
			t.Errorf("it says %q and %q", s.Undecided, s.FetchError)
		}
	})
}
