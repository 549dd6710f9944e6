package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

const (
	fileName = "journal.db"
	pidName  = "tallyman.pid"
	// lockWait is long enough for a verb that only reads to get out of the
	// way. Such a verb does not wait for a controller, which stays.
	lockWait     = 2 * time.Second
	readLockWait = 100 * time.Millisecond
	// KeptRecords is how many rollouts of an app are remembered unless
	// KeepHistory says otherwise, keptEvents how many events of all.
	KeptRecords = 100
	keptEvents  = 10_000
)

// The buckets.
var (
	bucketMeta     = []byte("meta")     // accepted, previews
	bucketRecords  = []byte("records")  // app → its newest rollout
	bucketHistory  = []byte("history")  // app → start → rollout
	bucketHosts    = []byte("hosts")    // host → containers of ours
	bucketPlaces   = []byte("places")   // app → slot → host
	bucketGuards   = []byte("guards")   // app → thing → guard
	bucketPins     = []byte("pins")     // host → a person's order about it
	bucketTold     = []byte("told")     // commit and app → what was found out of them, and whether a forge was told
	bucketReverted = []byte("reverted") // app → what was done in Git about what it went back from
	bucketDone     = []byte("notified") // notification, event, app and commit → that it was told
	bucketShown    = []byte("shown")    // pull request → itself, where its comment says what runs of it
	bucketEvents   = []byte("events")   // sequence → event
	keyAccepted    = []byte("accepted")
	keyPreviews    = []byte("previews")
)

// Store is the journal of one state directory. It is a reconcile.Journal.
type Store struct {
	dir    string
	db     *bbolt.DB // nil when there was nothing to read
	keep   int       // rollouts of each app
	noting bool      // commits that are accepted

	mu        sync.Mutex
	pending   []reconcile.Event
	listeners map[chan reconcile.Event]bool
	closed    bool
	log       *slog.Logger

	flushing sync.Mutex // one batch at a time, so that events stay in order
	kick     chan struct{}
	stop     chan struct{}
	stopped  chan struct{}
}

var _ reconcile.Journal = (*Store)(nil)

// Open opens the journal for a controller, and makes the directory when it is
// missing. There can be one controller per state directory.
func Open(dir string, log *slog.Logger) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make state directory %q: %w", dir, elsewhere(err))
	}
	db, err := openOrRenew(dir, log)
	if err != nil {
		return nil, elsewhere(err)
	}
	s := &Store{
		dir: dir, db: db, keep: KeptRecords, log: log, listeners: map[chan reconcile.Event]bool{},
		kick: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	if err := writePID(dir); err != nil {
		_ = db.Close() // the reason not to go on is the pid file
		return nil, elsewhere(err)
	}
	go s.flushLoop()
	return s, nil
}

// KeepHistory sets how many rollouts of each app are remembered, from the next
// one on. It is called before the store is used.
func (s *Store) KeepHistory(n int) { s.keep = n }

// Clear forgets everything.
func (s *Store) Clear() error {
	return s.update("forget everything", func(tx *bbolt.Tx) error {
		var buckets [][]byte // whichever there are, so that none is overlooked
		err := tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			buckets = append(buckets, slices.Clone(name))
			return nil
		})
		for i := 0; i < len(buckets) && err == nil; i++ {
			err = tx.DeleteBucket(buckets[i])
		}
		return err
	})
}

// Exists says whether a directory has a journal.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, fileName))
	return err == nil
}

// OpenReadOnly opens the journal for a verb that only reads, while no
// controller runs. A directory without a journal reads as an empty one.
func OpenReadOnly(dir string) (*Store, error) {
	path := filepath.Join(dir, fileName)
	if !Exists(dir) {
		return &Store{dir: dir}, nil
	}
	db, err := openFile(dir, true)
	if err != nil {
		return nil, fmt.Errorf("read journal %q: %w", path, err)
	}
	return &Store{dir: dir, db: db}, nil
}

// Close writes what is still to be written and lets go of the directory.
func (s *Store) Close() error {
	if s.db == nil {
		return nil
	}
	if s.stop == nil {
		return s.db.Close()
	}
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return nil
	}
	close(s.stop)
	<-s.stopped
	err := s.flush()
	s.dropListeners()
	_ = os.Remove(filepath.Join(s.dir, pidName)) // it only helps people; the lock is what counts
	return errors.Join(err, s.db.Close())
}

// Load reads what the last controller left.
func (s *Store) Load() (reconcile.Memory, error) {
	m := emptyMemory()
	err := s.view(func(tx *bbolt.Tx) error { return load(tx, &m) })
	return m, err
}

func emptyMemory() reconcile.Memory {
	return reconcile.Memory{
		Records: map[string]rollout.Record{}, Standings: map[string]rollout.Standing{},
		Pins: map[string]model.HostPin{}, Hosts: map[string]reconcile.SeenHost{}, Placed: reconcile.Placements{}, Guards: model.Guards{},
	}
}

func load(tx *bbolt.Tx, m *reconcile.Memory) error {
	if b := tx.Bucket(bucketMeta); b != nil {
		if err := json.Unmarshal(b.Get(keyAccepted), &m.Accepted); b.Get(keyAccepted) != nil && err != nil {
			return fmt.Errorf("decode accepted revision: %w", err)
		}
		if err := json.Unmarshal(b.Get(keyPreviews), &m.Previews); b.Get(keyPreviews) != nil && err != nil {
			return fmt.Errorf("decode previews: %w", err)
		}
	}
	if err := each(tx.Bucket(bucketRecords), func(app string, e entry) { remember(m, app, e) }); err != nil {
		return err
	}
	if err := each(tx.Bucket(bucketHosts), func(host string, seen reconcile.SeenHost) { m.Hosts[host] = seen }); err != nil {
		return err
	}
	if err := each(tx.Bucket(bucketPins), func(host string, pin model.HostPin) { m.Pins[host] = pin }); err != nil {
		return err
	}
	if err := each(tx.Bucket(bucketGuards), func(app string, said map[string]model.Guard) { m.Guards[app] = said }); err != nil {
		return err
	}
	return each(tx.Bucket(bucketPlaces), func(app string, hosts map[string]string) { m.Placed[app] = hosts })
}

// remember takes over what is kept of an app, which may be orders only.
func remember(m *reconcile.Memory, app string, e entry) {
	if !e.StartedAt.IsZero() {
		m.Records[app] = e.Record
	}
	if e.Standing != (rollout.Standing{}) {
		m.Standings[app] = e.Standing
	}
}

// each decodes every value of a bucket, which may be missing.
func each[T any](b *bbolt.Bucket, use func(key string, value T)) error {
	if b == nil {
		return nil
	}
	return b.ForEach(func(k, v []byte) error {
		var value T
		if err := json.Unmarshal(v, &value); err != nil {
			return fmt.Errorf("decode entry %q: %w", k, err)
		}
		use(string(k), value)
		return nil
	})
}

// Accept notes the revision whose manifests were last found good.
func (s *Store) Accept(a reconcile.Accepted) error {
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return s.update("accept revision", func(tx *bbolt.Tx) error {
		if err := put(tx, bucketMeta, keyAccepted, data); err != nil {
			return err
		}
		return s.note(tx, a.Revision)
	})
}

// Previews keeps the list of previews that a forge gave last; an empty one says that
// there are none.
func (s *Store) Previews(list []reconcile.Preview) error {
	return s.set("record previews", bucketMeta, string(keyPreviews), append([]reconcile.Preview{}, list...))
}

// Host keeps which containers of ours a host was last seen with.
func (s *Store) Host(seen reconcile.SeenHost) error {
	if len(seen.Containers)+len(seen.Volumes) == 0 {
		return s.remove("forget host", bucketHosts, seen.Host.Name)
	}
	return s.set("record host", bucketHosts, seen.Host.Name, seen)
}

// Forget ends what is kept of an app but for its history.
func (s *Store) Forget(app string) error {
	return errors.Join(s.remove("forget app", bucketRecords, app), s.remove("forget app", bucketPlaces, app))
}

// remove deletes an entry, if there is one.
func (s *Store) remove(doing string, bucket []byte, key string) error {
	return s.update(doing, func(tx *bbolt.Tx) error {
		if b := tx.Bucket(bucket); b != nil {
			return b.Delete([]byte(key))
		}
		return nil
	})
}

// Place keeps where an app's slots were put.
func (s *Store) Place(app string, hosts map[string]string) error {
	return s.set("record placement", bucketPlaces, app, hosts)
}

// Guard keeps what an app's manifests said last of the end of its services.
func (s *Store) Guard(app string, said map[string]model.Guard) error {
	if len(said) == 0 {
		return s.remove("forget guards", bucketGuards, app)
	}
	return s.set("record guards", bucketGuards, app, said)
}

// Pin keeps what a person ordered of a host without a commit.
func (s *Store) Pin(host string, p *model.HostPin) error {
	if p == nil {
		return s.remove("end order about host", bucketPins, host)
	}
	return s.set("record order about host", bucketPins, host, p)
}

func (s *Store) set(doing string, bucket []byte, key string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return s.update(doing, func(tx *bbolt.Tx) error { return put(tx, bucket, []byte(key), data) })
}

func put(tx *bbolt.Tx, bucket, key, value []byte) error {
	b, err := tx.CreateBucketIfNotExists(bucket)
	if err != nil {
		return err
	}
	return b.Put(key, value)
}

// view reads, and reads nothing when there is nothing.
func (s *Store) view(use func(*bbolt.Tx) error) error {
	if s.db == nil {
		return nil
	}
	return guarded(func() error { return s.db.View(use) })
}

// update writes, and says what it means when the disk is full.
func (s *Store) update(doing string, change func(*bbolt.Tx) error) error {
	err := guarded(func() error { return s.db.Update(change) })
	switch {
	case err == nil:
		return nil
	case noRoom(err):
		return fmt.Errorf("%s in %q: there is no room left on the disk; until there is, what happens is not remembered: %w", doing, s.db.Path(), err)
	}
	return fmt.Errorf("%s in %q: %w", doing, s.db.Path(), err)
}

// noRoom looks at the words, too: bbolt keeps only those of some errors.
func noRoom(err error) bool {
	for _, e := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, e) || strings.Contains(err.Error(), e.Error()) {
			return true
		}
	}
	return false
}
