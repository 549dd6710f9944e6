package state

import (
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

// Reverted is what was done about commits that apps went back from, by app.
func (s *Store) Reverted() (map[string]report.Reverted, error) {
	done := map[string]report.Reverted{}
	err := s.view(func(tx *bbolt.Tx) error {
		return each(tx.Bucket(bucketReverted), func(app string, r report.Reverted) { done[app] = r })
	})
	if err != nil {
		return nil, fmt.Errorf("read what was reverted: %w", err)
	}
	return done, nil
}

// Revert keeps what was done about a commit that an app went back from.
func (s *Store) Revert(r report.Reverted) error {
	return s.set("note what was reverted", bucketReverted, r.App, r)
}

// Unrevert forgets it.
func (s *Store) Unrevert(app string) error {
	return s.remove("forget what was reverted", bucketReverted, app)
}
