package state

import (
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

// Told is what a forge was told of commits.
func (s *Store) Told() ([]report.Verdict, error) {
	var told []report.Verdict
	err := s.view(func(tx *bbolt.Tx) error {
		return each(tx.Bucket(bucketTold), func(_ string, v report.Verdict) { told = append(told, v) })
	})
	if err != nil {
		return nil, fmt.Errorf("read what was told: %w", err)
	}
	return told, nil
}

// Tell keeps what a forge was told.
func (s *Store) Tell(v report.Verdict) error {
	return s.set("note what was told", bucketTold, toldKey(v), v)
}

// Untell forgets what nobody will be told again.
func (s *Store) Untell(v report.Verdict) error {
	return s.remove("forget what was told", bucketTold, toldKey(v))
}

func toldKey(v report.Verdict) string { return v.Commit + " " + v.App }
