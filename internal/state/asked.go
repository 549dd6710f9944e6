package state

import (
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

// bucketAsked holds the pull requests that asked for newer images, by time.
var bucketAsked = []byte("asked")

// keptAsked is how many of them are remembered.
const keptAsked = 1000

// Asked are the pull requests that asked for newer images, the newest first.
func (s *Store) Asked() ([]report.ImagesAsked, error) {
	var asked []report.ImagesAsked
	err := s.view(func(tx *bbolt.Tx) (err error) {
		asked, err = last[report.ImagesAsked](tx.Bucket(bucketAsked), keptAsked)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what images were asked for: %w", err)
	}
	return asked, nil
}

// Ask notes one.
func (s *Store) Ask(a report.ImagesAsked) error {
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return s.update("note what images were asked for", func(tx *bbolt.Tx) error {
		if err := put(tx, bucketAsked, append(timeKey(a.At), a.Branch...), data); err != nil {
			return err
		}
		return keepLast(tx.Bucket(bucketAsked), keptAsked)
	})
}
