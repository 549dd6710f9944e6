package sim

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// World is a number of hosts and what they share. One lock guards all of it,
// so what a check sees is one moment of the whole.
type World struct {
	mu       sync.Mutex
	seed     uint64
	random   *rand.Rand
	hosts    []*Host
	registry map[string]*Image // by tag, and by digest
	down     bool              // the registry
	offer    func(ref string) *Image
	asked    int
	// askedPlatforms is about digests, and asked about references.
	askedPlatforms int
	specs          map[specKey]sharedSpec
	calls          []Call
	silent         bool // about calls
	effects        int

	mortal    bool // the controller dies after left more effects
	left      int
	lastReply bool
	dead      chan struct{}

	check      func(Call, model.Live) error
	violations []error
}

// Call is one op that a controller asked for.
type Call struct {
	Host string
	At   time.Time
	Op   model.Op
	// Effect counts, from one, the calls that changed something; this one did
	// not when it is 0.
	Effect int
	// Err is what the host had to say; the caller may have heard something
	// else, or nothing, if a fault was injected.
	Err error
}

// ErrDied is what every call of a controller that has died answers.
var ErrDied = errors.New("the controller died")

// NewWorld makes a world without hosts. The seed decides ids, and faults that
// are injected by chance.
func NewWorld(seed uint64) *World {
	return &World{
		seed: seed, random: rand.New(rand.NewPCG(seed, 0)), registry: map[string]*Image{},
		specs: map[specKey]sharedSpec{}, dead: make(chan struct{}),
	}
}

// New makes a world of one host.
func New(name string, opts ...Option) *Host { return NewWorld(1).Host(name, opts...) }

// World is the world that the host is in.
func (h *Host) World() *World { return h.world }

// On is the host of a name, or nil.
func (w *World) On(name string) *Host {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.hosts {
		if h.name == name {
			return h
		}
	}
	return nil
}

// Publish makes an image pullable from every host. A reference that is
// published again has moved: hosts that have it keep the old image until they
// pull.
func (w *World) Publish(images ...*Image) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, i := range images {
		w.registry[i.Ref], w.registry[i.canonical()] = i, i
	}
}

// Unpublish takes a reference out of reach. What it stood for can still be had
// by its digest.
func (w *World) Unpublish(ref string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.registry, ref)
}

// Calls are all ops so far, in the order in which they were answered.
func (w *World) Calls() []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Call(nil), w.calls...)
}

// Forget empties the log of calls, which otherwise keeps every spec that was
// ever asked for.
func (w *World) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = nil
}

// KeepCalls says whether the log of calls is kept, as it is unless somebody says
// otherwise.
func (w *World) KeepCalls(keep bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent = !keep
}

// Effects is how many calls have changed something.
func (w *World) Effects() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.effects
}

// DieAfter lets n more calls change something, on whatever hosts, and then
// kills the controller: every later call answers ErrDied. With lastReply the
// caller still hears of the nth effect; without, it took place and the caller
// never knew.
func (w *World) DieAfter(n int, lastReply bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mortal, w.left, w.lastReply = true, n, lastReply
	w.dead = make(chan struct{})
	if n <= 0 {
		close(w.dead)
	}
}

// Revive brings in a new controller, which does not die.
func (w *World) Revive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mortal = false
	w.dead = make(chan struct{})
}

// Dead is closed when the controller dies; ask again after DieAfter or Revive.
func (w *World) Dead() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dead
}

// Check has a function look at the true state of all hosts after every effect.
// What it objects to is kept in Violations. It must not call the world.
func (w *World) Check(f func(Call, model.Live) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.check = f
}

// Violations are the objections of the check.
func (w *World) Violations() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]error(nil), w.violations...)
}

// Live is the true state of all hosts, whatever faults are injected.
func (w *World) Live() model.Live {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.truth(time.Now())
}

func (w *World) truth(now time.Time) model.Live {
	live := model.Live{Hosts: make([]model.HostState, 0, len(w.hosts))}
	for _, h := range w.hosts {
		live.Hosts = append(live.Hosts, h.truth(now))
	}
	return live
}

// died says whether the controller is dead.
func (w *World) died() bool { return w.mortal && w.left <= 0 }

// record notes the answer to a call, and gives the error that the caller
// hears if the call was the controller's last.
func (w *World) record(h *Host, op model.Op, changed bool, err error) error {
	call := Call{Host: h.name, At: time.Now(), Op: op, Err: err}
	if changed {
		w.effects++
		call.Effect = w.effects
	}
	if !w.silent {
		w.calls = append(w.calls, call)
	}
	if !changed {
		return nil
	}
	if w.check != nil {
		if objection := w.check(call, w.truth(call.At)); objection != nil {
			w.violations = append(w.violations, objection)
		}
	}
	return w.age()
}

// age brings the controller one effect nearer to its death.
func (w *World) age() error {
	if !w.mortal {
		return nil
	}
	if w.left--; w.left > 0 {
		return nil
	}
	if w.left == 0 {
		close(w.dead)
		if w.lastReply {
			return nil
		}
	}
	return ErrDied
}
