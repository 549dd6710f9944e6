package state

import (
	"fmt"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

// Delivered is what was told, by the name of who was. Who has heard of nothing yet
// is there as well, once begun.
func (s *Store) Delivered() (map[string]map[report.About]bool, error) {
	told := map[string]map[report.About]bool{}
	err := s.view(func(tx *bbolt.Tx) error {
		return each(tx.Bucket(bucketDone), func(key string, a report.About) {
			name, _, _ := strings.Cut(key, " ")
			if told[name] == nil {
				told[name] = map[report.About]bool{}
			}
			if a != (report.About{}) {
				told[name][a] = true
			}
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read who was told what: %w", err)
	}
	return told, nil
}

// Deliver keeps that somebody was told, of nothing too: then they are known.
func (s *Store) Deliver(name string, a report.About) error {
	return s.set("note who was told what", bucketDone, deliveryKey(name, a), a)
}

// Undeliver forgets it again.
func (s *Store) Undeliver(name string, a report.About) error {
	return s.remove("forget who was told what", bucketDone, deliveryKey(name, a))
}

func deliveryKey(name string, a report.About) string {
	return name + " " + a.Event + " " + a.App + " " + a.Revision
}
