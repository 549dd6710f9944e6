package follow

import (
	"strings"
	"sync"
	"time"
)

// Trouble is what goes wrong at present, and since when.
type Trouble struct {
	mu    sync.Mutex
	err   string
	since time.Time
}

// Note takes over how the last try went. It says whether that is news: the first of a
// row of failures. Of several errors at once the first is kept.
func (t *Trouble) Note(err error, now time.Time) (first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.err, t.since = "", time.Time{}
		return false
	}
	if first = t.err == ""; first {
		t.since = now
	}
	t.err, _, _ = strings.Cut(err.Error(), "\n")
	return first
}

// Fare is what the last try failed for, and since when all have; "" when it did not.
func (t *Trouble) Fare() (err string, since time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err, t.since
}
