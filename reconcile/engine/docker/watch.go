package docker

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// Backoff between attempts to open the event stream. It starts over after a
// stream that was of use: one that gave an event, or lasted.
const (
	firstRetry = 250 * time.Millisecond
	lastRetry  = 15 * time.Second
	lasting    = 5 * time.Second
)

// refusal is how long a stream may take to turn out to be refused: the client gives
// the error a moment after it says that it has begun.
const refusal = 100 * time.Millisecond

// Watch calls wake after anything on the host may have changed, until ctx
// ends. The stream is read on while wake runs: an engine drops a listener that
// does not keep up.
func (e *Engine) Watch(ctx context.Context, wake func()) {
	hints := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range hints {
			wake()
		}
	}()
	hint := func() {
		select {
		case hints <- struct{}{}:
		default: // one is waiting already, and none says what happened
		}
	}
	for retry := firstRetry; ctx.Err() == nil; retry = min(2*retry, lastRetry) {
		if e.stream(ctx, hint) {
			retry = firstRetry
		}
		pause(ctx, retry)
	}
	close(hints)
	<-done
}

// pause waits for d, give or take a quarter: the hosts of a fleet must not
// come back all in one moment.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d*3/4 + rand.N(d/2)):
	}
}

// stream reads events until the connection ends, and says whether it was of
// use. Who is there now may speak another version than before the connection
// broke. Nobody knows what happened before it was up, so everything kept is
// forgotten then; an engine that refuses to tell its events is looked at no
// more often for that.
func (e *Engine) stream(ctx context.Context, hint func()) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := e.negotiate(ctx); err != nil {
		return false
	}
	messages, errs := e.api().Events(ctx, events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("type", string(events.ContainerEventType)), filters.Arg("type", string(events.NetworkEventType)),
		filters.Arg("type", string(events.VolumeEventType)), filters.Arg("type", string(events.ImageEventType)),
	)})
	select {
	case <-errs:
		return false
	case <-time.After(refusal):
	}
	e.watching.Add(1)
	defer e.watching.Add(-1)
	e.forgetAll()
	e.probes.forgetAll()
	hint()
	defer hint() // the host may be gone: somebody should look
	up, told := time.Now(), false
	silence := time.NewTicker(probeSlack)
	defer silence.Stop()
	for {
		select {
		case <-silence.C:
			if e.forgetSilent() {
				hint()
			}
		case m := <-messages:
			told = true
			if e.note(m) {
				hint()
			}
		case <-errs:
			return told || time.Since(up) >= lasting
		}
	}
}

// forgetSilent forgets the containers whose health check gives no result although
// somebody waits for it, and says whether there are any: no event tells of that.
func (e *Engine) forgetSilent() bool {
	missed := e.probes.missed(time.Now())
	for _, id := range missed {
		e.containers.forget(id)
	}
	return len(missed) > 0
}

// note forgets what an event has made doubtful, and says whether it is worth
// a look.
func (e *Engine) note(m events.Message) bool {
	switch m.Type {
	case events.ContainerEventType:
		if noise(m.Action) {
			return false
		}
		e.endings.note(m)
		e.containers.forget(m.Actor.ID)
	case events.NetworkEventType:
		if m.Action == events.ActionConnect || m.Action == events.ActionDisconnect {
			e.containers.forget(m.Actor.Attributes["container"])
			break
		}
		e.networks.forgetAll()
	case events.VolumeEventType:
		if m.Action == events.ActionMount || m.Action == events.ActionUnmount {
			return false
		}
		e.volumes.forgetAll()
	case events.ImageEventType:
		e.images.forgetAll()
	}
	return true
}

// noise are events that change nothing we report: health checks and shells are
// execs, and archive-path is our own reading of files.
func noise(action events.Action) bool {
	switch action {
	case events.ActionArchivePath, events.ActionTop, events.ActionAttach, events.ActionDetach, events.ActionResize,
		events.ActionExport, events.ActionCopy, events.ActionCommit:
		return true
	}
	return strings.HasPrefix(string(action), "exec_")
}
