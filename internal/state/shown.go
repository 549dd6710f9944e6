package state

import (
	"fmt"
	"strconv"

	"go.etcd.io/bbolt"
)

// Shown are the pull requests on which something is said of what runs of them.
func (s *Store) Shown() ([]int, error) {
	var shown []int
	err := s.view(func(tx *bbolt.Tx) error {
		return each(tx.Bucket(bucketShown), func(_ string, number int) { shown = append(shown, number) })
	})
	if err != nil {
		return nil, fmt.Errorf("read what is shown of previews: %w", err)
	}
	return shown, nil
}

// Show keeps that something is said on a pull request.
func (s *Store) Show(number int) error {
	return s.set("note what is shown of a preview", bucketShown, strconv.Itoa(number), number)
}

// Unshow forgets it, when nothing of it is said any more that could come to be wrong.
func (s *Store) Unshow(number int) error {
	return s.remove("forget what is shown of a preview", bucketShown, strconv.Itoa(number))
}
