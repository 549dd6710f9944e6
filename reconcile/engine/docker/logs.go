package docker

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/tallyman-io/tallyman/reconcile/engine"
)

// Logs writes a container's output, stdout and stderr in order.
func (e *Engine) Logs(ctx context.Context, id string, opts engine.LogOptions, w io.Writer) error {
	return e.fail("read log of container \""+shortID(id)+"\"", e.logs(ctx, id, opts, w))
}

func (e *Engine) logs(ctx context.Context, id string, opts engine.LogOptions, w io.Writer) error {
	if err := e.ready(ctx); err != nil {
		return err
	}
	raw, err := e.inspectContainer(ctx, id)
	if err != nil {
		return err
	}
	stream, err := e.api().ContainerLogs(ctx, raw.ID, logsOptions(opts))
	if err != nil {
		return err
	}
	defer stream.Close()
	if opts.Kept {
		return e.keptLog(ctx, &raw, stream, w)
	}
	return copyLog(&raw, stream, w)
}

// keptLog writes a log without the container's secret values. It is held against
// them as a whole: lines and streams cut a value in pieces.
func (e *Engine) keptLog(ctx context.Context, raw *container.InspectResponse, stream io.Reader, w io.Writer) error {
	h, err := e.hiddenNow(ctx, raw)
	if err != nil {
		return err
	}
	var log bytes.Buffer
	err = copyLog(raw, stream, &log)
	if _, failed := io.WriteString(w, h.scrub(log.String())); failed != nil {
		return failed
	}
	return err
}

func copyLog(raw *container.InspectResponse, stream io.Reader, w io.Writer) error {
	if raw.Config.Tty { // there is but one stream then, and nothing to tell apart
		_, err := io.Copy(w, stream)
		return err
	}
	_, err := stdcopy.StdCopy(w, w, stream)
	return err
}

func logsOptions(opts engine.LogOptions) container.LogsOptions {
	o := container.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: opts.Follow, Timestamps: opts.Timestamps}
	if opts.Tail > 0 {
		o.Tail = strconv.Itoa(opts.Tail)
	}
	if !opts.Since.IsZero() {
		o.Since = opts.Since.Format(time.RFC3339Nano)
	}
	return o
}
