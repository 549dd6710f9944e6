package sim

import (
	"cmp"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Exit codes of what could not be started, and of what was killed.
const (
	exitNotStarted = 128
	exitNoProgram  = 127
	exitKilled     = 137
)

func (h *Host) start(c *container, holds []string, now time.Time) (changed bool, err error) {
	switch c.state {
	case model.StateRunning, model.StateRestarting:
		return false, nil
	case model.StatePaused:
		return false, refuse(engine.Conflict, "cannot start a paused container, try unpause instead")
	}
	if err := h.alone(c, holds); err != nil {
		return false, err
	}
	if err := h.launch(c, now); err != nil {
		return false, err
	}
	c.restarts, c.backoff, c.halted = 0, 0, false
	return true, nil
}

// restart is the engine's own, by the restart policy.
func (h *Host) restart(c *container) {
	c.restarts++
	if err := h.launch(c, c.restart); err != nil {
		c.state = model.StateExited
	}
}

// launch runs the container's program, if everything it needs is there.
func (h *Host) launch(c *container, now time.Time) error {
	h.version++ // also a start that fails leaves its mark
	ports, err := h.runnable(c)
	if err != nil {
		c.err, c.exitCode = err.Error(), exitNotStarted
		return err
	}
	if h.wedges || c.wedged {
		h.wedges, c.wedged = false, true
		c.err, c.exitCode = "task "+c.id+": already exists", exitNotStarted
		return refuse(engine.Failed, "%s", c.err)
	}
	if text := c.behaviour.StartError; text != "" {
		c.err, c.exitCode = text, exitNoProgram
		return refuse(engine.Invalid, "%s", text)
	}
	c.state, c.err, c.exitCode, c.held = model.StateRunning, "", 0, ports
	h.enter(c)
	c.started, c.clock, c.finished, c.stopAt = now, now, time.Time{}, time.Time{}
	c.health, c.until = model.HealthNone, time.Time{}
	c.say(now, c.behaviour.StartLog)
	return nil
}

// runnable checks networks, room and ports, and gives the ports it would hold.
func (h *Host) runnable(c *container) ([]model.Port, error) {
	if err := h.sharable(c); err != nil {
		return nil, err
	}
	h.settleNetworks(c)
	for _, a := range c.joined {
		if c.started.IsZero() { // by name; later by id
			if _, err := h.network(a.network.name); err != nil {
				return nil, err
			}
		}
		if !h.exists(a.network) {
			return nil, refuse(engine.NotFound, "network %s not found", a.network.id)
		}
	}
	if h.capacity > 0 && h.running() >= h.capacity {
		return nil, refuse(engine.Failed, "no room for another container: exchange full")
	}
	return h.allocate(c)
}

func (h *Host) running() (n int) {
	for _, c := range h.containers {
		if c.alive() {
			n++
		}
	}
	return n
}

func (h *Host) allocate(c *container) ([]model.Port, error) {
	chosen := false
	for _, p := range c.spec.Ports {
		if p.Published == 0 {
			chosen = true
		} else if h.holder(p) != nil {
			return nil, refuse(engine.Conflict, "bind for %s:%d failed: port is already allocated", either(p.HostIP, "0.0.0.0"), p.Published)
		}
	}
	if !chosen {
		return c.spec.Ports, nil
	}
	held := append([]model.Port(nil), c.spec.Ports...)
	for i := range held {
		for held[i].Published == 0 || c.spec.Ports[i].Published == 0 && h.holder(held[i]) != nil {
			held[i].Published = h.chosenPort
			h.chosenPort++
		}
	}
	return held, nil
}

// holder is the container that holds a port of the host, or nil.
func (h *Host) holder(want model.Port) *container {
	for _, c := range h.containers {
		for _, p := range c.held {
			sameAddress := p.HostIP == want.HostIP || p.HostIP == "" || want.HostIP == ""
			if p.Published == want.Published && p.Protocol == want.Protocol && sameAddress {
				return c
			}
		}
	}
	return nil
}

// defaultGrace is how long an engine waits if nobody says how long.
const defaultGrace = 10 * time.Second

// beginStop sends the stop signal, and says how long it will take.
func (h *Host) beginStop(c *container, grace time.Duration) time.Duration {
	now := time.Now()
	c.resume(now)
	c.halted = true
	if grace <= 0 {
		grace = cmp.Or(c.spec.StopGrace, defaultGrace)
	}
	takes, code := c.behaviour.StopAfter, 0
	if c.behaviour.IgnoresStop || takes > grace {
		takes, code = grace, exitKilled
	} else {
		c.say(now, c.behaviour.StopLog)
	}
	switch {
	case c.state == model.StateRestarting:
		c.ended(now, c.exitCode)
		takes = 0
	case c.stopAt.IsZero() || now.Add(takes).Before(c.stopAt):
		c.stopAt, c.stopCode = now.Add(takes), code
		h.expect(c, now)
	default: // another stop is under way and ends it sooner
		takes = c.stopAt.Sub(now)
	}
	h.version++
	return takes
}

// stopped is the answer to a stop when its time is over.
func stopped(c *container, ended bool) (bool, error) {
	if c.alive() {
		return false, refuse(engine.Failed, "the container is %s again", c.state)
	}
	return ended, nil
}

func (h *Host) unpause(c *container, now time.Time) (bool, error) {
	if c.state != model.StatePaused && c.state != model.StateRunning {
		return false, refuse(engine.Conflict, "the container is %s", c.state)
	}
	return c.resume(now), nil
}

// resume lets paused processes go on where they were.
func (c *container) resume(now time.Time) bool {
	if c.state != model.StatePaused {
		return false
	}
	c.state = model.StateRunning
	c.clock = c.clock.Add(now.Sub(c.paused))
	c.resumeCheck(now)
	return true
}

func (h *Host) resumeHealthCheck(c *container, now time.Time) (bool, error) {
	if c.state != model.StatePaused && c.state != model.StateRunning {
		return false, refuse(engine.Conflict, "the container is %s", c.state)
	}
	lost := c.unchecked()
	c.resumeCheck(now)
	return c.resume(now) || lost, nil
}
