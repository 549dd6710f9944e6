package sshconn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Reason is why a socket at the other end can't be reached.
type Reason string

// The reasons. A server answers all of them by the same refusal.
const (
	NoSocket     Reason = "none"    // not there, or in a folder that the user may not look into
	NotASocket   Reason = "other"   // something else is there
	NoPermission Reason = "denied"  // the user may not write to it
	NotForwarded Reason = "listens" // somebody listens, so it is the server that refuses
	NobodySeen   Reason = "silent"  // it is there; whether somebody listens can't be seen
	Unclear      Reason = ""        // the user may run nothing to look
)

// SocketError is a server that lets us in, and not to the socket.
type SocketError struct {
	Host, User, Path string
	Reason           Reason
}

func (e *SocketError) Error() string {
	return fmt.Sprintf("user %q on %s can't reach the socket %s", e.User, e.Host, e.Path)
}

// script looks at the socket as the user sees it.
const script = `s=$1; r=$(readlink -f "$s"); ` +
	`if [ ! -e "$s" ]; then echo none; elif [ ! -S "$s" ]; then echo other; elif [ ! -w "$s" ]; then echo denied; ` +
	`elif grep -qF -e " $s" -e " $r" /proc/net/unix; then echo listens; else echo silent; fi`

// lookTime bounds the look.
const lookTime = 5 * time.Second

// noSocket finds out why a socket can't be reached, by a look at it. A
// connection that never reached its socket is made anew the next time: what may
// have been wrong (the user's groups, the server's settings) counts from the
// next login on.
func (c *Conn) noSocket(ctx context.Context, l *link, path string) error {
	l.asking.Lock() // servers allow ten sessions at a time
	defer l.asking.Unlock()
	c.mu.Lock()
	served, current, failure := l.served, c.link == l, c.failure
	c.mu.Unlock()
	if !current && failure != nil {
		return failure // somebody else has looked
	}
	// The look counts for all, also when who asked has given up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTime)
	defer cancel()
	reason, err := look(ctx, l, path)
	if err != nil {
		return c.broke(err)
	}
	if served && reason == NotForwarded {
		return fmt.Errorf("the socket %s on %s takes no connection at the moment", path, c.target.Host)
	}
	why := &SocketError{Host: c.target.Host, User: l.user, Path: path, Reason: reason}
	c.drop(l, why)
	return why
}

// look is the reason as far as the user can see it; an error is about the
// connection.
func look(ctx context.Context, l *link, path string) (Reason, error) {
	session, err := l.NewSession()
	var refused *ssh.OpenChannelError
	if errors.As(err, &refused) {
		return Unclear, nil
	}
	if err != nil {
		return Unclear, err
	}
	stop := context.AfterFunc(ctx, func() { _ = session.Close() })
	defer stop()
	defer session.Close() //nolint:errcheck // it has said what it had to say
	out, err := session.Output("sh -c " + quote(script) + " sh " + quote(path))
	said := Reason(strings.TrimSpace(string(out)))
	switch said {
	case NoSocket, NotASocket, NoPermission, NotForwarded, NobodySeen:
		if err == nil {
			return said, nil
		}
	}
	return Unclear, nil
}

// quote makes one word of s for the shell at the other end.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
