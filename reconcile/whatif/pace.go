package whatif

import "time"

// What an engine needs for one call of each kind, one after the other: the rates
// that Docker 20.10 reaches at four calls at once, above which only the latency
// grows. docs/PERFORMANCE.md has the measurement.
const (
	costStart  = 160 * time.Millisecond // about 6 per second, on a network of one's own
	costCreate = 5 * time.Millisecond
	costStop   = 90 * time.Millisecond
	costRemove = 60 * time.Millisecond
	costThing  = 50 * time.Millisecond // a network, a volume, a connection
)

// PullTime is how long an image takes that the host does not have. It is not
// measured: it depends on the image and on the way to its registry.
const PullTime = 5 * time.Second

// startsPerSecond is the rate of one host, for people.
const startsPerSecond = float64(time.Second) / float64(costStart)

// lane is what calls of a host queue for.
type lane int

const (
	making lane = iota
	ending
	lanes
)

// Queue is how long calls to one host take, one behind the other as in a real
// engine: a hundred starts at once take a hundred times as long as one.
type Queue struct{ free [lanes]time.Time }

// Takes is how long a call that comes now takes, with the wait for those before
// it.
func (q *Queue) Takes(verb string, now time.Time) time.Duration {
	cost, l := costThing, making
	switch verb {
	case "pull", "load":
		return PullTime // pulls wait for the network and for nobody else
	case "start":
		cost = costStart
	case "create", "copyFiles":
		cost = costCreate
	case "stop":
		cost, l = costStop, ending
	case "remove":
		cost, l = costRemove, ending
	}
	begin := now
	if q.free[l].After(now) {
		begin = q.free[l]
	}
	q.free[l] = begin.Add(cost)
	return q.free[l].Sub(now)
}
