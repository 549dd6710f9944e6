package reconcile

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// What `make soak` says. Without it the soak is a short one, of seeds that are
// the same every time.
var (
	soakTime = flag.Duration("soak.time", 0, "go on with new seeds for so long")
	soakSeed = flag.Uint64("soak.seed", 0, "replay this seed, or begin with it")
	soakOnly = flag.Bool("soak.replay", false, "run the seed and no other")
)

// shortSoak is how many seeds every test run has.
const shortSoak = 12

// TestSoak lets a fleet live through commits and everything that may go wrong
// with hosts and controllers, at random. At every effect the invariants of
// ARCHITECTURE.md are checked as far as they can be; in the end, when all hosts
// are back, all must be as the last commit says, stay so without one further op,
// and be what a fresh start makes of that commit.
//
// A seed decides the events. The order of goroutines it does not decide, so a
// failure may need a few replays to show again.
func TestSoak(t *testing.T) {
	seed := max(*soakSeed, 1)
	if *soakTime == 0 && !*soakOnly {
		for n := range uint64(shortSoak) {
			soakRun(t, seed+n)
		}
		return
	}
	for end := time.Now().Add(*soakTime); ; seed++ {
		soakRun(t, seed)
		if t.Failed() || *soakOnly || time.Now().After(end) {
			return
		}
	}
}

// TestSeedsThatFailedOnce lives again through what went wrong once:
//
//	77021  a host was cordoned before it showed a volume that it had made, and
//	       another one made a second
func TestSeedsThatFailedOnce(t *testing.T) {
	for _, seed := range []uint64{77021} {
		soakRun(t, seed)
	}
}

// soakRun lives through one seed. One that fails is made shorter before it is told.
func soakRun(t *testing.T, seed uint64) {
	s := newScript(seed)
	began := time.Now()
	problems := s.attempt(t)
	if *soakTime > 0 || *soakOnly {
		t.Logf("seed %d: %d hosts, %d apps, %d events, in %s", seed, s.hosts, s.apps, len(s.events), time.Since(began).Round(time.Millisecond))
	}
	if len(problems) == 0 {
		return
	}
	short := s.shrunk(t)
	t.Errorf("seed %d: %s\n\nreplay it with\n    make soak SEED=%d\nevents that still fail, %d of %d:\n%s",
		seed, strings.Join(problems, "\n"), seed, len(short.events), len(s.events), short)
}

// attempt is one life of the script; it gives what was wrong about it.
func (s *script) attempt(t *testing.T) (problems []string) {
	var last fstest.MapFS
	var got []string
	name := fmt.Sprintf("seed=%d", s.seed)
	t.Run(name, func(t *testing.T) {
		simulateQuietly(t, s.hosts, func(w *world) {
			l := newLife(w, s)
			w.sim.Check(l.check)
			for _, e := range s.events {
				l.live(e)
			}
			last = l.settle()
			got = l.summary()
			problems = l.problems()
		})
	})
	if len(problems) > 0 {
		return problems
	}
	simulateQuietly(t, s.hosts, func(w *world) {
		l := newLife(w, s)
		w.branch.commit(last)
		if why := l.converge(); why != "" {
			problems = append(problems, "a fresh start: "+why)
			return
		}
		if want := l.summary(); strings.Join(got, "\n") != strings.Join(want, "\n") {
			problems = append(problems, fmt.Sprintf("the end differs from a fresh start's; only in one of them:\n%s", differing(got, want)))
		}
	})
	return problems
}

// shrunk is the script with as few events as still fail: halves, then quarters
// and so on are left out.
func (s *script) shrunk(t *testing.T) *script {
	const tries = 60
	left := tries
	for size := len(s.events) / 2; size > 0; size /= 2 {
		for from := 0; from < len(s.events) && left > 0; left-- {
			shorter := *s
			shorter.events = append(append([]event(nil), s.events[:from]...), s.events[min(from+size, len(s.events)):]...)
			if len(shorter.attempt(t)) > 0 {
				s = &shorter
			} else {
				from += size
			}
		}
	}
	return s
}
