package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// guard holds a life to what must be true at every effect.
type guard struct {
	life *life
	mu   sync.Mutex
	// since is when a host fell silent, by name; lately when anything was last done
	// to the fleet that a controller can't have known of yet.
	since    map[string]time.Time
	silences []silence // all there were
	lately   time.Time
	began    []time.Time // starts of controllers
	foreign  map[string]model.State
}

// silence is a time in which a host gave no answer; end is zero while it lasts.
type silence struct {
	host       string
	begin, end time.Time
}

// unaware is how long after something happened a controller may act on what was
// true before.
const unaware = time.Minute

func newGuard(l *life) *guard {
	return &guard{life: l, since: map[string]time.Time{}, began: []time.Time{time.Now()}, foreign: map[string]model.State{}}
}

func (g *guard) touched() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lately = time.Now()
}

func (g *guard) restarted() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.began = append(g.began, time.Now())
	g.lately = time.Now()
}

func (g *guard) silent(i int, silent bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name := fmt.Sprintf("host-%d", i+1)
	g.lately = time.Now()
	switch {
	case !silent && !g.since[name].IsZero():
		delete(g.since, name)
		for n := range g.silences {
			if q := &g.silences[n]; q.host == name && q.end.IsZero() {
				q.end = time.Now()
			}
		}
	case silent && g.since[name].IsZero():
		g.since[name] = time.Now()
		g.silences = append(g.silences, silence{host: name, begin: time.Now()})
	}
}

// check is what must hold after every single effect.
func (l *life) check(call sim.Call, live model.Live) error {
	if err := oneHolder(call, live); err != nil {
		return err
	}
	if err := l.guard.untouched(call, live); err != nil {
		return err
	}
	return l.guard.floor(call, live)
}

// untouched: what is not ours is as it was when it was first seen.
func (g *guard) untouched(call sim.Call, live model.Live) error {
	for _, h := range live.Hosts {
		if h.Name != call.Host {
			continue
		}
		found := map[string]bool{}
		for _, c := range h.Containers {
			if c.Name != "foreign" && c.Name != "copy" {
				continue
			}
			found[c.Name] = true
			g.foreign[h.Name+"/"+c.Name] = c.State
		}
		for _, name := range []string{"foreign", "copy"} {
			if g.foreign[h.Name+"/"+name] != "" && !found[name] {
				return fmt.Errorf("after %s on %s the container %q is gone, which is not ours", model.Verb(call.Op), h.Name, name)
			}
		}
	}
	return nil
}

// floor: a healthy replica is stopped only when its successor is healthy, unless
// the service is stop-first; then its parallelism, one, may be away. Right after
// something happened the controller can't know better.
func (g *guard) floor(call sim.Call, live model.Live) error {
	stop, ok := call.Op.(model.StopContainer)
	g.mu.Lock()
	quiet := time.Since(g.lately) > unaware && len(g.since) == 0
	g.mu.Unlock()
	if !ok || call.Effect == 0 || !quiet {
		return nil
	}
	var stopped model.Ownership
	slots := map[string]bool{}
	for _, h := range live.Hosts {
		for _, c := range h.Containers {
			if c.ID == stop.ID {
				stopped = c.Owner
			}
		}
	}
	wanted := g.life.replicas(stopped.Service)
	if wanted == 0 || g.life.desired(stopped.Service) == nil || !g.life.believedHealthy(call.Host, stop.ID) {
		return nil // it served nobody, as far as the controller knew
	}
	for _, h := range live.Hosts {
		for _, c := range h.Containers {
			if c.Owner.Service == stopped.Service && c.Owner.Owner == owner && c.State == model.StateRunning && c.Health == model.HealthHealthy {
				slots[c.Owner.Slot] = true
			}
		}
	}
	floor := wanted
	if s := g.life.desired(stopped.Service); s.Update.Order == model.OrderStopFirst || len(s.Holds) > 0 {
		floor = wanted - 1
	}
	if !slots[stopped.Slot] && len(slots) < floor && atoi(stopped.Slot) <= wanted {
		return fmt.Errorf("%s: after the stop of %s on %s, which nobody had touched for %s, %d of %d replicas are healthy, at least %d should be",
			time.Now().Format("15:04:05"), stopped.Name, call.Host, unaware, len(slots), wanted, floor)
	}
	return nil
}

func atoi(s string) (n int) {
	_, _ = fmt.Sscan(s, &n)
	return n
}

// desired is a service as the branch's head has it. It is read without the
// controller's lock, which may be held by who waits for this very effect.
func (l *life) desired(name string) *model.Service {
	c := l.running
	if !c.mu.TryLock() {
		return nil
	}
	defer c.mu.Unlock()
	if c.effective == nil {
		return nil
	}
	for i := range c.effective.Apps {
		for j := range c.effective.Apps[i].Services {
			if s := &c.effective.Apps[i].Services[j]; s.Name == name {
				copied := *s
				return &copied
			}
		}
	}
	return nil
}

// believedHealthy is what the controller saw last of a container.
func (l *life) believedHealthy(host, id string) bool {
	c := l.running
	if !c.mu.TryLock() {
		return false
	}
	defer c.mu.Unlock()
	h := c.hosts[host]
	return h != nil && slices.ContainsFunc(h.state.Containers, func(k model.Container) bool { return k.ID == id && k.Health == model.HealthHealthy })
}

func (l *life) replicas(name string) int {
	if s := l.desired(name); s != nil {
		return s.Replicas
	}
	return 0
}

// evictions are hosts that were given up too soon, too many per minute or in a
// mass loss, as the events tell.
func (g *guard) evictions() (wrong []string) {
	l := g.life
	l.journal.mu.Lock()
	defer l.journal.mu.Unlock()
	fleet := model.DefaultFleet()
	var given []Event
	for _, e := range l.journal.events {
		if e.Kind != "failed" || !strings.HasPrefix(e.Text, "host is lost") {
			continue
		}
		at := e.Time.Format("15:04:05")
		if n := len(given) - fleet.EvictionRate; n >= 0 && e.Time.Sub(given[n].Time) < time.Minute {
			wrong = append(wrong, fmt.Sprintf("more than %d hosts were given up within a minute, at %s", fleet.EvictionRate, at))
		}
		for _, began := range g.began {
			if since := e.Time.Sub(began); since >= 0 && since < fleet.WarmUp-time.Second {
				wrong = append(wrong, fmt.Sprintf("%s was given up %s after a controller began", e.Host, since))
			}
		}
		if away, all := g.awayAt(e.Time, given); away > fleet.EvictionThreshold.Down(all) {
			wrong = append(wrong, fmt.Sprintf("%s was given up at %s, when %d of %d hosts were away together", e.Host, at, away, all))
		}
		given = append(given, e)
	}
	return wrong
}

// noticed is how long it takes at the most until a controller knows that a host is
// away: two signs of life, and their deadline.
const noticed = beatEvery + beatDeadline + 3*time.Second

// awayAt counts the hosts that had been away for so long that any controller knew,
// of all that were not given up before in the same silence.
func (g *guard) awayAt(at time.Time, given []Event) (away, all int) {
	all = g.life.script.hosts
	for _, q := range g.silences {
		if q.begin.After(at.Add(-noticed)) || !q.end.IsZero() && q.end.Before(at) {
			continue
		}
		away++
		if slices.ContainsFunc(given, func(e Event) bool { return e.Host == q.host && e.Time.After(q.begin) && e.Time.Before(at) }) {
			away, all = away-1, all-1
		}
	}
	return away, all
}
