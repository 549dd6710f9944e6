package rollout

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/jobs"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Verb is what a person can order of an app.
type Verb string

// The verbs.
const (
	VerbPause  Verb = "pause"  // let no rollout begin or go on
	VerbResume Verb = "resume" // end a pause, a pin and moves
	VerbPin    Verb = "pin"    // hold the app to a revision
	VerbRetry  Verb = "retry"  // try what failed anew
	// VerbPromote lets the rest of a rollout follow its canaries.
	VerbPromote Verb = "promote"
	VerbRun     Verb = "run" // run a job
	// VerbMove puts replicas on other hosts.
	VerbMove Verb = "move"
	// Of hosts, without a commit.
	VerbCordon   Verb = "cordon"   // give it nothing new
	VerbDrain    Verb = "drain"    // and move away what is there
	VerbUncordon Verb = "uncordon" // end both
	VerbForget   Verb = "forget"   // forget what was there: it is gone for good
)

// Order is what a person orders of an app or of a host.
type Order struct {
	Verb   Verb   `json:"verb"`
	App    string `json:"app,omitempty"`
	Host   string `json:"host,omitempty"`
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Until is when a pause, or a host's cordon or drain, ends by itself; zero is
	// never.
	Until time.Time `json:"until,omitzero"`
	// Revision is the one to pin, a full commit id.
	Revision string `json:"revision,omitempty"`
	// Images are the digests to pin, by reference; nobody sends them, they are
	// found out.
	Images map[string]string `json:"-"`
	// Job is the one to run.
	Job string `json:"job,omitempty"`
	// Moves are where replicas are to go.
	Moves []model.Move `json:"moves,omitempty"`
}

// Of names what the order is about.
func (o Order) Of() string {
	if o.Host != "" {
		return fmt.Sprintf("host %q", o.Host)
	}
	return fmt.Sprintf("app %q", o.App)
}

// ErrNothingToDo is an order that would change nothing.
var ErrNothingToDo = errors.New("nothing to do")

// Obey is the state after an order. The order is about an app that there is, and
// about a revision that has it.
func (s State) Obey(o Order, now time.Time) (State, error) {
	next := s.Clone()
	if !o.Until.IsZero() && !o.Until.After(now) {
		return s, fmt.Errorf("%s %s: %s is in the past", o.Verb, o.Of(), o.Until.Format(time.RFC3339))
	}
	if o.Host != "" {
		return next, next.pinHost(o, now)
	}
	standing := next.Standings[o.App]
	switch o.Verb {
	case VerbPause:
		standing.Pause = &Pause{By: o.By, Reason: o.Reason, Since: now, Until: o.Until}
	case VerbPin:
		standing.Pin = &Pin{Revision: o.Revision, By: o.By, Reason: o.Reason, Since: now, Images: o.Images}
	case VerbResume:
		if standing.Pin == nil && standing.Pause == nil && standing.Moves == nil {
			return s, fmt.Errorf("resume app %q: %w: it is neither paused nor pinned, and no move of its replicas is ordered", o.App, ErrNothingToDo)
		}
		standing.Pin, standing.Pause, standing.Moves = nil, nil, nil
		next.progress(o.App, now)
	case VerbRetry:
		if standing.Hold == nil && next.Records[o.App].Phase != Failed {
			return s, fmt.Errorf("retry app %q: %w: its last rollout has not failed", o.App, ErrNothingToDo)
		}
		next.Retry(o.App)
		return next, nil
	case VerbPromote:
		if err := next.Promote(o.App, now); err != nil {
			return s, err
		}
		return next, nil
	case VerbMove:
		standing.Moves = standing.Moves.and(newMoves(o, now))
	case VerbRun:
		var known jobs.Memory
		if standing.Jobs != nil {
			known = *standing.Jobs
		}
		memory, _ := known.Ask(o.Job, now)
		standing.Jobs = &memory
	default:
		return s, fmt.Errorf("obey order %q: no such verb", o.Verb)
	}
	next.stand(o.App, standing)
	return next, nil
}

// Ended is what of people's orders before another order ends, or takes the
// place of.
type Ended struct {
	Pin   *Pin   `json:"pin,omitempty"`
	Pause *Pause `json:"pause,omitempty"`
	// Moves are those that were not done yet.
	Moves []model.Move `json:"moves,omitempty"`
}

// Ends says what an order ends of how its app stood before.
func (o Order) Ends(before Standing, now time.Time) Ended {
	var e Ended
	if o.Verb == VerbPin || o.Verb == VerbResume {
		e.Pin = before.Pin
	}
	if (o.Verb == VerbPause || o.Verb == VerbResume) && !before.Pause.ended(now) {
		e.Pause = before.Pause
	}
	if o.Verb == VerbResume && before.Moves != nil {
		e.Moves = before.Moves.List
	}
	return e
}

// WaitsFor says what keeps an order that has something go on from coming to
// anything; "" when nothing does.
func (o Order) WaitsFor(s Standing, now time.Time) string {
	switch {
	case o.Verb != VerbRetry && o.Verb != VerbPromote:
		return ""
	case s.Pin != nil:
		return PinnedBecause(s.Pin)
	case !s.Pause.ended(now):
		return PausedBecause(s.Pause)
	}
	return ""
}

// Texts tell what it was, by whom and why.
func (e Ended) Texts() []string {
	var texts []string
	if e.Pin != nil {
		texts = append(texts, PinnedBecause(e.Pin))
	}
	if e.Pause != nil {
		texts = append(texts, PausedBecause(e.Pause))
	}
	for _, m := range e.Moves {
		texts = append(texts, "moving "+m.Service+"-"+m.Slot+" to "+m.Host+", "+m.Why)
	}
	return texts
}

// progress has the deadlines of a rollout count from now, also where no
// controller saw that it was made to wait.
func (s State) progress(app string, now time.Time) {
	r := s.Records[app]
	r.Courses = maps.Clone(r.Courses)
	for service, course := range r.Courses {
		course.Since = now
		r.Courses[service] = course
	}
	if r.Courses != nil {
		s.Records[app] = r
	}
}
