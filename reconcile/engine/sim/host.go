package sim

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Host is one simulated Docker host.
type Host struct {
	world *World
	name  string
	info  model.HostInfo

	images     map[string]*Image // by reference
	containers []*container      // sorted by name
	byID       map[string]*container
	byName     map[string]*container
	networks   []*network
	twins      bool // see TwinNetworks
	volumes    map[string]*volume
	pulling    map[*pull]bool
	made       int // for ids
	sandboxes  int // networks of containers so far
	chosenPort uint16
	capacity   int
	latency    func(verb string) time.Duration

	version  int       // grows with every change
	next     time.Time // before then nothing changes by itself
	seen     snapshot
	whole    snapshot // as seen, with everybody's containers inspected
	history  []model.HostState
	remember int

	faults   []*Fault
	gone     bool
	silent   bool
	wedges   bool // the next start
	stale    int
	mute     map[string]bool
	watchers map[chan struct{}]bool
}

type network struct {
	id, name, driver string
	owner            model.Ownership
	made             time.Time
}

type volume struct {
	name, driver string
	options      map[string]string
	owner        model.Ownership
	made         time.Time
}

var _ engine.Engine = (*Host)(nil)

// Option changes a host from what it is by default: amd64, 4 CPUs, 8 GiB, no
// images, and no limit.
type Option func(*Host)

// Info is what the host says of itself.
func Info(info model.HostInfo) Option { return func(h *Host) { h.info = info } }

// With gives the host images from the start.
func With(images ...*Image) Option { return func(h *Host) { h.load(images) } }

// Capacity is how many containers can run at once.
func Capacity(n int) Option { return func(h *Host) { h.capacity = n } }

// TwinNetworks makes every network twice, as engines before Docker 25 do when the
// call of a controller that was killed comes through beside its successor's.
func TwinNetworks() Option { return func(h *Host) { h.twins = true } }

// Latency is how long ops take, by their verb, on top of what stopping and
// pulling take anyway.
func Latency(f func(verb string) time.Duration) Option { return func(h *Host) { h.latency = f } }

// Remember keeps the states before the last n changes, for Stale.
func Remember(n int) Option { return func(h *Host) { h.remember = n } }

// Host adds a host to the world.
func (w *World) Host(name string, opts ...Option) *Host {
	h := &Host{
		world: w, name: name,
		info:   model.HostInfo{Version: "20.10.24", APIVersion: "1.41", OS: "linux", Arch: "amd64", NanoCPUs: 4e9, Memory: 8 << 30, LogDriver: "json-file"},
		images: map[string]*Image{}, byID: map[string]*container{}, byName: map[string]*container{},
		volumes:    map[string]*volume{},
		chosenPort: 32768, mute: map[string]bool{}, latency: func(string) time.Duration { return 0 }, next: never(), watchers: map[chan struct{}]bool{},
	}
	for _, n := range []network{{name: defaultNetwork, driver: "bridge"}, {name: "host", driver: "host"}, {name: "none", driver: "null"}} {
		n.id = n.name
		h.networks = append(h.networks, &n)
	}
	for _, opt := range opts {
		opt(h)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if h.remember > 0 {
		h.truth(time.Now())
	}
	w.hosts = append(w.hosts, h)
	slices.SortFunc(w.hosts, func(a, b *Host) int { return cmp.Compare(a.name, b.name) })
	return h
}

// defaultNetwork is the one that a container joins if it names none.
const defaultNetwork = "bridge"

// Name is the host's name.
func (h *Host) Name() string { return h.name }

// Load gives the host images, as a pull would.
func (h *Host) Load(images ...*Image) {
	defer h.lock()()
	h.load(images)
	h.changed()
}

func (h *Host) load(images []*Image) {
	for _, i := range images {
		h.images[i.Ref] = i
	}
}

// Become makes the host one of another architecture.
func (h *Host) Become(arch string) {
	defer h.lock()()
	h.info.Arch = arch
	h.changed()
}

// RemoveImage takes an image off the host.
func (h *Host) RemoveImage(ref string) {
	defer h.lock()()
	gone := h.image(ref)
	maps.DeleteFunc(h.images, func(_ string, i *Image) bool { return i == gone })
	h.changed()
}

// Close does nothing: the host lives on.
func (h *Host) Close() error { return nil }

// lock takes the world's lock and brings the host up to the present. It gives
// the function that unlocks.
func (h *Host) lock() (unlock func()) {
	h.world.mu.Lock()
	h.advance(time.Now())
	return h.world.mu.Unlock
}

// advance lets everything happen that was due until now.
func (h *Host) advance(now time.Time) {
	if now.Before(h.next) {
		return
	}
	h.next = never()
	for _, c := range h.containers {
		for h.step(c, now) {
		}
		h.expect(c, now)
	}
	h.version++
}

// step lets the next thing happen to c that was due until now.
func (h *Host) step(c *container, now time.Time) bool {
	switch c.state {
	case model.StateRestarting:
		if c.restart.After(now) {
			return false
		}
		h.restart(c)
		return true
	case model.StateRunning:
		at, code := c.end()
		if at.After(now) {
			return false
		}
		if at != c.stopAt {
			c.say(at, c.behaviour.ExitLog)
		}
		c.ended(at, code)
		return true
	}
	return false
}

// expect makes sure that advance looks at c in time.
func (h *Host) expect(c *container, now time.Time) {
	if at := c.next(now); at.Before(h.next) {
		h.next = at
	}
}

// changed says that something did, and tells whoever listens.
func (h *Host) changed() {
	h.version++
	if h.remember > 0 {
		h.history = append(h.history, h.whole.state)
		h.history = h.history[max(0, len(h.history)-h.remember):]
		h.truth(time.Now())
	}
	for events := range h.watchers {
		select {
		case events <- struct{}{}:
		default:
		}
	}
}

// newID makes an id that is the same in every run with the same seed.
func (h *Host) newID() string {
	h.made++
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %d", h.world.seed, h.name, h.made))
	return hex.EncodeToString(sum[:])
}

func (h *Host) add(c *container) {
	i, _ := slices.BinarySearchFunc(h.containers, c, byName)
	h.containers = slices.Insert(h.containers, i, c)
	h.byID[c.id], h.byName[c.name] = c, c
}

func (h *Host) drop(c *container) {
	i, _ := slices.BinarySearchFunc(h.containers, c, byName)
	h.containers = slices.Delete(h.containers, i, i+1)
	delete(h.byID, c.id)
	delete(h.byName, c.name)
}

func byName(a, b *container) int { return cmp.Compare(a.name, b.name) }

// find is a container by id or name, or nil.
func (h *Host) find(ref string) *container {
	if c := h.byID[ref]; c != nil {
		return c
	}
	return h.byName[ref]
}
