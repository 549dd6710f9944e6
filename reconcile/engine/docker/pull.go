package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// pullImage fetches an image, for as long as ctx allows and the engine says
// something now and then. A reference with a digest is pulled by that.
func (e *Engine) pullImage(ctx context.Context, op model.PullImage, blobs model.Blobs) error {
	if !op.Always {
		_, err := e.inspectImage(ctx, op.Image)
		if !errdefs.IsNotFound(err) {
			return err
		}
	}
	own, err := blobs.Unseal(op.PullSecrets)
	if err != nil {
		return invalid(err.Error())
	}
	auth, secrets, err := e.auth(ctx, op.Image, own)
	if err != nil {
		return err
	}
	defer e.images.forgetAll()
	ctx, watch := watchStall(ctx, e.timeouts.Stall)
	defer watch.end()
	messages, err := e.api().ImagePull(ctx, op.Image, image.PullOptions{RegistryAuth: auth})
	if err != nil {
		return watch.explain(secrets.scrub(err))
	}
	defer messages.Close()
	progress, end := e.pulls.begin(op.Image)
	defer end()
	return watch.explain(secrets.scrub(pullOutcome(messages, func(m pullMessage) {
		watch.alive()
		progress(m)
	})))
}

// pullMessage is a line of a pull's progress.
type pullMessage struct {
	ID     string `json:"id"` // of the layer
	Status string `json:"status"`
	Detail struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`
	Error string `json:"error"`
}

// pullOutcome reads a pull's progress to its end. The engine has long answered
// 200 by the time it finds out that something is wrong, and says so there.
func pullOutcome(progress io.Reader, each func(pullMessage)) error {
	decoder := json.NewDecoder(progress)
	for {
		var message pullMessage
		switch err := decoder.Decode(&message); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read progress: %w", err)
		case message.Error != "":
			return errors.New(message.Error)
		}
		each(message)
	}
}

// stall ends what has not given a sign of life for too long.
type stall struct {
	after  time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc
	ctx    context.Context
}

// errStalled is why a stalled call was ended.
var errStalled = errors.New("stalled")

func watchStall(ctx context.Context, after time.Duration) (context.Context, *stall) {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &stall{after: after, cancel: cancel, ctx: ctx}
	s.timer = time.AfterFunc(after, func() { cancel(errStalled) })
	return ctx, s
}

func (s *stall) alive() { s.timer.Reset(s.after) }

func (s *stall) end() {
	s.timer.Stop()
	s.cancel(nil)
}

// explain says of an error whether it is the stall's.
func (s *stall) explain(err error) error {
	if err == nil || !errors.Is(context.Cause(s.ctx), errStalled) {
		return err
	}
	return classed{engine.Timeout, fmt.Sprintf("no progress for %s; look at the way from the host to the registry", s.after)}
}
