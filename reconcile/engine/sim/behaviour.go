package sim

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Behaviour is what a container does after it has been started. The zero value
// runs for ever, answers its health check at once and ends when told to.
type Behaviour struct {
	// StartError makes every start fail with this text, as a program does that
	// is not in the image.
	StartError string
	// HealthyAfter is how long the health check fails after each start.
	HealthyAfter time.Duration
	// UnhealthyAfter, when set, is when the health check begins to fail again.
	UnhealthyAfter time.Duration
	// NeverHealthy makes every health check fail.
	NeverHealthy bool
	// Exits makes it exit by itself after ExitAfter with ExitCode.
	Exits     bool
	ExitAfter time.Duration
	ExitCode  int
	// StopAfter is how long it takes to end after its stop signal;
	// IgnoresStop is for ever.
	StopAfter   time.Duration
	IgnoresStop bool
	// Logs are the lines it writes when it starts and when it is stopped.
	StartLog, StopLog, ExitLog string
}

// startup is how long a program runs at the least before it exits, for an
// engine to notice that it ran.
const startup = 10 * time.Millisecond

// ServerBehaviour reads the environment of the test server as that does.
func ServerBehaviour(spec model.ContainerSpec) Behaviour {
	env := spec.Env
	argv := append(slices.Clone(spec.Entrypoint), spec.Command...)
	if len(argv) == 0 || argv[0] != "/server" {
		return Behaviour{StartError: fmt.Sprintf("exec %q: no such file or directory", argv)}
	}
	if len(argv) > 1 && argv[1] != "serve" { // alone in its container there is no server to ask
		return Behaviour{Exits: true, ExitCode: 1}
	}
	b := Behaviour{
		HealthyAfter: duration(env["START_DELAY"]),
		StartLog:     fmt.Sprintf("starting: %q on %s, fail %q", env["MESSAGE"], either(env["LISTEN"], ":8080"), env["FAIL"]),
		StopLog:      "stopping",
	}
	switch env["FAIL"] {
	case "exit":
		b.Exits, b.ExitAfter, b.ExitCode = true, duration(env["EXIT_AFTER"]), 1
		if code, err := strconv.Atoi(env["EXIT_CODE"]); err == nil {
			b.ExitCode = code
		}
		b.ExitLog = fmt.Sprintf("exiting with %d as told", b.ExitCode)
	case "unhealthy", "hang-start":
		b.NeverHealthy = true
	case "hang-stop":
		b.IgnoresStop = true
	}
	return b
}

func duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0
	}
	return d
}

// The engine's own values for what a health check leaves open.
const (
	defaultInterval = 30 * time.Second
	defaultRetries  = 3
)

// checkup is the course of a container's health after one start: the probes
// come at every interval, and their results follow from the behaviour alone.
type checkup struct {
	interval, startPeriod time.Duration
	retries               int
	Behaviour
}

func newCheckup(check *model.HealthCheck, b Behaviour) checkup {
	c := checkup{interval: check.Interval, startPeriod: check.StartPeriod, retries: check.Retries, Behaviour: b}
	if c.interval <= 0 {
		c.interval = defaultInterval
	}
	if c.retries <= 0 {
		c.retries = defaultRetries
	}
	return c
}

// turn is a change of health, so long after the start.
type turn struct {
	after  time.Duration
	health model.Health
}

// turns are all changes of health in their order; before the first one it is
// starting.
func (c checkup) turns() []turn {
	var turns []turn
	firstCounted := int64(c.startPeriod/c.interval) + 1
	givenUp := c.at(firstCounted + int64(c.retries) - 1)
	if c.NeverHealthy {
		return append(turns, turn{givenUp, model.HealthUnhealthy})
	}
	firstGood := c.at(c.probeFrom(c.HealthyAfter))
	if givenUp < firstGood {
		turns = append(turns, turn{givenUp, model.HealthUnhealthy})
	}
	turns = append(turns, turn{firstGood, model.HealthHealthy})
	if c.UnhealthyAfter > 0 {
		sick := c.probeFrom(max(c.UnhealthyAfter, firstGood+1))
		turns = append(turns, turn{c.at(sick + int64(c.retries) - 1), model.HealthUnhealthy})
	}
	return turns
}

// at is when the nth probe comes, counted from one.
func (c checkup) at(n int64) time.Duration { return time.Duration(n) * c.interval }

// probeFrom is the first probe that comes d after the start or later.
func (c checkup) probeFrom(d time.Duration) int64 {
	return max(int64((d+c.interval-1)/c.interval), 1)
}
