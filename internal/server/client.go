package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"

	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// ErrNoController says that no controller runs on a state directory.
var ErrNoController = errors.New("no controller is running")

// Client asks a running controller.
type Client struct {
	http *http.Client
}

// Dial finds the controller of a state directory. The error is ErrNoController
// when there is none, and another one when there is one that does not let us
// in.
func Dial(ctx context.Context, stateDir string) (*Client, error) {
	path := Socket(stateDir)
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED), len(path) > maxSocketPath:
		return nil, ErrNoController
	case errors.Is(err, syscall.ENOTDIR):
		return nil, fmt.Errorf("ask the controller: state directory %q is not a directory; name another one with --state-dir", stateDir)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("ask the controller: %w; it runs as another user", err)
	case err != nil:
		return nil, fmt.Errorf("ask the controller: %w", err)
	}
	_ = conn.Close() // it only showed that somebody listens
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", path) }
	return &Client{&http.Client{Transport: &http.Transport{DialContext: dial}}}, nil
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Source is what the controller follows.
func (c *Client) Source(ctx context.Context) (Source, error) {
	var s Source
	return s, c.get(ctx, "source", nil, &s)
}

// Status is what the controller's last pass found.
func (c *Client) Status(ctx context.Context) (report.Status, error) {
	var s report.Status
	return s, c.get(ctx, "status", nil, &s)
}

// Memory is what the controller's journal remembers.
func (c *Client) Memory(ctx context.Context) (reconcile.Memory, error) {
	var m reconcile.Memory
	return m, c.get(ctx, "memory", nil, &m)
}

// Observed is what the controller's hosts reported last.
func (c *Client) Observed(ctx context.Context) (model.Live, error) {
	var live model.Live
	return live, c.get(ctx, "observed", nil, &live)
}

// History is the last n rollouts of an app, or of all when app is "".
func (c *Client) History(ctx context.Context, app string, n int) ([]rollout.Record, error) {
	var records []rollout.Record
	return records, c.get(ctx, "history", url.Values{"app": {app}, "n": {strconv.Itoa(n)}}, &records)
}

// Events hands over the last n events, and those to come when follow is set.
func (c *Client) Events(ctx context.Context, n int, follow bool, use func(reconcile.Event) error) error {
	query := url.Values{"n": {strconv.Itoa(n)}}
	if follow {
		query.Set("follow", "1")
	}
	body, err := c.open(ctx, http.MethodGet, "events?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // only read from
	return decodeEach(body, use)
}

// LogOf says whose log is read: of a replica, or of a service's first one, and
// which of its containers, "" being the service's own.
type LogOf struct{ Replica, Container string }

// Logs writes a log.
func (c *Client) Logs(ctx context.Context, of LogOf, opts engine.LogOptions, w io.Writer) error {
	query := url.Values{"replica": {of.Replica}, "container": {of.Container}, "tail": {strconv.Itoa(opts.Tail)}}
	if opts.Follow {
		query.Set("follow", "1")
	}
	if opts.Kept {
		query.Set("kept", "1")
	}
	body, err := c.open(ctx, http.MethodGet, "logs?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // only read from
	_, err = io.Copy(w, body)
	return err
}

// Apply has the controller do what `tallyman apply` does, and hands over its
// statuses until it has come to an outcome.
func (c *Client) Apply(ctx context.Context, req ApplyRequest, use func(report.Status) error) error {
	data, err := json.Marshal(req)
	if err != nil {
		return err
	}
	body, err := c.open(ctx, http.MethodPost, "apply", bytes.NewReader(data))
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // only read from
	return decodeEach(body, use)
}

// Order has the controller obey a person's order.
func (c *Client) Order(ctx context.Context, o rollout.Order) error {
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	body, err := c.open(ctx, http.MethodPost, "order", bytes.NewReader(data))
	if err != nil {
		return err
	}
	return body.Close()
}

func decodeEach[T any](r io.Reader, use func(T) error) error {
	for d := json.NewDecoder(r); ; {
		var value T
		err := d.Decode(&value)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return unanswered("read the controller's answer", err)
		}
		if err := use(value); err != nil {
			return err
		}
	}
}

func (c *Client) get(ctx context.Context, what string, query url.Values, into any) error {
	body, err := c.open(ctx, http.MethodGet, what+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // only read from
	return unanswered("read the controller's answer", json.NewDecoder(body).Decode(into))
}

// open asks and gives the answer's body, or the error that it holds.
func (c *Client) open(ctx context.Context, method, what string, body io.Reader) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://tallyman/v1/"+what, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unanswered("ask the controller", unwrapURL(err))
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	var f failure
	if err := json.NewDecoder(resp.Body).Decode(&f); err != nil || f.Error == "" {
		return nil, fmt.Errorf("ask the controller: it answered %s", resp.Status)
	}
	if f.NothingToDo {
		return nil, &nothingToDo{f.Error}
	}
	return nil, errors.New(f.Error)
}

// nothingToDo is rollout.ErrNothingToDo as the controller told it.
type nothingToDo struct{ text string }

func (e *nothingToDo) Error() string { return e.text }
func (e *nothingToDo) Unwrap() error { return rollout.ErrNothingToDo }

// unanswered tells a controller that ended while it was asked, which is none any
// more, from what else may be wrong.
func unanswered(doing string, err error) error {
	if err == nil {
		return nil
	}
	for _, gone := range []error{syscall.ECONNRESET, syscall.EPIPE, syscall.ENOENT, syscall.ECONNREFUSED, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, gone) {
			return fmt.Errorf("%s: %w: it ended meanwhile", doing, ErrNoController)
		}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// unwrapURL leaves out the made-up address.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
