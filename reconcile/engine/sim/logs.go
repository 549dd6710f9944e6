package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine"
)

// Logs writes what a container has said so far and, if it is to be followed,
// what it says until it ends.
func (h *Host) Logs(ctx context.Context, id string, opts engine.LogOptions, w io.Writer) error {
	doing := fmt.Sprintf("read log of container %q", id)
	if err := h.pass(ctx, "logs", doing); err != nil {
		return err
	}
	events := make(chan struct{}, 1)
	defer h.listen(events)()
	for written := 0; ; {
		lines, over, err := h.logOf(id, opts)
		if err != nil {
			return h.fail(doing, engine.NotFound, err)
		}
		if written == 0 && opts.Tail > 0 {
			written = max(0, len(lines)-opts.Tail)
		}
		for ; written < len(lines); written++ {
			if err := write(w, lines[written], opts); err != nil {
				return err
			}
		}
		if over || !opts.Follow {
			return nil
		}
		if !h.awaitEvent(ctx, events) {
			return nil
		}
	}
}

func (h *Host) logOf(id string, opts engine.LogOptions) (lines []line, over bool, err error) {
	defer h.lock()()
	c := h.find(id)
	if c == nil {
		return nil, true, errors.New("no such container")
	}
	if opts.Kept {
		return c.secrets.scrubbed(c.log), !c.alive(), nil
	}
	return c.log, !c.alive(), nil
}

func write(w io.Writer, l line, opts engine.LogOptions) error {
	if l.at.Before(opts.Since) {
		return nil
	}
	stamp := ""
	if opts.Timestamps {
		stamp = l.at.UTC().Format(time.RFC3339Nano) + " "
	}
	_, err := fmt.Fprintf(w, "%s%s\n", stamp, l.text)
	return err
}
