package sshconn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Times are how long things may take. Zero is the default.
type Times struct {
	// Connect bounds the making of a connection: dialing, handshake and login,
	// with those of the jump hosts.
	Connect time.Duration
	// KeepAlive is the time between two questions whether the other end is
	// still there, and Answer how long it may take to answer one: a dead peer is
	// noticed after both together.
	KeepAlive, Answer time.Duration
	// After a failure the next attempt waits, from FirstRetry on twice as long
	// each time, but no longer than LastRetry. Where one side does not let the
	// other in that is RefusedRetry: servers lock out who asks too often.
	FirstRetry, LastRetry, RefusedRetry time.Duration
}

func (t *Times) defaults() {
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&t.Connect, 8 * time.Second}, {&t.KeepAlive, 10 * time.Second}, {&t.Answer, 10 * time.Second},
		{&t.FirstRetry, 500 * time.Millisecond}, {&t.LastRetry, 10 * time.Second}, {&t.RefusedRetry, 2 * time.Minute},
	} {
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
}

// Conn is the one connection to a server. It is made when somebody first wants
// a channel, and again when somebody wants one after it broke.
type Conn struct {
	target Target
	times  Times
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	link     *link    // nil while there is none
	making   *attempt // under way
	failures int      // since the last connection that was of use
	failure  error    // the last one
	retry    time.Time
}

// link is a connection that was made.
type link struct {
	*ssh.Client
	user   string
	served bool // a socket was reached through it
	asking sync.Mutex
	doubt  chan struct{} // somebody got no answer in time
}

// attempt is the making of a connection, which all who want one wait for.
type attempt struct {
	done chan struct{} // closed when there is
	link *link
	err  error
}

// New prepares a connection and sends nothing yet.
func New(target Target, times Times) *Conn {
	times.defaults()
	c := &Conn{target: target, times: times}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// Close ends the connection with all its channels. There are no others after it.
func (c *Conn) Close() error {
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		return nil
	}
	return c.link.Close()
}

// DialUnix makes a channel to a unix socket at the other end. An error of the
// class *SocketError is about the socket, a *Refusal about the login, any other
// about the way to the server.
func (c *Conn) DialUnix(ctx context.Context, path string) (net.Conn, error) {
	l, err := c.connected(ctx)
	if err != nil {
		return nil, err
	}
	channel, err := l.DialContext(ctx, "unix", path)
	var refused *ssh.OpenChannelError
	switch {
	case err == nil:
		c.mu.Lock()
		l.served, c.failures = true, 0
		c.mu.Unlock()
		return channel, nil
	case errors.As(err, &refused):
		return nil, c.noSocket(ctx, l, path)
	case ctx.Err() != nil:
		l.isDoubted()
		return nil, fmt.Errorf("open a channel to %s: %w", c.target.Host, ctx.Err())
	}
	return nil, c.broke(err)
}

func (c *Conn) broke(err error) error {
	return fmt.Errorf("the ssh connection to %s broke: %w", c.target.Host, err)
}

// connected waits for the connection. While it is too early for another attempt,
// the last failure stands.
func (c *Conn) connected(ctx context.Context) (*link, error) {
	c.mu.Lock()
	switch {
	case c.ctx.Err() != nil:
		c.mu.Unlock()
		return nil, net.ErrClosed
	case c.link != nil:
		defer c.mu.Unlock()
		return c.link, nil
	case c.making == nil && time.Now().Before(c.retry):
		defer c.mu.Unlock()
		return nil, c.failure
	case c.making == nil:
		c.making = &attempt{done: make(chan struct{})}
		go c.establish(c.making)
	}
	making := c.making
	c.mu.Unlock()
	select {
	case <-making.done:
		return making.link, making.err
	case <-ctx.Done():
		return nil, fmt.Errorf("connect to %s: %w", c.target.Host, ctx.Err())
	}
}

// establish makes a connection in its own time: who asked first may give up before
// the others.
func (c *Conn) establish(a *attempt) {
	ctx, cancel := context.WithTimeout(c.ctx, c.times.Connect)
	defer cancel()
	server, err := c.target.resolve()
	var client *ssh.Client
	if err == nil {
		client, err = server.connect(ctx)
	}
	if ctx.Err() == context.DeadlineExceeded {
		err = fmt.Errorf("%s does not answer within %s", server, c.times.Connect)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(a.done)
	c.making = nil
	switch {
	case err != nil:
		a.err = err
		c.failed(err)
	case c.ctx.Err() != nil:
		a.err = net.ErrClosed
		_ = client.Close()
	default:
		a.link = &link{Client: client, user: server.user, doubt: make(chan struct{}, 1)}
		c.link = a.link
		go c.follow(a.link)
	}
}

// failed notes a failure, and when to try again. The hosts of a fleet must not
// come back all in one moment.
func (c *Conn) failed(err error) {
	last := c.times.LastRetry
	var refusal *Refusal
	if errors.As(err, &refusal) {
		last = c.times.RefusedRetry
	}
	wait := min(c.times.FirstRetry<<min(c.failures, 16), last)
	c.failure, c.retry = err, time.Now().Add(wait*3/4+rand.N(wait/2))
	c.failures++
}

// drop gives a connection up for a reason that is told until the next attempt.
func (c *Conn) drop(l *link, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != l {
		return
	}
	c.link = nil
	c.failed(why)
	_ = l.Close()
}

// follow keeps a connection alive, and notes its end.
func (c *Conn) follow(l *link) {
	gone := make(chan struct{})
	go c.keepAlive(l, gone)
	err := l.Wait()
	close(gone)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != l {
		return
	}
	c.link = nil
	if !l.served { // one that was of use is made again at once
		c.failed(c.broke(err))
	}
}

// isDoubted has it asked now whether somebody is there: a connection that a
// firewall on the way has forgotten fails nobody, it only answers nobody.
func (l *link) isDoubted() {
	select {
	case l.doubt <- struct{}{}:
	default:
	}
}

// keepAlive asks again and again whether somebody is there. What is answered
// does not matter.
func (c *Conn) keepAlive(l *link, gone <-chan struct{}) {
	tick := time.NewTicker(c.times.KeepAlive)
	defer tick.Stop()
	for {
		select {
		case <-gone:
			return
		case <-tick.C:
		case <-l.doubt:
		}
		answered := make(chan error, 1)
		go func() {
			_, _, err := l.SendRequest("keepalive@openssh.com", true, nil)
			answered <- err
		}()
		select {
		case <-answered:
		case <-gone:
			return
		case <-time.After(c.times.Answer):
			_ = l.Close()
			return
		}
	}
}
