package state

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// entry is what is kept of an app: its newest rollout, and beside it what the
// app is held to.
type entry struct {
	rollout.Record
	Standing rollout.Standing `json:"standing,omitzero"`
}

// Record keeps the newest state of an app's rollout and what it is held to. A
// rollout with another start is another entry of the app's history, of which the
// last ones are kept.
func (s *Store) Record(r rollout.Record, standing rollout.Standing) error {
	data, err := json.Marshal(entry{r, standing})
	if err != nil {
		return err
	}
	return s.update("record rollout", func(tx *bbolt.Tx) error {
		if err := put(tx, bucketRecords, []byte(r.App), data); err != nil {
			return err
		}
		return s.putHistory(tx, r)
	})
}

// Amend adds a log to one of an app's rollouts, if that is still remembered.
func (s *Store) Amend(app string, started time.Time, log string) error {
	return s.update("record log", func(tx *bbolt.Tx) error {
		all := tx.Bucket(bucketHistory)
		if all == nil || all.Bucket([]byte(app)) == nil {
			return nil
		}
		data := all.Bucket([]byte(app)).Get(timeKey(started))
		if data == nil {
			return nil
		}
		var r rollout.Record
		if err := json.Unmarshal(data, &r); err != nil {
			return fmt.Errorf("decode entry: %w", err)
		}
		r.Log = log
		return s.putHistory(tx, r)
	})
}

func (s *Store) putHistory(tx *bbolt.Tx, r rollout.Record) error {
	if r.StartedAt.IsZero() {
		return nil // no rollout yet, only people's orders
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	all, err := tx.CreateBucketIfNotExists(bucketHistory)
	if err != nil {
		return err
	}
	b, err := all.CreateBucketIfNotExists([]byte(r.App))
	if err != nil {
		return err
	}
	if err := b.Put(timeKey(r.StartedAt), data); err != nil {
		return err
	}
	return keepLast(b, s.keep)
}

// keepLast deletes the first keys of a bucket until n are left.
func keepLast(b *bbolt.Bucket, n int) error {
	var keys [][]byte
	c := b.Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		keys = append(keys, bytes.Clone(k))
	}
	for _, k := range keys[:max(0, len(keys)-n)] {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// History is the last n rollouts of an app, newest first; of all apps when app
// is "".
func (s *Store) History(app string, n int) ([]rollout.Record, error) {
	records, err := s.rollouts(app, n)
	return records[:max(0, min(n, len(records)))], err
}

// Recent is the last n rollouts of each app, newest first: however many apps one
// commit changes, none of them is missing.
func (s *Store) Recent(n int) ([]rollout.Record, error) { return s.rollouts("", n) }

// rollouts are the last n of one app, or of each when app is "".
func (s *Store) rollouts(app string, n int) ([]rollout.Record, error) {
	records := []rollout.Record{}
	err := s.view(func(tx *bbolt.Tx) error {
		all := tx.Bucket(bucketHistory)
		if all == nil {
			return nil
		}
		return all.ForEachBucket(func(name []byte) error {
			if app != "" && string(name) != app {
				return nil
			}
			newest, err := last[rollout.Record](all.Bucket(name), n)
			records = append(records, newest...)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	slices.SortStableFunc(records, func(a, b rollout.Record) int { return b.StartedAt.Compare(a.StartedAt) })
	rollout.Supersede(records)
	return records, nil
}

// last decodes the last n values of a bucket, the last one first.
func last[T any](b *bbolt.Bucket, n int) ([]T, error) {
	var values []T
	if b == nil {
		return nil, nil
	}
	c := b.Cursor()
	for k, v := c.Last(); k != nil && len(values) < n; k, v = c.Prev() {
		var value T
		if err := json.Unmarshal(v, &value); err != nil {
			return nil, fmt.Errorf("decode entry: %w", err)
		}
		values = append(values, value)
	}
	return values, nil
}

// timeKey sorts as the time does.
func timeKey(t time.Time) []byte { return numberKey(uint64(t.UnixNano())) }

func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
