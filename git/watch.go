package git

import (
	"context"
	"math/rand/v2"
	"time"
)

// A commit or a push writes several files. They count as one event when there
// is no more than quietGap between them, but never for longer than ceiling.
const (
	quietGap = 50 * time.Millisecond
	ceiling  = time.Second
)

// Watch calls wake whenever it is time to Fetch, until ctx ends: each Poll
// interval, give or take a tenth so that many controllers do not ask one
// server in step, and for a local repository at once when a reference changes.
// It only wakes: what it misses, the next poll finds.
func (r *Repository) Watch(ctx context.Context, wake func()) {
	changes := make(chan struct{}, 1)
	if r.addr.local() {
		go watchLocal(ctx, r.addr.path, changes)
	}
	wakeAfter(ctx, r.cfg.Poll, debounce(ctx, changes), wake)
}

func wakeAfter(ctx context.Context, poll time.Duration, changed <-chan struct{}, wake func()) {
	for {
		var timer <-chan time.Time
		if poll > 0 {
			timer = time.After(jitter(poll))
		}
		select {
		case <-ctx.Done():
			return
		case <-timer:
		case <-changed:
		}
		wake()
	}
}

func jitter(d time.Duration) time.Duration {
	return d*9/10 + rand.N(d/5+1)
}

// debounce makes one event of a burst of them.
func debounce(ctx context.Context, in <-chan struct{}) <-chan struct{} {
	out := make(chan struct{}, 1)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-in:
			}
			settle(ctx, in)
			notify(out)
		}
	}()
	return out
}

// settle returns when a burst has ended or lasted too long.
func settle(ctx context.Context, in <-chan struct{}) {
	quiet, limit := time.NewTimer(quietGap), time.NewTimer(ceiling)
	defer quiet.Stop()
	defer limit.Stop()
	for {
		select {
		case <-in:
			quiet.Reset(quietGap)
		case <-quiet.C:
			return
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// notify leaves a note unless there is one already.
func notify(to chan<- struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}
