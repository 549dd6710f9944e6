package sim

import (
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// never is a time that does not come.
func never() time.Time { return time.Unix(1<<40, 0) }

// container is one container. Its spec is never changed in place: observers
// share it.
type container struct {
	id, name  string
	owner     model.Ownership
	spec      *model.ContainerSpec
	secrets   values
	image     *Image
	behaviour Behaviour
	joined    []attachment
	joinedTo  *container // whose network it shares
	sandbox   int        // which network it has had since its last start
	anonymous []string   // volumes that its image declares and nobody named

	state    model.State
	exitCode int
	err      string
	restarts int
	created  time.Time
	started  time.Time
	finished time.Time

	clock    time.Time     // when its processes began, less the time they were paused
	paused   time.Time     // since when
	backoff  time.Duration // before the next restart
	restart  time.Time     // when the engine restarts it
	stopAt   time.Time     // when a stop under way will have ended it
	stopCode int
	wedged   bool // no start of it works any more
	halted   bool // stopped or killed by somebody: the restart policy leaves it alone
	held     []model.Port
	health   model.Health // set by hand, over what the behaviour says
	log      []line

	stuck model.Health // what the engine says of its health
	until time.Time    // its next probe; before then nobody looks at it
}

type attachment struct {
	network *network
	aliases []string
}

type line struct {
	at   time.Time
	text string
}

func (c *container) say(at time.Time, text string) {
	if text != "" {
		c.log = append(c.log, line{at, text})
	}
}

func (c *container) alive() bool {
	return c.state == model.StateRunning || c.state == model.StatePaused || c.state == model.StateRestarting
}

// end is when it ends by itself or by a stop under way, and its exit code.
func (c *container) end() (at time.Time, code int) {
	at = never()
	if c.behaviour.Exits {
		at, code = c.clock.Add(max(c.behaviour.ExitAfter, startup)), c.behaviour.ExitCode
	}
	if !c.stopAt.IsZero() && c.stopAt.Before(at) {
		at, code = c.stopAt, c.stopCode
	}
	return at, code
}

// next is when something about it changes that an observer can see.
func (c *container) next(now time.Time) time.Time {
	switch c.state {
	case model.StateRestarting:
		return c.restart
	case model.StateRunning:
		at, _ := c.end()
		if _, turn := c.healthAt(now); turn.Before(at) {
			return turn
		}
		return at
	}
	return never()
}

// healthAt is its health, and when that will change.
func (c *container) healthAt(now time.Time) (model.Health, time.Time) {
	if c.state != model.StateRunning || !c.spec.HealthCheck.Enabled() {
		return model.HealthNone, never()
	}
	if c.health != model.HealthNone {
		return c.health, never()
	}
	if now.Before(c.until) {
		return c.stuck, c.until
	}
	health := model.HealthStarting
	for _, t := range newCheckup(c.spec.HealthCheck, c.behaviour).turns() {
		if at := c.clock.Add(t.after); at.After(now) {
			return health, at
		}
		health = t.health
	}
	return health, never()
}

// loseCheck is what an engine does that is restarted with live-restore: it says for
// ever what it said of the container's health, until that is paused or started.
func (c *container) loseCheck(now time.Time) {
	c.stuck, _ = c.healthAt(now)
	if c.stuck != model.HealthNone {
		c.until = never()
	}
}

// unchecked says whether no probe will come.
func (c *container) unchecked() bool { return c.state == model.StateRunning && c.until.Equal(never()) }

// resumeCheck lets the next probe come after an interval.
func (c *container) resumeCheck(now time.Time) {
	if c.until.Equal(never()) {
		c.until = now.Add(newCheckup(c.spec.HealthCheck, c.behaviour).interval)
	}
}

// The engine waits longer before each restart of a container that does not
// stay up.
const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = time.Minute
	goodRun      = 10 * time.Second
)

// ended notes that its processes are gone, and whether the engine will restart
// them.
func (c *container) ended(at time.Time, code int) {
	c.exitCode, c.finished, c.held = code, at, nil
	c.stopAt, c.state = time.Time{}, model.StateExited
	if c.halted || !c.wantsRestart(code) {
		return
	}
	if c.backoff = min(2*c.backoff, maxBackoff); c.backoff == 0 || at.Sub(c.started) >= goodRun {
		c.backoff = firstBackoff
	}
	c.state, c.restart = model.StateRestarting, at.Add(c.backoff)
}

func (c *container) wantsRestart(code int) bool {
	policy := c.spec.Adjustable.Restart
	switch policy.Name {
	case "always", "unless-stopped":
		return true
	case "on-failure":
		return code != 0 && (policy.MaxRetries == 0 || c.restarts < policy.MaxRetries)
	}
	return false
}

// view is the container as the port reports it. Without inspection it is what
// a list shows.
func (c *container) view(host string, now time.Time, inspected bool) model.Container {
	health, _ := c.healthAt(now)
	v := model.Container{Host: host, ID: c.id, Name: c.name, Owner: c.owner, State: c.state, Health: health, Ports: c.held}
	if !inspected {
		return v
	}
	v.Spec, v.Image = c.spec, &c.image.Defaults
	if c.joinedTo != nil {
		v.Joined = c.joinedTo.id
	}
	v.ExitCode, v.Error, v.RestartCount = c.exitCode, c.err, c.restarts
	v.Wedged, v.Unchecked = c.wedged, c.unchecked()
	v.CreatedAt, v.StartedAt, v.FinishedAt = c.created, c.started, c.finished
	if health == model.HealthUnhealthy {
		v.HealthOutput = "healthz answers 503: unhealthy as told"
	}
	if len(v.Ports) == 0 {
		v.Ports = c.spec.Ports
	}
	return v
}
