package notify

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tallyman-io/tallyman/internal/follow"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// Controller is what is told about, and who is told.
type Controller interface {
	follow.Controller
	// Notifications are not known before there is a revision to go by.
	Notifications() (all []model.Notification, values model.Blobs, known bool)
}

// Journal is what happened, and what of it was told.
type Journal interface {
	// Recent is the last n rollouts of each app, the newest first.
	Recent(n int) ([]rollout.Record, error)
	Delivered() (map[string]map[report.About]bool, error)
	Deliver(name string, a report.About) error
	Undeliver(name string, a report.About) error
}

const (
	// history is how many rollouts of each app are looked at for their ends.
	history = 20
	// settle is how long an app is not healthy before that is told.
	settle = 30 * time.Second
	// retryFirst and retryLast are the pauses between two tries, which double.
	retryFirst = 5 * time.Second
	retryLast  = 10 * time.Minute
	// stale is when it is too late to tell of the end of a rollout.
	stale = 24 * time.Hour
)

// Notifier tells what becomes of commits.
type Notifier struct {
	controller Controller
	journal    Journal
	log        *slog.Logger
	policy     policy
	settle     time.Duration

	sick     map[report.About]time.Time // since when apps are seen not to be healthy
	sending  sync.WaitGroup
	mu       sync.Mutex
	channels map[string]*channel
}

// Options are what the installation says.
type Options struct {
	// Loopback lets servers on this machine be told.
	Loopback bool
}

// New makes a notifier.
func New(c Controller, j Journal, log *slog.Logger, o Options) *Notifier {
	return &Notifier{
		controller: c, journal: j, log: log, policy: policy{o.Loopback}, settle: settle,
		sick: map[report.About]time.Time{}, channels: map[string]*channel{},
	}
}

// Run tells until ctx ends.
func (n *Notifier) Run(ctx context.Context) {
	defer n.sending.Wait()
	look := func(ctx context.Context, status func() report.Status) (time.Duration, error) {
		err := n.look(ctx, status, time.Now())
		return n.nextTry(time.Now()), err
	}
	follow.Changes(ctx, n.controller, look, func(err error) {
		n.log.Warn("nobody can be told what becomes of commits, and it is tried again", "error", err)
	})
}

// nextTry is how long there is nothing to try again.
func (n *Notifier) nextTry(now time.Time) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	wait := follow.Again
	for _, c := range n.channels {
		if c.waiting > 0 {
			wait = min(wait, max(c.next.Sub(now), 0))
		}
	}
	return wait
}

// look finds out what there is to tell to whom, and has it sent.
func (n *Notifier) look(ctx context.Context, ask func() report.Status, now time.Time) error {
	all, values, known := n.controller.Notifications()
	if !known {
		return nil
	}
	told, err := n.journal.Delivered()
	if err != nil {
		return err
	}
	if err := n.dismiss(all, told); err != nil || len(all) == 0 {
		return err
	}
	records, err := n.journal.Recent(history)
	if err != nil {
		return err
	}
	records = slices.DeleteFunc(records, func(r rollout.Record) bool { return !r.EndedAt.IsZero() && now.Sub(r.EndedAt) > stale })
	status := ask()
	notices := n.settled(report.Notices(&status, records), now)
	var failed []error
	for i := range all {
		if err := n.forget(all[i].Name, told[all[i].Name], relevant(&status, records)); err != nil {
			failed = append(failed, err)
			continue
		}
		failed = append(failed, n.serve(ctx, round{
			to: &all[i], values: values, told: told[all[i].Name], notices: notices, status: &status, now: now,
		}))
	}
	return errors.Join(failed...)
}

// dismiss forgets who is told no more: declared again, they begin anew.
func (n *Notifier) dismiss(all []model.Notification, told map[string]map[report.About]bool) error {
	var failed []error
	there := func(name string) bool {
		return slices.ContainsFunc(all, func(m model.Notification) bool { return m.Name == name })
	}
	for name, abouts := range told {
		if there(name) {
			continue
		}
		for a := range abouts {
			failed = append(failed, n.journal.Undeliver(name, a))
		}
		failed = append(failed, n.journal.Undeliver(name, report.About{}))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for name := range n.channels {
		if !there(name) {
			delete(n.channels, name)
		}
	}
	return errors.Join(failed...)
}

// relevant are the commits of which there can still be something to tell.
func relevant(s *report.Status, records []rollout.Record) map[string]bool {
	commits := map[string]bool{s.Target.ID: true, s.Effective.ID: true}
	for i := range s.Apps {
		commits[s.Apps[i].Revision] = true
		if held := s.Apps[i].Held; held != nil {
			commits[held.Revision] = true
		}
	}
	for i := range records {
		commits[records[i].Revision], commits[records[i].RollbackOf] = true, true
	}
	return commits
}

// forget lets go of what was told of commits that nobody will speak of again.
func (n *Notifier) forget(name string, told map[report.About]bool, relevant map[string]bool) error {
	var failed []error
	for a := range told {
		if !relevant[a.Revision] {
			delete(told, a)
			failed = append(failed, n.journal.Undeliver(name, a))
		}
	}
	return errors.Join(failed...)
}

// settled leaves out apps that have only just become unhealthy, as for a restart.
func (n *Notifier) settled(notices []report.Notice, now time.Time) []report.Notice {
	sick := map[report.About]time.Time{}
	kept := slices.DeleteFunc(notices, func(x report.Notice) bool {
		if x.Event != report.EventDegraded {
			return false
		}
		since, seen := n.sick[x.About]
		if !seen {
			since = now
		}
		sick[x.About] = since
		return now.Sub(since) < n.settle
	})
	n.sick = sick
	return kept
}

// Fare is how those fare that are told, by name.
func (n *Notifier) Fare() []report.Notification {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]report.Notification, 0, len(n.channels))
	for name, c := range n.channels {
		out = append(out, report.Notification{Name: name, Error: c.failure, Since: c.since, Waiting: c.waiting})
	}
	slices.SortFunc(out, func(a, b report.Notification) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
