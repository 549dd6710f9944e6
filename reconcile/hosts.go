package reconcile

import (
	"context"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
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

// followHosts starts and ends observers as hosts come and go in the manifests.
func (c *Controller) followHosts() {
	if c.drain {
		return
	}
	c.handOver()
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
		s = &hostState{state: model.HostState{Name: h.Name, Error: model.NotReachedYet}}
		c.hosts[h.Name] = s
	}
	if s.engine != nil && s.host.Endpoint == h.Endpoint && s.host.TLS == h.TLS && s.host.SSH == h.SSH {
		s.host = h
		c.wantImages(s)
		return
	}
	if s.state.AwaySince.IsZero() || s.host.Endpoint != h.Endpoint {
		s.state.AwaySince = time.Now() // else it is tried again, and has been away all along
	}
	s.close()
	s.host, s.looked = h, false
	s.state.Reachable, s.state.Error = false, model.NotReachedYet
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
