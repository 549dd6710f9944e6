package notify

import (
	"context"
	"errors"
	"path"
	"reflect"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/internal/message"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// channel is the way to one who is told. The notifier's lock guards it.
type channel struct {
	spec    model.Notification
	sender  sender
	busy    bool
	waiting int
	tries   int // in a row that failed
	failure string
	since   time.Time
	next    time.Time // no try before
}

// round is one look at what one of them is to be told.
type round struct {
	to      *model.Notification
	values  model.Blobs
	told    map[report.About]bool // nil when they have never been seen
	notices []report.Notice
	status  *report.Status
	now     time.Time
}

// serve has somebody told what they have not been told. What they do not want to hear
// counts as told, so that nobody who wants more from now on hears old tales.
func (n *Notifier) serve(ctx context.Context, r round) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.channels[r.to.Name]
	if c != nil && c.busy {
		return nil
	}
	if c == nil || !reflect.DeepEqual(c.spec, *r.to) { // a key that was changed is another digest
		c = &channel{spec: *r.to}
		n.channels[r.to.Name] = c
	}
	due, err := n.due(r)
	c.waiting = len(due)
	if err != nil || len(due) == 0 || r.now.Before(c.next) {
		return err
	}
	if c.sender == nil {
		if c.sender, err = open(r.to, r.values, n.policy); err != nil {
			n.failed(c, err)
			return nil // which is theirs to mend, and no fault of the loop
		}
	}
	c.busy = true
	n.sending.Go(func() { n.deliver(ctx, c, due) })
	return nil
}

// due are the letters to send, and notes the rest as told.
func (n *Notifier) due(r round) ([]letter, error) {
	template, err := message.Parse(r.to.Template)
	if err != nil {
		return nil, err // the manifests' reader has refused it
	}
	first := r.told == nil
	if first {
		if err := n.journal.Deliver(r.to.Name, report.About{}); err != nil {
			return nil, err
		}
	}
	var letters []letter
	for _, x := range r.notices {
		if r.told[x.About] || x.Event == report.EventRecovered && !r.told[report.About{Event: report.EventDegraded, App: x.App, Revision: x.Revision}] {
			continue
		}
		old := first && x.Revision != r.status.Effective.ID && x.Revision != r.status.Target.ID
		if old || !wants(r.to, x.About) {
			if err := n.journal.Deliver(r.to.Name, x.About); err != nil {
				return nil, err
			}
			continue
		}
		letters = append(letters, letter{To: r.to.Name, Owner: r.status.Owner, Notice: x, Text: template.Render(message.Message{
			Event: x.Event, App: x.App, Revision: x.Revision, Subject: x.Subject, Author: x.Author, Text: x.Text, Owner: r.status.Owner,
		})})
	}
	return letters, nil
}

// wants says whether a notice is for them. What is about a whole commit is for all.
func wants(to *model.Notification, a report.About) bool {
	if len(to.Events) > 0 && !slices.Contains(to.Events, a.Event) {
		return false
	}
	if len(to.Apps) == 0 || a.App == "" {
		return true
	}
	return slices.ContainsFunc(to.Apps, func(pattern string) bool {
		ok, err := path.Match(pattern, a.App)
		return ok && err == nil
	})
}

// deliver sends letters in their order until one can't be sent. What was sent is noted
// after it: twice is better than never.
func (n *Notifier) deliver(ctx context.Context, c *channel, letters []letter) {
	var err error
	for i := range letters {
		if err = c.sender.send(ctx, letters[i]); err == nil {
			err = n.journal.Deliver(c.spec.Name, letters[i].Notice.About)
		}
		if err != nil {
			break
		}
		n.mu.Lock()
		c.waiting--
		n.mu.Unlock()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	c.busy = false
	if err == nil {
		if c.failure != "" {
			n.log.Info("notifications are sent again", "notification", c.spec.Name)
		}
		c.tries, c.failure, c.since, c.next = 0, "", time.Time{}, time.Time{}
		return
	}
	if !errors.Is(ctx.Err(), context.Canceled) {
		n.failed(c, err)
	}
}

// failed notes it, logs the first of a row, and says when to try again.
func (n *Notifier) failed(c *channel, err error) {
	now := time.Now()
	if c.failure == "" {
		c.since = now
		n.log.Warn("a notification can't be sent, and is tried again", "notification", c.spec.Name, "error", err)
	}
	c.failure = err.Error()
	c.next = now.Add(min(retryFirst<<min(c.tries, 10), retryLast))
	c.tries++
}
