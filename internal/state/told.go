package state

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

// judged is what was found out of a commit, for a forge to be told.
type judged struct {
	report.Verdict
	Due bool `json:"due,omitempty"` // it has not been told yet
	// Number counts up with every commit and app that something is found out of.
	Number uint64 `json:"number,omitempty"`
}

// keptCommits bounds the commits whose verdicts are kept, of which a forge that never
// answers is told nothing.
const keptCommits = 100

// NoteCommits has each commit that is accepted noted, since somebody is to be told of
// it. It is called before the store is used.
func (s *Store) NoteCommits() { s.noting = true }

// note notes that a commit was accepted, if nothing is known of it: it may be gone
// again before anybody looks.
func (s *Store) note(tx *bbolt.Tx, commit string) error {
	v := report.Verdict{Commit: commit, Is: report.FateOpen}
	if b := tx.Bucket(bucketTold); !s.noting || b != nil && b.Get(toldKey(v)) != nil {
		return nil
	}
	return putJudged(tx, judged{Verdict: v})
}

// Judged is what was found out of commits last.
func (s *Store) Judged() ([]report.Verdict, error) {
	all, err := s.judged()
	found := make([]report.Verdict, len(all))
	for i := range all {
		found[i] = all[i].Verdict
	}
	return found, err
}

// Due is what of it a forge is still to be told: of the newest commit first, and of
// each what is about all of its apps.
func (s *Store) Due() ([]report.Verdict, error) {
	all, err := s.judged()
	age := map[string]uint64{}
	for _, j := range all {
		if j.App == "" {
			age[j.Commit] = j.Number
		}
	}
	var due []report.Verdict
	for _, j := range all {
		if j.Due {
			due = append(due, j.Verdict)
		}
	}
	slices.SortFunc(due, func(a, b report.Verdict) int {
		return cmp.Or(cmp.Compare(age[b.Commit], age[a.Commit]), cmp.Compare(a.Commit, b.Commit), cmp.Compare(a.App, b.App))
	})
	return due, err
}

func (s *Store) judged() (all []judged, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		return each(tx.Bucket(bucketTold), func(_ string, j judged) { all = append(all, j) })
	})
	if err != nil {
		return nil, fmt.Errorf("read what was found out of commits: %w", err)
	}
	return all, nil
}

// Judge keeps what was found out, for the forge to be told.
func (s *Store) Judge(found []report.Verdict) error {
	if len(found) == 0 {
		return nil
	}
	return s.update("note what was found out of commits", func(tx *bbolt.Tx) error {
		for _, v := range found {
			if err := putJudged(tx, judged{Verdict: v, Due: true}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Tell keeps that a forge was told, if nothing else has been found out meanwhile.
func (s *Store) Tell(v report.Verdict) error {
	return s.update("note what was told", func(tx *bbolt.Tx) error {
		if before, known, err := getJudged(tx, v); err != nil || !known || before.Verdict != v {
			return err
		}
		return putJudged(tx, judged{Verdict: v})
	})
}

// Untell forgets what nobody will be told again. What is still to be told is not.
func (s *Store) Untell(told []report.Verdict) error {
	if len(told) == 0 {
		return nil
	}
	return s.update("forget what was told", func(tx *bbolt.Tx) error {
		for _, v := range told {
			before, known, err := getJudged(tx, v)
			if known && !before.Due {
				err = tx.Bucket(bucketTold).Delete(toldKey(v))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func getJudged(tx *bbolt.Tx, v report.Verdict) (j judged, known bool, err error) {
	b := tx.Bucket(bucketTold)
	if b == nil || b.Get(toldKey(v)) == nil {
		return j, false, nil
	}
	if err := json.Unmarshal(b.Get(toldKey(v)), &j); err != nil {
		return j, false, fmt.Errorf("decode entry %q: %w", toldKey(v), err)
	}
	return j, true, nil
}

// putJudged puts an entry in the place of the one of before, and lets go of the
// oldest commit where there are too many.
func putJudged(tx *bbolt.Tx, j judged) error {
	before, known, err := getJudged(tx, j.Verdict)
	if err != nil {
		return err
	}
	b, err := tx.CreateBucketIfNotExists(bucketTold)
	if err != nil {
		return err
	}
	if j.Number = before.Number; !known {
		if j.Number, err = b.NextSequence(); err != nil {
			return err
		}
	}
	data, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if err := b.Put(toldKey(j.Verdict), data); err != nil || known || j.App != "" {
		return err
	}
	return dropOldest(b)
}

func dropOldest(b *bbolt.Bucket) error {
	var commits []judged
	byCommit := map[string][][]byte{}
	err := each(b, func(key string, j judged) {
		byCommit[j.Commit] = append(byCommit[j.Commit], []byte(key))
		if j.App == "" {
			commits = append(commits, j)
		}
	})
	slices.SortFunc(commits, func(a, b judged) int { return cmp.Compare(a.Number, b.Number) })
	for _, j := range commits[:max(0, len(commits)-keptCommits)] {
		for _, key := range byCommit[j.Commit] {
			if err == nil {
				err = b.Delete(key)
			}
		}
	}
	return err
}

func toldKey(v report.Verdict) []byte { return []byte(v.Commit + " " + v.App) }
