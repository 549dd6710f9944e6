package sshconn

import (
	"context"
	"fmt"
	"net"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Login is who we are, and whom we expect.
type Login struct {
	User  string
	Auth  []ssh.AuthMethod
	Hosts *KnownHosts
}

// Over logs in over a connection, which is closed when that fails or ctx ends
// first.
func (l Login) Over(ctx context.Context, conn net.Conn) (*ssh.Client, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	c, channels, requests, err := ssh.NewClientConn(conn, l.Hosts.server.String(), &ssh.ClientConfig{
		User: l.User, Auth: l.Auth, HostKeyCallback: l.Hosts.check, HostKeyAlgorithms: l.Hosts.algorithms,
	})
	if err != nil {
		_ = conn.Close()
		return nil, l.explain(err)
	}
	return ssh.NewClient(c, channels, requests), nil
}

var errNoKey = Refuse("the server accepts none of the offered ssh keys")

// explain puts our own words first where the library only has one for all.
func (l Login) explain(err error) error {
	if l.Hosts.refusal != nil {
		return l.Hosts.refusal
	}
	if strings.Contains(err.Error(), "unable to authenticate") {
		return errNoKey
	}
	return fmt.Errorf("connect by ssh: %w", err)
}
