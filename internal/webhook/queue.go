package webhook

import (
	"cmp"
	"slices"
	"sync"
)

// Hint is where to look.
type Hint struct {
	Repository  string // as it was configured
	Ref         string // full, as refs/heads/main; "" when it is not known
	PullRequest int    // 0 when it is about none
}

// maxHints is how many are kept until somebody looks.
const maxHints = 1000

// queue is a set: what is told again before somebody looks is told once.
type queue struct {
	wake chan struct{}

	mu    sync.Mutex
	hints map[Hint]bool
}

// put adds a hint. When there are too many they become one per repository,
// which says to look at all of it.
func (q *queue) put(h Hint) {
	q.mu.Lock()
	if q.hints == nil {
		q.hints = map[Hint]bool{}
	}
	if len(q.hints) >= maxHints && !q.hints[h] {
		all := map[Hint]bool{}
		for old := range q.hints {
			all[Hint{Repository: old.Repository}] = true
		}
		q.hints, h = all, Hint{Repository: h.Repository}
	}
	q.hints[h] = true
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default: // somebody is about to look anyway
	}
}

// Wake has something to receive when there are hints to take.
func (h *Handler) Wake() <-chan struct{} { return h.queue.wake }

// Take gives the hints since the last time, in order, each once. One without
// ref and pull request says to look at all of its repository.
func (h *Handler) Take() []Hint {
	h.queue.mu.Lock()
	defer h.queue.mu.Unlock()
	var out []Hint
	for hint := range h.queue.hints {
		out = append(out, hint)
	}
	h.queue.hints = nil
	slices.SortFunc(out, func(a, b Hint) int {
		return cmp.Or(cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Ref, b.Ref), cmp.Compare(a.PullRequest, b.PullRequest))
	})
	return out
}
