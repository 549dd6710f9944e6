package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// The events that there are notices of.
const (
	EventSucceeded  = "succeeded"
	EventFailed     = "failed"
	EventRolledBack = "rolledBack"
	EventHeld       = "held"
	EventRefused    = "refused"
	EventDegraded   = "degraded"
	EventRecovered  = "recovered"
)

// About is what a notice is of. Nobody is told of the same thing twice, so that
// what flaps is told once per commit.
type About struct {
	Event    string `json:"event"`
	App      string `json:"app,omitempty"` // empty when it is the whole commit
	Revision string `json:"revision"`
}

// Notice is something to tell.
type Notice struct {
	About
	Subject string
	Author  string
	Text    string
	// At is when it happened, where that is known.
	At time.Time
}

// Notification is how somebody fares who is told what becomes of commits.
type Notification struct {
	Name string `json:"name"`
	// Error says why the last message could not be sent, and Since since when that
	// has been so.
	Error string    `json:"error,omitempty"`
	Since time.Time `json:"since,omitzero"`
	// Waiting is how many messages are still to be sent.
	Waiting int `json:"waiting,omitempty"`
}

// Notices are what there is to tell by now, the oldest first: how rollouts ended, by
// the records, which are newest first, and what is the case now.
func Notices(s *Status, records []rollout.Record) []Notice {
	var out []Notice
	for i := range records {
		if n, ended := ofRecord(&records[i]); ended {
			out = append(out, n)
		}
	}
	slices.Reverse(out)
	if s.SourceError != "" {
		out = append(out, Notice{About: About{EventRefused, "", s.Target.ID}, Text: "refused, what runs keeps running: " + firstLine(s.SourceError)})
	}
	for i := range s.Apps {
		if n, is := ofApp(&s.Apps[i]); is && s.Undecided == "" {
			out = append(out, n)
		}
	}
	for i := range out {
		for _, r := range []Revision{s.Target, s.Effective} {
			if out[i].Revision == r.ID {
				out[i].Subject, out[i].Author = cmp.Or(out[i].Subject, r.Subject), cmp.Or(out[i].Author, r.Author)
			}
		}
	}
	return out
}

// ofRecord is how a rollout ended. One that goes back is about the commit that it
// goes back from.
func ofRecord(r *rollout.Record) (Notice, bool) {
	n := Notice{About: About{App: r.App, Revision: r.Revision}, Subject: r.Subject, Author: r.Author, At: r.EndedAt}
	switch {
	case r.Phase == rollout.Failed && r.RollbackOf != "":
		n.Event, n.Text = EventFailed, firstLine("the way back from "+short(r.RollbackOf)+" failed: "+r.Reason)
	case r.Phase == rollout.Failed:
		n.Event, n.Text = EventFailed, firstLine(r.Reason)
	case r.Phase == rollout.Complete && r.RollbackOf != "":
		n.Event, n.Revision, n.Subject, n.Author = EventRolledBack, r.RollbackOf, "", "" // those are of the commit gone back to
		n.Text = "runs as " + short(r.Revision) + " says again, and is healthy"
	case r.Phase == rollout.Complete:
		n.Event, n.Text = EventSucceeded, "runs and is healthy"
	default:
		return n, false
	}
	return n, true
}

// ofApp is what is the case with an app beside how its rollouts end.
func ofApp(a *App) (Notice, bool) {
	n := Notice{About: About{App: a.Name, Revision: a.Revision}}
	switch {
	case a.Held != nil && a.Held.Kind != model.HeldRollback:
		n.Event, n.Revision, n.Text = EventHeld, a.Held.Revision, firstLine(a.Held.Reason)
	case a.Phase != rollout.Complete:
		return n, false
	case a.Health == Degraded || a.Health == Missing:
		n.Event, n.Text = EventDegraded, firstLine(cmp.Or(a.Reason, unhealthy(a), "is "+string(a.Health)))
	case a.Health == Healthy:
		n.Event, n.Text = EventRecovered, "is healthy again"
	default:
		return n, false
	}
	return n, true
}

// unhealthy is why the first service is not healthy that says it.
func unhealthy(a *App) string {
	for i := range a.Services {
		if s := &a.Services[i]; s.Health != Healthy && s.Reason != "" {
			return s.Name + ": " + s.Reason
		}
	}
	return ""
}

// failingNotifications says who can't be told.
func (t *text) failingNotifications(s *Status) {
	for i := range s.Notifications {
		n := &s.Notifications[i]
		if n.Error == "" {
			continue
		}
		t.gap()
		t.line("%s", t.paint(alarm, "notification \""+n.Name+"\" fails, since "+since(ago(s.Time, n.Since))))
		t.line("  %s; %s", clean(n.Error), model.Count(n.Waiting, "message waits", "messages wait"))
	}
}
