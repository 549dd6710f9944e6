package reconcile

import (
	"context"
	"hash/fnv"
	"reflect"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/execute"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

const (
	// observeDeadline bounds one look at a host. A host that takes longer
	// counts as unreachable until it answers.
	observeDeadline = 15 * time.Second
	// Events come in bursts: a host is looked at when they have been quiet for
	// quietGap, and at the latest after quietCeiling or a few times as long as
	// the last look took, so that looking never takes up most of a host's time.
	quietGap     = 50 * time.Millisecond
	quietCeiling = 200 * time.Millisecond
	lookShare    = 9
	// fullCeiling is for a host that has more to do than it can take.
	fullCeiling = time.Second
)

// observe looks at one host now, after its events, when it is back, and every
// resyncEvery.
func (c *Controller) observe(ctx context.Context, name string, e engine.Engine, wake chan struct{}) {
	resync := time.NewTicker(apart(resyncEvery, name))
	defer resync.Stop()
	look := func(resync bool) time.Duration {
		begun := time.Now()
		c.look(ctx, name, e, resync)
		return time.Since(begun)
	}
	back := make(chan struct{}, 1)
	go c.beats(ctx, name, e, back)
	took := look(true)
	for {
		select {
		case <-ctx.Done():
			return
		case <-resync.C:
			took = look(true)
		case <-back:
			took = look(true)
		case <-wake:
			settle(ctx, wake, max(quietCeiling, lookShare*took))
			c.whileFull(ctx, name)
			took = look(false)
		}
	}
}

// apart makes a period up to a quarter shorter, for each host by another bit: a
// thousand hosts must not all be asked in one moment.
func apart(every time.Duration, host string) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(host)) // it never fails
	return every - every/4*time.Duration(h.Sum32()%1000)/1000
}

// whileFull puts off a look while more ops wait for the host than it can take
// at once: whatever the look would let begin would only wait with them, and the
// look would take the host's time from those at work.
func (c *Controller) whileFull(ctx context.Context, name string) {
	for end := time.Now().Add(fullCeiling); c.full(name) && time.Now().Before(end); {
		select {
		case <-time.After(quietGap):
		case <-ctx.Done():
			return
		}
	}
}

// full says whether more tasks are at work on a host than it takes calls.
func (c *Controller) full(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[name]
	return h != nil && c.atWork[name] > 2*execute.CallLimit(int(h.state.Info.NanoCPUs/1e9))
}

// settle waits for a burst of wakes to end.
func settle(ctx context.Context, wake chan struct{}, longest time.Duration) {
	ceiling := time.After(longest)
	for {
		select {
		case <-wake:
		case <-time.After(quietGap):
			return
		case <-ceiling:
			return
		case <-ctx.Done():
			return
		}
	}
}

// look observes a host once and keeps the result.
func (c *Controller) look(ctx context.Context, name string, e engine.Engine, resync bool) {
	c.mu.Lock()
	query := engine.Query{Owner: c.cfg.Owner, Resync: resync}
	if h := c.hosts[name]; h != nil {
		query.Images = h.images
	}
	if c.effective != nil {
		query.DigestKey = c.effective.DigestKey
	}
	c.mu.Unlock()
	started := time.Now()
	bounded, cancel := context.WithTimeout(ctx, observeDeadline)
	state, err := e.Observe(bounded, query)
	cancel()
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[name]
	if h == nil || h.engine != e {
		return
	}
	first, asked := !h.looked, !slices.Equal(h.asked, query.Images)
	news := c.keep(h, state, err, started)
	h.looked, h.asked = true, query.Images
	seen := func(t *task) bool { return h.state.At.After(t.ended) }
	if c.release(name, seen) || news || first || asked {
		c.Wake()
	}
}

// keep takes over a host's report, and says whether there is anything new in it. A
// host that can't be read keeps its last one, marked as unreachable.
func (c *Controller) keep(h *hostState, state model.HostState, err error, at time.Time) (news bool) {
	was := h.state.Reachable
	news = was
	if err != nil {
		h.state.Reachable, h.state.Error, h.state.At = false, err.Error(), at
		if h.state.AwaySince.IsZero() {
			h.state.AwaySince = at
		}
	} else {
		state.Name, state.Reachable, state.Known, state.At, state.Since = h.host.Name, true, true, at, h.state.Since
		if !was {
			state.Since = at
		}
		news = !was || !alike(&h.state, &state)
		h.state = state
		c.making.seen(&state)
		c.save(h)
	}
	switch {
	case was && err != nil:
		c.event(Event{Kind: "failed", Host: h.host.Name, Text: "host gives no answer: " + err.Error()})
	case !was && err == nil:
		c.event(Event{Kind: "host", Host: h.host.Name, Text: "host is reachable"})
	}
	return news
}

// alike says whether two reports tell the same. Times on the controller's clock are
// corrected at each look and say nothing; that a container was started again is
// told by the engine's own time and count.
func alike(a, b *model.HostState) bool {
	return reflect.DeepEqual(timeless(a), timeless(b))
}

func timeless(h *model.HostState) model.HostState {
	t := *h
	t.At, t.Since, t.AwaySince, t.Info.ClockSkew = time.Time{}, time.Time{}, time.Time{}, 0
	t.Containers = slices.Clone(h.Containers)
	for i := range t.Containers {
		c := &t.Containers[i]
		if !c.EngineStart.IsZero() {
			c.StartedAt = time.Time{}
		}
		c.CreatedAt, c.FinishedAt = time.Time{}, time.Time{}
	}
	t.Networks, t.Volumes = slices.Clone(h.Networks), slices.Clone(h.Volumes)
	for i := range t.Networks {
		t.Networks[i].CreatedAt = time.Time{}
	}
	for i := range t.Volumes {
		t.Volumes[i].CreatedAt = time.Time{}
	}
	return t
}
