package docker

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/tallyman-io/tallyman/internal/sshconn"
	"github.com/tallyman-io/tallyman/reconcile/engine"
)

// astray is a way to an engine that ends before it. Its words are all there is
// to say: what the client puts around them, and what it puts in their place
// when they remind it of something, would be about another connection.
type astray struct {
	class engine.Class
	text  string
}

func (a *astray) Error() string { return a.text }

// dialSSH opens a channel to the engine's socket.
func (r *route) dialSSH(ctx context.Context, _, _ string) (net.Conn, error) {
	conn, err := r.tunnel.DialUnix(ctx, r.socket)
	if err == nil || ctx.Err() != nil {
		return conn, err
	}
	class := engine.Unreachable
	var refusal *sshconn.Refusal
	var socket *sshconn.SocketError
	switch {
	case errors.As(err, &refusal):
		class = engine.Denied
	case errors.As(err, &socket):
		return nil, r.noEngine(socket)
	}
	return nil, &astray{class, err.Error()}
}

// noEngine says what to do about a socket that can't be reached.
func (r *route) noEngine(e *sshconn.SocketError) error {
	another := fmt.Sprintf("if it listens elsewhere, name the socket in the endpoint (ssh://%s@%s/run/user/1000/docker.sock)", e.User, r.host)
	allow := "set AllowStreamLocalForwarding yes in its sshd_config, and no restrict, no-port-forwarding or DisableForwarding for this user"
	switch e.Reason {
	case sshconn.NoSocket:
		return &astray{engine.Unreachable, fmt.Sprintf("%s: there is none that this user can see: is the engine running (systemctl status docker)? %s", e, another)}
	case sshconn.NotASocket:
		return &astray{engine.Invalid, fmt.Sprintf("%s: what is there is no socket; %s", e, another)}
	case sshconn.NoPermission:
		return &astray{engine.Denied, fmt.Sprintf("%s: permission denied: add the user to the socket's group, which counts from the next login on (usermod -aG docker %s)", e, e.User)}
	case sshconn.NotForwarded:
		return &astray{engine.Denied, fmt.Sprintf("%s: sshd there forwards no sockets: %s", e, allow)}
	case sshconn.NobodySeen:
		return &astray{engine.Unreachable, fmt.Sprintf("%s: nobody seems to listen: is the engine running (systemctl status docker)? If it is, sshd forwards no sockets: %s", e, allow)}
	}
	return &astray{engine.Unreachable, fmt.Sprintf("%s: the engine does not run, or the user is not in the socket's group (usermod -aG docker %s), or sshd forwards no sockets: %s", e, e.User, allow)}
}
