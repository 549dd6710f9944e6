package docker

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

var _ engine.Engine = (*Engine)(nil)

// Engine is one Docker host.
type Engine struct {
	host     model.Host
	route    *route
	timeouts Timeouts

	// link is the client, from the first answer on. Its API version is fixed:
	// an engine that comes back as another version gets another client.
	link    atomic.Pointer[client.Client]
	linking sync.Mutex

	// watching counts event streams that are up: while it is zero nobody tells
	// of changes that the container list does not show.
	watching atomic.Int32

	credentials CredentialsFunc
	makeImage   ImageFunc
	pulls       pulls

	working    working
	endings    endings
	probes     probes
	containers memo[inspected] // by id
	defaults   memo[imageInfo] // by image id; an image never changes
	images     memo[string]    // ids by reference
	networks   memo[[]network.Inspect]
	volumes    memo[[]model.VolumeState]
	infos      memo[hostInfo]
}

// Timeouts are how long one call to the engine may take. A pull is bounded by
// its context and by Stall, and a stop gets its grace period on top.
type Timeouts struct {
	List    time.Duration // a list of everything, or the engine's description
	Inspect time.Duration // one thing
	Call    time.Duration // a call that changes something
	Stop    time.Duration // beyond the grace period
	Round   time.Duration // all inspects of one pass together
	Stall   time.Duration // between two signs of life of a pull
}

// DefaultTimeouts are those of New.
func DefaultTimeouts() Timeouts {
	return Timeouts{
		List: 10 * time.Second, Inspect: 3 * time.Second, Call: 60 * time.Second,
		Stop: 15 * time.Second, Round: 10 * time.Second, Stall: 3 * time.Minute,
	}
}

// Option changes how an Engine works.
type Option func(*Engine)

// WithTimeouts sets the deadlines of calls.
func WithTimeouts(t Timeouts) Option { return func(e *Engine) { e.timeouts = t } }

// New prepares the connection to a host and sends nothing yet. The endpoint is
// unix://path, tcp://address, or ssh://user@host:port/path, of which only the
// host is needed; empty, it is what DOCKER_HOST says, or else the
// local socket. With TLS files both sides prove who they are. Without them a
// tcp endpoint is neither encrypted nor authenticated: whoever reaches its
// address is root on the host, so that is for loopback and for networks that
// are private in earnest.
func New(host model.Host, opts ...Option) (*Engine, error) {
	route, err := newRoute(host)
	if err != nil {
		return nil, fmt.Errorf("connect to host %q: %w", host.Name, err)
	}
	e := &Engine{host: host, route: route, timeouts: DefaultTimeouts()}
	for _, opt := range opts {
		opt(e)
	}
	return e, nil
}

// Close releases the connection.
func (e *Engine) Close() error {
	if api := e.api(); api != nil {
		_ = api.Close() // it only lets go of idle connections
	}
	return e.route.close()
}

// fail is the classed outcome of a call that did not succeed.
func (e *Engine) fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	class, cause := classify(err)
	return &engine.Error{Class: class, Doing: doing, Host: e.host.Name, Err: cause}
}

// call bounds one call that changes something.
func (e *Engine) call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, e.timeouts.Call)
}
