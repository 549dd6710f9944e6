package whatif

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// Input is the fleet as it would be, and how it is decided about.
type Input struct {
	Desired *model.Desired
	// Live is the fleet of the question: lost hosts are in it as lost, added ones
	// as reachable and empty. It is not changed.
	Live  model.Live
	State rollout.State
	Now   time.Time
	// Decide is one pass over a moment, of which the caller may change Live.
	Decide func(Moment) Decision
}

// Moment is what a pass decides from.
type Moment struct {
	Live  *model.Live
	State rollout.State
	Busy  map[plan.Key]string
	Now   time.Time
}

// Decision is what it decided.
type Decision struct {
	Plan    plan.Plan
	Rollout rollout.Result
}

const (
	// lookEvery is how often a controller looks at most while things happen.
	lookEvery = 200 * time.Millisecond
	// horizon is how far ahead is looked: what is not done by then waits.
	horizon = 24 * time.Hour
)

// fleet is the copy, on its way.
type fleet struct {
	in     Input
	live   model.Live
	index  map[string]int
	state  rollout.State
	now    time.Time
	queues map[string]*Queue
	work   []*work
	due    []due
	made   int
	starts int
	last   time.Time // when something happened last
	tasks  int       // begun so far, for an order among those that end together
}

// work is a task at work: op number at of it ends at end.
type work struct {
	rollout.Task
	at, number int
	end        time.Time
}

// due is something that a container does by itself.
type due struct {
	at              time.Time
	host, container string
}

// Run carries the decisions out until there is nothing more to do.
func Run(in Input) Simulation {
	f := newFleet(in)
	first, last := f.run()
	return f.result(first, last)
}

// Settled is a fleet on which there is nothing more to do.
type Settled struct {
	Live  model.Live
	State rollout.State
	// Plan is what is left over: what does not fit, or waits.
	Plan plan.Plan
	Now  time.Time
}

// Settle carries the decisions out, as Run does, for who wants to go on from there.
func Settle(in Input) Settled {
	f := newFleet(in)
	_, last := f.run()
	return Settled{Live: f.live, State: f.state, Plan: last.Plan, Now: f.now}
}

func newFleet(in Input) *fleet {
	f := &fleet{in: in, state: in.State.Clone(), now: in.Now, last: in.Now, index: map[string]int{}, queues: map[string]*Queue{}}
	f.live.Hosts = slices.Clone(in.Live.Hosts)
	for i := range f.live.Hosts {
		h := &f.live.Hosts[i]
		h.Containers, h.Networks, h.Volumes = slices.Clone(h.Containers), slices.Clone(h.Networks), slices.Clone(h.Volumes)
		h.Images = copied(h.Images)
		f.index[h.Name], f.queues[h.Name] = i, &Queue{}
		f.goOn(h)
	}
	return f
}

func (f *fleet) run() (first, last Decision) {
	first = f.decide()
	last = first
	for f.step(last) {
		last = f.decide()
	}
	return first, last
}

func copied(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return maps.Clone(m)
}

func compare(a, b string) int { return cmp.Compare(a, b) }

func (f *fleet) host(name string) *model.HostState {
	i, ok := f.index[name]
	if !ok {
		return nil
	}
	return &f.live.Hosts[i]
}

// decide is a pass over the copy as it is now.
func (f *fleet) decide() Decision {
	live := model.Live{Hosts: slices.Clone(f.live.Hosts)}
	for i := range live.Hosts {
		live.Hosts[i].Containers = slices.Clone(live.Hosts[i].Containers) // whoever decides may fold and sort them
	}
	busy := make(map[plan.Key]string, len(f.work))
	for _, w := range f.work {
		busy[w.Key] = w.Digest
	}
	d := f.in.Decide(Moment{Live: &live, State: f.state, Busy: busy, Now: f.now})
	f.state = d.Rollout.State
	return d
}

// step begins what may begin and goes on to when something has happened, or says
// that nothing will.
func (f *fleet) step(d Decision) bool {
	for _, key := range d.Rollout.Cancel {
		f.work = slices.DeleteFunc(f.work, func(w *work) bool { return w.Key == key })
	}
	for _, task := range d.Rollout.Tasks {
		f.tasks++
		w := &work{Task: task, number: f.tasks}
		f.next(w)
		f.work = append(f.work, w)
	}
	at := f.happens()
	if at.IsZero() && f.underway() {
		at = d.Rollout.Wake
	}
	if wake := d.Rollout.Wake; !at.IsZero() && wake.After(f.now) && wake.Before(at) {
		at = wake
	}
	if at.IsZero() || at.Sub(f.in.Now) > horizon {
		return false
	}
	f.advance(at.Add(lookEvery))
	return true
}

// underway says whether a rollout has not ended: time alone may still end it.
func (f *fleet) underway() bool {
	for _, r := range f.state.Records {
		if r.Phase == rollout.Progressing && !r.Gone {
			return true
		}
	}
	return false
}

// next has the task's op begin that it is at.
func (f *fleet) next(w *work) {
	op := w.Ops[w.at]
	takes := time.Duration(0)
	if q := f.queues[op.On()]; q != nil {
		takes = q.Takes(model.Verb(op), f.now)
	}
	w.end = f.now.Add(takes)
}

// happens is when the next thing does, or zero.
func (f *fleet) happens() time.Time {
	var at time.Time
	sooner := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	for _, w := range f.work {
		sooner(w.end)
	}
	for _, d := range f.due {
		sooner(d.at)
	}
	return at
}

// advance lets everything happen until then, one thing after the other.
func (f *fleet) advance(until time.Time) {
	for {
		at := f.happens()
		if at.IsZero() || at.After(until) {
			break
		}
		f.now = at
		f.happen()
	}
	if until.After(f.now) {
		f.now = until
	}
}

// happen does what is due now.
func (f *fleet) happen() {
	var ended []*work
	for _, w := range f.work {
		if !w.end.After(f.now) {
			ended = append(ended, w)
		}
	}
	slices.SortFunc(ended, func(a, b *work) int { return cmp.Compare(a.number, b.number) })
	for _, w := range ended {
		f.endOp(w)
	}
	f.work = slices.DeleteFunc(f.work, func(w *work) bool { return w.at >= len(w.Ops) })
	mature := f.due
	f.due = nil
	for _, d := range mature {
		if d.at.After(f.now) {
			f.due = append(f.due, d)
			continue
		}
		f.mature(d)
		f.last = f.now
	}
}

// endOp lets an op have its effect, and the next one of its task begin.
func (f *fleet) endOp(w *work) {
	op := w.Ops[w.at]
	if reason := f.perform(op); reason != "" {
		a := f.state.Attempts[w.Key]
		a.Reason, a.Last = reason, f.now
		attempts := maps.Clone(f.state.Attempts)
		if attempts == nil {
			attempts = map[plan.Key]rollout.Attempt{}
		}
		attempts[w.Key] = a
		f.state.Attempts = attempts
		w.at = len(w.Ops)
		return
	}
	f.last = f.now
	if _, start := op.(model.StartContainer); start {
		f.starts++
	}
	if w.at++; w.at < len(w.Ops) {
		f.next(w)
	}
}

func (f *fleet) later(d time.Duration, host, container string) {
	f.due = append(f.due, due{f.now.Add(d), host, container})
}
