package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tallyman-io/tallyman/reconcile"
)

const (
	// flushAfter is how long an event may wait for others to be written with.
	flushAfter = time.Second
	// maxPending bounds the events in memory when the disk takes none.
	maxPending = keptEvents
	// listenerRoom is how far a listener may fall behind.
	listenerRoom = 1024
)

// Event adds to the log of what was done. It returns at once: the event is on
// disk a moment later, and at the latest when the store is closed.
func (s *Store) Event(e reconcile.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("log event: the journal is closed")
	}
	s.pending = append(s.pending, e)
	if len(s.pending) > maxPending {
		s.pending = s.pending[len(s.pending)-maxPending:]
	}
	s.tell(e)
	select {
	case s.kick <- struct{}{}:
	default:
	}
	return nil
}

// tell hands the event to all listeners. One that does not keep up is let go
// of, rather than waited for.
func (s *Store) tell(e reconcile.Event) {
	for ch := range s.listeners {
		select {
		case ch <- e:
		default:
			delete(s.listeners, ch)
			close(ch)
		}
	}
}

func (s *Store) flushLoop() {
	defer close(s.stopped)
	for {
		select {
		case <-s.stop:
			return
		case <-s.kick:
		}
		select {
		case <-s.stop:
			return
		case <-time.After(flushAfter):
		}
		if err := s.flush(); err != nil {
			s.log.Error("write the log of events", "error", err)
		}
	}
}

// flush writes what is pending in one go. What can't be written is kept for
// the next time.
func (s *Store) flush() error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.Lock()
	batch := slices.Clone(s.pending)
	s.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	if err := s.update("write events", func(tx *bbolt.Tx) error { return writeEvents(tx, batch) }); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = s.pending[min(len(batch), len(s.pending)):]
	return nil
}

func writeEvents(tx *bbolt.Tx, events []reconcile.Event) error {
	b, err := tx.CreateBucketIfNotExists(bucketEvents)
	if err != nil {
		return err
	}
	for _, e := range events {
		data, err := json.Marshal(e)
		if err != nil {
			return err
		}
		n, err := b.NextSequence()
		if err != nil {
			return err
		}
		if err := b.Put(numberKey(n), data); err != nil {
			return err
		}
	}
	return forgetBefore(b, b.Sequence())
}

// forgetBefore deletes the events that are too far behind the newest one.
func forgetBefore(b *bbolt.Bucket, newest uint64) error {
	if newest <= keptEvents {
		return nil
	}
	first := numberKey(newest - keptEvents + 1)
	var old [][]byte
	c := b.Cursor()
	for k, _ := c.First(); k != nil && bytes.Compare(k, first) < 0; k, _ = c.Next() {
		old = append(old, bytes.Clone(k))
	}
	for _, k := range old {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// Events are the last n events, oldest first.
func (s *Store) Events(n int) ([]reconcile.Event, error) {
	if s.stop != nil {
		if err := s.flush(); err != nil {
			return nil, err
		}
	}
	events := []reconcile.Event{}
	err := s.view(func(tx *bbolt.Tx) error {
		newest, err := last[reconcile.Event](tx.Bucket(bucketEvents), n)
		slices.Reverse(newest)
		events = append(events, newest...)
		return err
	})
	return events, err
}

// Follow hands over the last n events and then each new one, until ctx ends,
// the store is closed or use returns an error.
func (s *Store) Follow(ctx context.Context, n int, use func(reconcile.Event) error) error {
	events, ch, err := s.listen(n)
	if err != nil {
		return err
	}
	defer s.forgetListener(ch)
	for _, e := range events {
		if err := use(e); err != nil {
			return err
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, open := <-ch:
			if !open {
				return nil
			}
			if err := use(e); err != nil {
				return err
			}
		}
	}
}

// listen gives the events so far and a channel for those after them, none
// missing and none twice: everything pending is written while nobody can add.
func (s *Store) listen(n int) ([]reconcile.Event, chan reconcile.Event, error) {
	if err := s.flush(); err != nil {
		return nil, nil, err
	}
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	events := []reconcile.Event{}
	err := s.view(func(tx *bbolt.Tx) error {
		newest, err := last[reconcile.Event](tx.Bucket(bucketEvents), n)
		slices.Reverse(newest)
		events = append(append(events, newest...), s.pending...)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	ch := make(chan reconcile.Event, listenerRoom)
	if s.closed {
		close(ch)
	} else {
		s.listeners[ch] = true
	}
	return events[max(0, len(events)-n):], ch, nil
}

func (s *Store) forgetListener(ch chan reconcile.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, ch)
}

func (s *Store) dropListeners() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.listeners {
		delete(s.listeners, ch)
		close(ch)
	}
}
