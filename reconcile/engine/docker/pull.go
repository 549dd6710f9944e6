package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// pullImage fetches an image, for as long as ctx allows.
func (e *Engine) pullImage(ctx context.Context, op model.PullImage) error {
	if !op.Always {
		_, err := e.inspectImage(ctx, op.Image)
		if !errdefs.IsNotFound(err) {
			return err
		}
	}
	defer e.images.forgetAll()
	progress, err := e.api().ImagePull(ctx, op.Image, image.PullOptions{})
	if err != nil {
		return err
	}
	defer progress.Close()
	return pullOutcome(progress)
}

// pullOutcome reads a pull's progress to its end. The engine has long answered
// 200 by the time it finds out that something is wrong, and says so there.
func pullOutcome(progress io.Reader) error {
	decoder := json.NewDecoder(progress)
	for {
		var message struct {
			Error string `json:"error"`
		}
		switch err := decoder.Decode(&message); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read progress: %w", err)
		case message.Error != "":
			return errors.New(message.Error)
		}
	}
}
