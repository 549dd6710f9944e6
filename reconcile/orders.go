package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/internal/suggest"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// OrderInput is what an order is looked over with.
type OrderInput struct {
	Desired *model.Desired // what the branch says; nil when that is not known
	State   rollout.State
	Now     time.Time
	// Read gives the full id of a revision to pin and what it asks for, with the
	// images that RecordedForPin knows.
	Read func(revision string) (*model.Desired, error)
}

// Obey is the state after a person's order, or why it can't be obeyed.
func Obey(o rollout.Order, in OrderInput) (rollout.State, error) {
	if o.Host != "" {
		return obeyHost(o, in)
	}
	apps := knownApps(in.Desired, in.State)
	if !slices.Contains(apps, o.App) {
		return in.State, fmt.Errorf("%s app %q: there is no such app%s", o.Verb, o.App, suggest.Among(o.App, apps))
	}
	if o.Verb == rollout.VerbPin {
		d, err := in.Read(o.Revision)
		if err != nil {
			return in.State, fmt.Errorf("pin app %q: %w", o.App, err)
		}
		i := slices.IndexFunc(d.Apps, func(a model.App) bool { return a.Name == o.App })
		if i < 0 {
			return in.State, fmt.Errorf("pin app %q: revision %s has no such app", o.App, short(d.Revision))
		}
		o.Revision, o.Images = d.Revision, d.Apps[i].Digests()
	}
	if o.Verb == rollout.VerbRun && !hasJob(in.Desired, o) {
		return in.State, fmt.Errorf("run job %q: app %q has no such job", o.Job, o.App)
	}
	return in.State.Obey(o, in.Now)
}

func hasJob(d *model.Desired, o rollout.Order) bool {
	return d != nil && slices.ContainsFunc(d.Apps, func(a model.App) bool {
		return a.Name == o.App && slices.ContainsFunc(a.Jobs, func(j model.Job) bool { return j.Name == o.Job })
	})
}

func knownApps(d *model.Desired, s rollout.State) []string {
	apps := map[string]bool{}
	for app := range s.Records {
		apps[app] = true
	}
	for app := range s.Standings {
		apps[app] = true
	}
	if d != nil {
		for i := range d.Apps {
			apps[d.Apps[i].Name] = true
		}
	}
	return slices.Sorted(maps.Keys(apps))
}

// Order has a running controller obey a person's order. It returns when the
// journal has it.
func (c *Controller) Order(ctx context.Context, o rollout.Order) error {
	// Reading Git takes time, in which passes go on: the order is looked over
	// first and then obeyed in one go.
	var pinned *model.Desired
	if o.Verb == rollout.VerbPin {
		var err error
		if pinned, err = c.readForPin(ctx, o); err != nil {
			return fmt.Errorf("pin app %q: %w", o.App, err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if o.Verb == rollout.VerbForget {
		return c.forgetHost(o)
	}
	now := time.Now()
	next, err := Obey(o, OrderInput{Desired: c.source.desired, State: c.memory, Now: now, Read: func(string) (*model.Desired, error) { return pinned, nil }})
	if err != nil {
		return err
	}
	if err := Note(c.cfg.Journal, c.memory, next); err != nil { // who is told that it is noted may rely on it
		return fmt.Errorf("%s %s: %w", o.Verb, o.Of(), err)
	}
	if pinned != nil { // it may have been read before with the images of another time
		delete(c.rendered, rollout.Rendering{App: o.App, Revision: pinned.Revision})
	}
	c.event(OrderEvent(o, now))
	c.remember(next, now)
	c.Wake()
	return nil
}

// everyRollout is more than a journal keeps of an app.
const everyRollout = 10_000

// readForPin is what a revision asks for that is to be pinned.
func (c *Controller) readForPin(ctx context.Context, o rollout.Order) (*model.Desired, error) {
	commit, err := c.cfg.Source.Resolve(ctx, o.Revision)
	if err != nil {
		return nil, err
	}
	records, err := c.cfg.Journal.History(o.App, everyRollout)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	memory := Memory{Accepted: c.source.accepted, Records: c.memory.Records, Standings: c.memory.Standings, Pins: c.memory.Pins}
	recorded := RecordedForPin(memory, o.App, commit.ID, records)
	c.mu.Unlock()
	return c.buildWith(ctx, commit, recorded)
}

// read is what another revision asks for.
func (c *Controller) read(ctx context.Context, revision string) (*model.Desired, error) {
	commit, err := c.cfg.Source.Resolve(ctx, revision)
	if err != nil {
		return nil, err
	}
	return c.build(ctx, commit)
}

// OrderEvent is the line in the log that tells of an order.
func OrderEvent(o rollout.Order, now time.Time) Event {
	return Event{Time: now, Kind: "order", App: o.App, Host: o.Host, Text: describeOrder(o)}
}

func describeOrder(o rollout.Order) string {
	text := string(o.Verb)
	if o.Job != "" {
		text += " job " + o.Job
	}
	for _, m := range o.Moves {
		text += " " + m.Service + "-" + m.Slot + " to " + m.Host
	}
	if o.Revision != "" {
		text += " " + short(o.Revision)
	}
	if o.By != "" {
		text += " by " + o.By
	}
	if !o.Until.IsZero() {
		text += " until " + o.Until.UTC().Format(time.RFC3339)
	}
	if o.Reason != "" {
		text += ": " + o.Reason
	}
	return text
}
