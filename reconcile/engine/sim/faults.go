package sim

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
)

// Fault makes calls to a host go wrong. Exactly one of Class, Hang and
// LoseReply is set.
type Fault struct {
	// Verb is the op's as model.Verb gives it, or observe, or logs; empty is
	// every op.
	Verb string
	// About is a part of what the call says that it does, such as a
	// container's name; empty is everything.
	About string

	Class     engine.Class // fails with it, and nothing happens
	Hang      bool         // does not answer until the caller gives up, and nothing happens
	LoseReply bool         // it happens, and the caller is told Timeout

	Times  int     // how often; 0 is until the fault is taken back
	Chance float64 // of each call, 0 to 1; 0 is every call
}

// Inject makes a fault happen to calls from now on, and gives the function
// that takes it back.
func (h *Host) Inject(f Fault) (remove func()) {
	defer h.lock()()
	injected := &f
	h.faults = append(h.faults, injected)
	return func() {
		defer h.lock()()
		h.forget(injected)
	}
}

func (h *Host) forget(f *Fault) {
	h.faults = slices.DeleteFunc(h.faults, func(other *Fault) bool { return other == f })
}

// SetGone takes the host away, or brings it back: no call reaches it, while
// its containers run on.
func (h *Host) SetGone(gone bool) {
	defer h.lock()()
	h.gone = gone
	h.changed()
}

// Silence drops all events from now on, or no more.
func (h *Host) Silence(silent bool) {
	defer h.lock()()
	h.silent = silent
}

// Stale makes observers see the host as it was n changes ago; 0 is the
// present. The host must be made with Remember(n) or more.
func (h *Host) Stale(n int) {
	defer h.lock()()
	h.stale = n
}

// WedgeNext makes the engine end in the middle of the next start, and lose track
// of it: what it was to start can't be started any more.
func (h *Host) WedgeNext() {
	defer h.lock()()
	h.wedges = true
}

// MuteInspect makes a container not answer its inspect, or answer again.
func (h *Host) MuteInspect(name string, mute bool) {
	defer h.lock()()
	h.mute[name] = mute
	h.changed()
}

// hit is the first fault of a kind that strikes the call, or nil.
func (h *Host) hit(verb, doing string, kind func(*Fault) bool) *Fault {
	for _, f := range h.faults {
		if !kind(f) || !f.concerns(verb, doing) || f.Chance > 0 && h.world.random.Float64() >= f.Chance {
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				h.forget(f)
			}
		}
		return f
	}
	return nil
}

func (f *Fault) concerns(verb, doing string) bool {
	isOp := verb != "observe" && verb != "logs"
	return (f.Verb == verb || f.Verb == "" && isOp) && strings.Contains(doing, f.About)
}

func (f *Fault) before() bool { return !f.LoseReply }
func (f *Fault) after() bool  { return f.LoseReply }

// pass lets a call through to the host, or says what stopped it.
func (h *Host) pass(ctx context.Context, verb, doing string) error {
	f, err := h.gate(verb, doing)
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return h.fail(doing, engine.Timeout, ctx.Err())
	case f == nil:
		return nil
	case f.Hang:
		<-ctx.Done()
		return h.fail(doing, engine.Timeout, ctx.Err())
	}
	return h.fail(doing, f.Class, errors.New("injected fault"))
}

func (h *Host) gate(verb, doing string) (*Fault, error) {
	defer h.lock()()
	if err := h.reachable(doing); err != nil {
		return nil, err
	}
	return h.hit(verb, doing, (*Fault).before), nil
}

func (h *Host) reachable(doing string) error {
	switch {
	case h.world.died():
		return h.fail(doing, engine.Unreachable, ErrDied)
	case h.gone:
		return h.fail(doing, engine.Unreachable, errors.New("no route to host"))
	}
	return nil
}

func (h *Host) fail(doing string, class engine.Class, err error) error {
	return &engine.Error{Class: class, Doing: doing, Host: h.name, Err: err}
}

// sleep waits, or gives false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
