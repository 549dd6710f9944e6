package reconcile

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/execute"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// hostState is a registered host and its latest report.
type hostState struct {
	host   model.Host
	engine engine.Engine
	state  model.HostState
	looked bool // observed, or tried to, since it was registered
	// leaving says that the host is no longer in the manifests.
	leaving bool
	wake    chan struct{}
	stop    context.CancelFunc
	saved   string // hash of the containers in the journal
	savedAt time.Time
	saving  bool // a write of them is due
	// images are the references that matter, asked those of the last query.
	images, asked []string
}

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
	// saveEvery bounds how often a host's containers are written down: writing
	// competes for the disk with the containers that start.
	saveEvery = 2 * time.Second
)

// followHosts starts and ends observers as hosts come and go in the manifests.
func (c *Controller) followHosts() {
	if c.drain {
		return
	}
	wanted := map[string]bool{}
	for _, h := range c.effective.Hosts {
		wanted[h.Name] = true
		c.followHost(h)
		c.hosts[h.Name].leaving = false
	}
	for _, h := range Leaving(c.effective, c.seen) {
		wanted[h.Name] = true
		c.followHost(h)
		c.hosts[h.Name].leaving = true
	}
	for name, h := range c.hosts {
		if !wanted[name] {
			h.close()
			delete(c.hosts, name)
		}
	}
}

func (c *Controller) followHost(h model.Host) {
	s := c.hosts[h.Name]
	if s == nil {
		s = &hostState{state: model.HostState{Name: h.Name, Error: "not reached yet"}}
		c.hosts[h.Name] = s
	}
	if s.engine != nil && s.host.Endpoint == h.Endpoint && s.host.TLS == h.TLS && s.host.SSH == h.SSH {
		s.host = h
		c.wantImages(s)
		return
	}
	s.close()
	s.host, s.looked = h, false
	s.state.Reachable, s.state.Error = false, "not reached yet"
	e, err := c.cfg.Open(h)
	if err != nil {
		s.looked, s.state.Reachable, s.state.Error = true, false, err.Error()
		return
	}
	wake := make(chan struct{}, 1)
	s.engine, s.wake = e, wake
	c.wantImages(s)
	ctx, cancel := context.WithCancel(c.ctx)
	s.stop = cancel
	go e.Watch(ctx, func() { poke(wake) })
	go c.observe(ctx, h.Name, e, wake)
}

func (s *hostState) close() {
	if s.engine == nil {
		return
	}
	s.stop()
	_ = s.engine.Close() // nothing is written through it
	s.engine = nil
}

func (c *Controller) closeHosts() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.hosts {
		if h.saving {
			c.flush(h)
		}
		h.close()
	}
}

// wantImages notes which images' presence matters on the host, and has it
// looked at again when that changes.
func (c *Controller) wantImages(s *hostState) {
	if !slices.Equal(c.images, s.images) {
		s.images = c.images
		poke(s.wake)
	}
}

// observe looks at one host now, after its events, and every resyncEvery.
func (c *Controller) observe(ctx context.Context, name string, e engine.Engine, wake chan struct{}) {
	resync := time.NewTicker(resyncEvery)
	defer resync.Stop()
	look := func(resync bool) time.Duration {
		begun := time.Now()
		c.look(ctx, name, e, resync)
		return time.Since(begun)
	}
	took := look(true)
	for {
		select {
		case <-ctx.Done():
			return
		case <-resync.C:
			took = look(true)
		case <-wake:
			settle(ctx, wake, max(quietCeiling, lookShare*took))
			c.whileFull(ctx, name)
			took = look(false)
		}
	}
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
	h, n := c.hosts[name], 0
	for _, t := range c.busy {
		if t.ended.IsZero() && slices.Contains(t.hosts, name) {
			n++
		}
	}
	return h != nil && n > 2*execute.CallLimit(int(h.state.Info.NanoCPUs/1e9))
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
	c.keep(h, state, err, started)
	h.looked, h.asked = true, query.Images
	c.releaseEnded()
	c.Wake()
}

// keep takes over a host's report. A host that can't be read keeps its last
// one, marked as unreachable.
func (c *Controller) keep(h *hostState, state model.HostState, err error, at time.Time) {
	was := h.state.Reachable
	if err != nil {
		h.state.Reachable, h.state.Error, h.state.At = false, err.Error(), at
	} else {
		state.Name, state.Reachable, state.Known, state.At, state.Since = h.host.Name, true, true, at, h.state.Since
		if !was {
			state.Since = at
		}
		h.state = state
		c.save(h)
	}
	switch {
	case was && err != nil:
		c.event(Event{Kind: "failed", Host: h.host.Name, Text: "host is unreachable: " + err.Error()})
	case !was && err == nil:
		c.event(Event{Kind: "host", Host: h.host.Name, Text: "host is reachable"})
	}
}

// save keeps in the journal which containers and volumes of ours the host has, so
// that a controller that starts while the host is away knows of them. Of volumes
// it is their names: their options may hold a password.
func (c *Controller) save(h *hostState) {
	seen := SeenHost{Host: h.host}
	for i := range h.state.Containers {
		if k := &h.state.Containers[i]; k.OwnedBy(c.cfg.Owner, c.isKnown) {
			seen.Containers = append(seen.Containers, model.Container{Host: h.host.Name, ID: k.ID, Name: k.Owner.Name, Owner: k.Owner})
		}
	}
	held := c.source.desired.Held()
	for _, v := range h.state.Volumes {
		if v.Owner.Owner == c.cfg.Owner || held[v.Name] {
			seen.Volumes = append(seen.Volumes, model.VolumeState{Name: v.Name, Owner: v.Owner})
		}
	}
	c.know(seen)
	if wait := saveEvery - time.Since(h.savedAt); wait <= 0 {
		c.flush(h)
	} else if !h.saving {
		h.saving = true
		time.AfterFunc(wait, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.flush(h)
		})
	}
}

// flush writes down what is known of a host's containers, if it has changed.
func (c *Controller) flush(h *hostState) {
	h.saving = false
	seen := c.seen[h.host.Name]
	hash := model.Hash(seen)
	if hash == h.saved {
		return
	}
	h.savedAt = time.Now()
	if err := c.cfg.Journal.Host(seen); err != nil {
		c.cfg.Log.Error("journal the host", "host", h.host.Name, "error", err)
		return
	}
	h.saved = hash
}

// know takes over which containers of ours a host has.
func (c *Controller) know(seen SeenHost) {
	for _, k := range c.seen[seen.Host.Name].Containers {
		delete(c.known, k.ID)
	}
	for _, k := range seen.Containers {
		c.known[k.ID] = true
	}
	c.seen[seen.Host.Name] = seen
}

func (c *Controller) isKnown(id string) bool { return c.known[id] }

// looked says whether every host has answered, or has had its chance to, since
// the controller started. Before that, a replica might seem to be missing that
// is only not seen yet. A host that is registered later holds up nobody.
func (c *Controller) looked() bool {
	for _, h := range c.hosts {
		if !h.looked && !c.warm {
			return false
		}
	}
	c.warm = true
	return true
}

// live is what the hosts reported last.
func (c *Controller) live() *model.Live {
	live := &model.Live{Hosts: make([]model.HostState, 0, len(c.hosts))}
	for _, name := range slices.Sorted(maps.Keys(c.hosts)) {
		h := c.hosts[name]
		if h.leaving && !h.state.Reachable {
			continue // gone for good, as far as anybody can tell; nothing waits for it
		}
		state := h.state
		state.Unasked = h.unasked()
		if h.engine != nil {
			state.Pulls = h.engine.Pulls()
		}
		live.Hosts = append(live.Hosts, state)
	}
	Unalias(live)
	FoldPods(live, c.cfg.Owner, c.isKnown)
	return live
}

// Unalias looks for hosts that are one engine under two names, and leaves only
// the first of them: through the second one the same containers would be taken
// for others, and removed as surplus.
func Unalias(live *model.Live) {
	first := map[string]string{}
	for i := range live.Hosts {
		h := &live.Hosts[i]
		for j := range h.Containers {
			id := h.Containers[j].ID
			if other := first[id]; other != "" && other != h.Name && h.Reachable {
				h.Reachable, h.Containers, h.Volumes = false, nil, nil
				h.Error = "is the same engine as host " + other + "; register it once"
				break
			}
			first[id] = h.Name
		}
	}
}

// unasked are the images that a commit brought up since the last look.
func (s *hostState) unasked() []string {
	if slices.Equal(s.images, s.asked) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.images), func(ref string) bool { return slices.Contains(s.asked, ref) })
}
