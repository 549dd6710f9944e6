package reconcile

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/preview"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// publish tells those who listen that there is something new to see. The
// status itself is folded when somebody asks for it.
func (c *Controller) publish(now time.Time) {
	c.at = now
	for ch := range c.listen {
		poke(ch)
	}
}

// Subscribe gives a channel that is poked after each pass, until stop.
func (c *Controller) Subscribe() (changed <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listen[ch] = true
	return ch, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.listen, ch)
	}
}

// Status is what the last pass found.
func (c *Controller) Status() report.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status()
}

func (c *Controller) status() report.Status {
	in := report.Input{
		Now: time.Now(), Desired: c.effective, Live: c.live(), Plan: c.last.Plan, Rooms: c.last.Placement.Rooms, Rollout: c.last.Rollout,
		Target: RevisionOf(c.source.target), Effective: RevisionOf(c.source.commit), Fetched: c.source.fetched, Busy: c.busyFor(), Reverts: c.cfg.Reverts,
	}
	in.Rollout.State, in.Working = c.memory, c.working()
	in.Previews = c.previewNews()
	in.SourceError, in.FetchError = text(c.source.refused), text(c.source.unread)
	s := report.Fold(in)
	s.Owner, s.Simulated = c.cfg.Owner, c.cfg.Simulated
	if s.Undecided = c.undecided(); s.Undecided != "" {
		s.Sync, s.Health = report.SyncUnknown, report.Unknown
	}
	return s
}

// working are the replicas and runs that tasks are at work on, by host.
func (c *Controller) working() map[string][]plan.Key {
	working := map[string][]plan.Key{}
	for key, t := range c.busy {
		for _, host := range t.hosts {
			if key.Kind == plan.KindReplica || key.Kind == plan.KindRun {
				working[host] = append(working[host], key)
			}
		}
	}
	for _, keys := range working {
		slices.SortFunc(keys, plan.CompareKeys)
	}
	return working
}

// Decided waits until there is a decision about what Git says, or until it is
// known that there can't be one. Soon after its start a controller knows nothing
// yet, and that must not be taken for nothing being there.
func (c *Controller) Decided(ctx context.Context) {
	changed, stop := c.Subscribe()
	defer stop()
	for c.deciding() {
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (c *Controller) deciding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.passed() && !c.barred()
}

// barred says that there is no revision to go by: what the branch says is refused
// or can't be read, and nothing was accepted before.
func (c *Controller) barred() bool {
	return c.source.desired == nil && (c.source.refused != nil || c.source.unread != nil)
}

// undecided says why nothing is decided about what Git says now, or "".
func (c *Controller) undecided() string {
	switch {
	case c.passed():
		return ""
	case c.barred():
		return "there is no revision to go by"
	case c.source.desired == nil:
		return "the repository has not been read yet"
	}
	var waiting []string
	for name, h := range c.hosts {
		if !h.looked && !c.warm {
			waiting = append(waiting, name)
		}
	}
	if len(waiting) == 0 {
		return "what Git says has only just been read"
	}
	slices.Sort(waiting)
	return "no look yet at " + strings.Join(waiting, ", ")
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// passed says whether a plan was made for what is desired now.
func (c *Controller) passed() bool {
	return c.source.desired != nil && c.last.Plan.Revision == c.source.desired.Revision && c.looked()
}

// Plan is the last pass's plan.
func (c *Controller) Plan() plan.Plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last.Plan
}

// RevisionOf is a commit as it is reported.
func RevisionOf(c git.Commit) report.Revision {
	return report.Revision{ID: c.ID, Subject: c.Subject, Author: c.Author, Time: c.Time}
}

// Notifications are who is to be told what becomes of commits, and the values of
// their secrets. It is not known before there is a revision to go by.
func (c *Controller) Notifications() (all []model.Notification, values model.Blobs, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.source.desired == nil {
		return nil, nil, false
	}
	return c.source.desired.Notifications, c.source.desired.Blobs, true
}

// Target is the commit that the branch was last seen at; its id is "" before that.
func (c *Controller) Target() git.Commit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.source.target
}

// InForce is the commit that the branch points to, where its manifests are the ones
// in force, and else "".
func (c *Controller) InForce() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.source.desired == nil || c.source.refused != nil || c.source.target.ID != c.source.commit.ID {
		return ""
	}
	return c.source.commit.ID
}

// LookAtSource looks at the branch now, and not only with the next poll.
func (c *Controller) LookAtSource() { poke(c.resolve) }

// previewNews is what was made of the previews in the last pass. Of one whose newest
// commit can't run while an older one does, it says why.
func (c *Controller) previewNews() []preview.Admission {
	out := slices.Clone(c.previews.admitted)
	for i := range out {
		p := &out[i]
		newest := c.previews.rendered[previewAt{p.Name(), p.Head}]
		if p.State == preview.Running && newest.app == nil && newest.refused != "" {
			p.Reason = "commit " + short(p.Head) + " is not run: " + newest.refused
		}
	}
	return out
}

// busyFor is how many things are worked on for what the branch asks for.
func (c *Controller) busyFor() int {
	n := len(c.busy)
	for key := range c.busy {
		if c.memory.Records[key.App].Preview != "" {
			n--
		}
	}
	return n
}
