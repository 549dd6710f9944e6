package git

import (
	"context"
	"net"
	"time"
)

// idleDialer makes connections that break when the other side falls silent.
type idleDialer struct{ idle time.Duration }

func (d *idleDialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: d.idle}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &idleConn{conn, d.idle}, nil
}

type idleConn struct {
	net.Conn
	idle time.Duration
}

func (c *idleConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *idleConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
