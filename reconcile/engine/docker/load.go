package docker

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/errdefs"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// ImageFunc writes an image of that reference for an architecture, in the form
// that engines load. Its error is one that would come again.
type ImageFunc func(ref, arch string, w io.Writer) error

// WithImages gives the engine what makes the images that no registry has.
func WithImages(make ImageFunc) Option { return func(e *Engine) { e.makeImage = make } }

// errNoImages is the state of an engine that nobody gave an ImageFunc.
var errNoImages = errors.New("nothing here makes images")

// loadImage gives the host an image that is made here, unless it has it.
func (e *Engine) loadImage(ctx context.Context, op model.LoadImage) error {
	_, err := e.inspectImage(ctx, op.Image)
	if !errdefs.IsNotFound(err) {
		return err
	}
	info, err := e.info(ctx)
	if err != nil {
		return err
	}
	if e.makeImage == nil {
		return invalid(errNoImages.Error())
	}
	defer e.images.forgetAll()
	archive, w := io.Pipe()
	refused := make(chan error, 1)
	go func() {
		err := e.makeImage(op.Image, info.Arch, w)
		refused <- err
		w.CloseWithError(err)
	}()
	answer, err := e.api().ImageLoad(ctx, archive)
	archive.CloseWithError(io.ErrClosedPipe) // nobody reads on
	if cause := <-refused; cause != nil && !errors.Is(cause, io.ErrClosedPipe) {
		return invalid(cause.Error())
	}
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := pullOutcome(answer.Body, func(pullMessage) {}); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return nil
}
