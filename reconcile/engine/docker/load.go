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

// counted counts what is written.
type counted struct {
	w io.Writer
	n int
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += n
	return n, err
}

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
	begun := &counted{w: w}
	made := make(chan error, 1)
	go func() {
		err := e.makeImage(op.Image, info.Arch, begun)
		w.CloseWithError(err)
		made <- err
	}()
	answer, err := e.api().ImageLoad(ctx, archive)
	if err != nil {
		archive.CloseWithError(err) // nobody reads on
		if cause := <-made; cause != nil && begun.n == 0 {
			return invalid(cause.Error()) // it was refused, and would be again
		}
		return err
	}
	defer answer.Body.Close()
	if err := pullOutcome(answer.Body, func(pullMessage) {}); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return nil
}
