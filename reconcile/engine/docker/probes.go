package docker

import (
	"cmp"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
)

// probes tell whether the engine still runs the health checks of its containers.
// One that was restarted with live-restore does not before version 23: what it
// said of their health then it says for ever (moby issue 41871). Only its silence
// shows that, so the last probe of each container is remembered with the moment
// when it was first seen. That moment is our own: no clocks are compared.
type probes struct {
	mu   sync.Mutex
	seen map[string]probe // by container id
}

type probe struct {
	last     string // what the engine says of the start and of the last probe
	since    time.Time
	patience time.Duration // until the next one
	awaited  bool          // somebody waits for the first good one
}

// The engine's own values for what a health check leaves open, and how much later
// than it should a probe may come on a busy host.
const (
	defaultInterval = 30 * time.Second
	defaultTimeout  = 30 * time.Second
	defaultRetries  = 3
	probeSlack      = 5 * time.Second
)

// overdue notes how the container was seen, and says whether its next probe should
// have come by now.
func (p *probes) overdue(raw *container.InspectResponse, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !checked(raw) {
		delete(p.seen, raw.ID)
		return false
	}
	last := lastProbe(raw.State)
	known, ok := p.seen[raw.ID]
	if !ok || known.last != last {
		if p.seen == nil {
			p.seen = map[string]probe{}
		}
		p.seen[raw.ID] = probe{last, now, patience(raw.Config.Healthcheck), raw.State.Health.Status == container.Starting}
		return false
	}
	return known.overdue(now)
}

func (p *probe) overdue(now time.Time) bool { return now.Sub(p.since) > p.patience }

// missed are the containers whose first good probe is awaited and overdue; each is
// told once.
func (p *probes) missed(now time.Time) (ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, known := range p.seen {
		if known.awaited && known.overdue(now) {
			known.awaited = false
			p.seen[id] = known
			ids = append(ids, id)
		}
	}
	return ids
}

// checked says whether the engine should be running a health check now.
func checked(raw *container.InspectResponse) bool {
	s := raw.State
	return s.Running && !s.Paused && !s.Restarting && s.Health != nil && s.Health.Status != container.NoHealthcheck
}

func lastProbe(s *container.State) string {
	if n := len(s.Health.Log); n > 0 && s.Health.Log[n-1] != nil {
		return s.StartedAt + " " + s.Health.Log[n-1].End.Format(time.RFC3339Nano)
	}
	return s.StartedAt
}

// patience is how long it may take from one result of a health check to the next.
func patience(check *container.HealthConfig) time.Duration {
	if check == nil {
		check = &container.HealthConfig{}
	}
	return cmp.Or(check.Interval, defaultInterval) + cmp.Or(check.Timeout, defaultTimeout) + probeSlack
}

// forget begins anew with a container.
func (p *probes) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.seen, id)
}

// forgetAll begins anew with all: the engine, or the way to it, was away, and
// nobody was there to be seen.
func (p *probes) forgetAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.seen)
}

// retain forgets containers that are gone.
func (p *probes) retain(wanted func(id string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.seen {
		if !wanted(id) {
			delete(p.seen, id)
		}
	}
}
