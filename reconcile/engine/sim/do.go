package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// refusal is why a host does not do what it is asked.
type refusal struct {
	class engine.Class
	text  string
}

func (r *refusal) Error() string { return r.text }

func refuse(class engine.Class, format string, args ...any) error {
	return &refusal{class, fmt.Sprintf(format, args...)}
}

// job is an op on its way.
type job struct {
	op    model.Op
	blobs model.Blobs
	doing string
	now   time.Time
	ends  bool // a stop that ends something
}

// Do performs one op: what it costs in time first, then its effect, at once
// and under the world's lock.
func (h *Host) Do(ctx context.Context, op model.Op, blobs model.Blobs) error {
	j := &job{op: op, blobs: blobs, doing: engine.Doing(op)}
	if err := h.pass(ctx, model.Verb(op), j.doing); err != nil {
		return err
	}
	takes := h.prepare(j)
	defer h.beginPull(op, takes)()
	if !sleep(ctx, takes) {
		return h.fail(j.doing, engine.Timeout, ctx.Err())
	}
	return h.finish(j)
}

// prepare says how long the op takes. A stop begins here: once the signal is
// sent, the container ends whether or not anybody waits for it.
func (h *Host) prepare(j *job) time.Duration {
	defer h.lock()()
	takes := h.latency(model.Verb(j.op))
	switch o := j.op.(type) {
	case model.PullImage:
		if i, err := h.world.pullable(o, j.blobs); err == nil && h.wantsPull(o) {
			takes += i.Pull
		}
	case model.StopContainer:
		c, err := h.target(o.Target)
		if err == nil && c.alive() {
			j.ends = true
			takes += h.beginStop(c, o.Grace)
		}
	}
	return takes
}

func (h *Host) finish(j *job) error {
	defer h.lock()()
	if err := h.reachable(j.doing); err != nil {
		return err
	}
	j.now = time.Now()
	changed, err := h.apply(j)
	if changed {
		h.changed()
	}
	if died := h.world.record(h, j.op, changed, err); died != nil {
		return h.fail(j.doing, engine.Unreachable, died)
	}
	var r *refusal
	switch {
	case errors.As(err, &r):
		return h.fail(j.doing, r.class, r)
	case h.hit(model.Verb(j.op), j.doing, (*Fault).after) != nil:
		return h.fail(j.doing, engine.Timeout, errors.New("no answer"))
	}
	return nil
}

func (h *Host) apply(j *job) (changed bool, err error) {
	switch o := j.op.(type) {
	case model.PullImage:
		return h.pull(o, j.blobs)
	case model.RemoveImage:
		return h.removeImage(o)
	case model.LoadImage:
		return h.loadImage(o), nil
	case model.CreateNetwork:
		return h.createNetwork(o, j.now)
	case model.RemoveNetwork:
		return h.removeNetwork(o)
	case model.CreateVolume:
		return h.createVolume(o, j.now)
	case model.RemoveVolume:
		return h.dropVolume(o.Name, func(found model.Ownership) bool { return o.Owner.OwnPreview(o.Name, found) })
	case model.CreateContainer:
		return h.create(o, j)
	}
	return h.applyToTarget(j)
}

func (h *Host) applyToTarget(j *job) (changed bool, err error) {
	switch o := j.op.(type) {
	case model.CopyFiles:
		return h.on(o.Target, j, func(c *container) (bool, error) { return c.copyFiles(o.Files, j.blobs) })
	case model.StartContainer:
		return h.on(o.Target, j, func(c *container) (bool, error) { return h.start(c, o.Holds, j.now) })
	case model.UnpauseContainer:
		return h.on(o.Target, j, func(c *container) (bool, error) { return h.unpause(c, j.now) })
	case model.ResumeHealthCheck:
		return h.on(o.Target, j, func(c *container) (bool, error) { return h.resumeHealthCheck(c, j.now) })
	case model.RenameContainer:
		return h.on(o.Target, j, func(c *container) (bool, error) { return h.rename(c, c.owner.Name) })
	case model.UpdateContainer:
		return h.on(o.Target, j, func(c *container) (bool, error) { return c.update(o.Adjustable) })
	case model.ConnectNetwork:
		return h.on(o.Target, j, func(c *container) (bool, error) { return h.connect(c, o.Attachment) })
	case model.DisconnectNetwork:
		return orGone(h.on(o.Target, j, func(c *container) (bool, error) { return h.disconnect(c, o.Network), nil }))
	case model.StopContainer:
		return orGone(h.on(o.Target, j, func(c *container) (bool, error) { return stopped(c, j.ends) }))
	case model.RemoveContainer:
		return orGone(h.on(o.Target, j, h.remove))
	}
	return false, refuse(engine.Invalid, "unknown op %T", j.op)
}

// on acts on the container that a target names, if it is what was expected.
func (h *Host) on(t model.Target, j *job, act func(*container) (bool, error)) (bool, error) {
	c, err := h.target(t)
	if err != nil {
		return false, err
	}
	changed, err := act(c)
	h.expect(c, j.now)
	return changed, err
}

func (h *Host) target(t model.Target) (*container, error) {
	c := h.find(t.Ref())
	switch {
	case c == nil:
		return nil, refuse(engine.NotFound, "no such container: %s", t.Ref())
	case c.owner.Owner != t.Owner:
		return nil, refuse(engine.Conflict, "it belongs to %q, not to %q", c.owner.Owner, t.Owner)
	case c.owner.Fingerprint != t.Fingerprint:
		return nil, refuse(engine.Conflict, "its fingerprint is %q, not %q", c.owner.Fingerprint, t.Fingerprint)
	}
	return c, nil
}

// orGone is for the ops whose effect is there when the container is not.
func orGone(changed bool, err error) (bool, error) {
	var r *refusal
	if errors.As(err, &r) && r.class == engine.NotFound {
		return false, nil
	}
	return changed, err
}
