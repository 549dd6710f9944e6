package state

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile"
)

func event(n int) reconcile.Event { return reconcile.Event{Kind: "op", Text: fmt.Sprint(n)} }

// numbered fails unless the events count up from first.
func numbered(t *testing.T, events []reconcile.Event, first, n int) {
	t.Helper()
	if len(events) != n {
		t.Fatalf("%d events, expected %d", len(events), n)
	}
	for i, e := range events {
		if e.Text != fmt.Sprint(first+i) {
			t.Fatalf("event %d is %q, expected %d", i, e.Text, first+i)
		}
	}
}

func TestEventsAreKeptInOrder(t *testing.T) {
	s := open(t, t.TempDir())
	for n := range 500 {
		check1(t, s.Event(event(n)))
	}
	events, err := s.Events(1000) // also those that are not written yet
	check1(t, err)
	numbered(t, events, 0, 500)
	check1(t, s.Event(event(500)))
	events, err = reopened(t, s).Events(3) // closing writes them all
	check1(t, err)
	numbered(t, events, 498, 3)
}

func TestEventsForgetTheOldest(t *testing.T) {
	s := open(t, t.TempDir())
	for n := range keptEvents + 100 {
		check1(t, s.Event(event(n)))
		if n%1000 == 0 {
			check1(t, s.flush())
		}
	}
	events, err := s.Events(2 * keptEvents)
	check1(t, err)
	numbered(t, events, 100, keptEvents)
}

func TestAClosedStoreTakesNoEvents(t *testing.T) {
	s := open(t, t.TempDir())
	check1(t, s.Close())
	if s.Event(event(1)) == nil {
		t.Error("an event was taken that nobody will write")
	}
}

func TestFollowingMissesNothingAndRepeatsNothing(t *testing.T) {
	s := open(t, t.TempDir())
	const before, in, after = 50, 100, 50
	for n := range before {
		check1(t, s.Event(event(n)))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []reconcile.Event
	var wg sync.WaitGroup
	started := make(chan struct{})
	wg.Go(func() {
		err := s.Follow(ctx, 1000, func(e reconcile.Event) error {
			if got = append(got, e); len(got) == 1 {
				close(started)
			}
			if len(got) == before+in+after {
				cancel()
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	for n := range in {
		check1(t, s.Event(event(before+n)))
	}
	<-started
	for n := range after {
		check1(t, s.Event(event(before+in+n)))
	}
	wg.Wait()
	numbered(t, got, 0, before+in+after)
}

func TestFollowingBeginsWithTheLastOnes(t *testing.T) {
	s := open(t, t.TempDir())
	for n := range 10 {
		check1(t, s.Event(event(n)))
	}
	enough := errors.New("enough")
	var got []reconcile.Event
	err := s.Follow(t.Context(), 2, func(e reconcile.Event) error {
		if got = append(got, e); len(got) == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Error(err)
	}
	numbered(t, got, 8, 2)
}

func TestFollowersEndWithTheStore(t *testing.T) {
	s := open(t, t.TempDir())
	check1(t, s.Event(event(0)))
	following, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.Follow(t.Context(), 1, func(reconcile.Event) error { close(following); return nil })
	}()
	<-following
	check1(t, s.Close())
	check1(t, <-ended)
}

func TestAFollowerThatSleepsHoldsUpNobody(t *testing.T) {
	s := open(t, t.TempDir())
	check1(t, s.Event(event(0)))
	asleep, wake := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		var once sync.Once
		ended <- s.Follow(t.Context(), 1, func(reconcile.Event) error {
			once.Do(func() { close(asleep); <-wake })
			return nil
		})
	}()
	<-asleep
	for n := range 2 * listenerRoom {
		check1(t, s.Event(event(n+1)))
	}
	close(wake)
	check1(t, <-ended) // let go of, after what it had room for
	events, err := s.Events(10 * listenerRoom)
	check1(t, err)
	numbered(t, events, 0, 2*listenerRoom+1)
}
