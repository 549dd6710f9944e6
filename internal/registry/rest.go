package registry

import (
	"sync"
	"time"
)

// longestRest bounds for how long a registry is left alone because it said so.
const longestRest = time.Hour

// rests are the registries that want to be left alone for a while. Without them
// each reference, and each later try, would be another request to a registry
// that counts them.
type rests struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// note keeps what an error says of that.
func (r *rests) note(key string, err error, now time.Time) {
	wait := min(retryAfter(err), longestRest)
	if wait <= 0 || ClassOf(err) != RateLimited {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until = map[string]time.Time{}
	}
	r.until[key] = now.Add(wait)
}

// left is how long the registry still wants to be left alone.
func (r *rests) left(key string, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := r.until[key].Sub(now)
	if left <= 0 {
		delete(r.until, key)
		return 0
	}
	return left
}
