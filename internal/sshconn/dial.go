package sshconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// connect makes a connection to the server, over its jump host if it has one.
func (s *server) connect(ctx context.Context) (*ssh.Client, error) {
	if s.via == nil {
		conn, err := dialTCP(ctx, s.Address)
		if err != nil {
			return nil, err
		}
		return s.login(ctx, conn)
	}
	via, err := s.via.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("over the jump host %s: %w", s.via, err)
	}
	conn, err := via.DialContext(ctx, "tcp", s.String())
	if err != nil {
		_ = via.Close()
		return nil, fmt.Errorf("the jump host %s makes no connection to %s: %w", s.via, s, err)
	}
	client, err := s.login(ctx, conn)
	if err != nil {
		_ = via.Close()
		return nil, err
	}
	go func() {
		_ = client.Wait()
		_ = via.Close()
	}()
	return client, nil
}

// login says who we are, and looks who answers.
func (s *server) login(ctx context.Context, conn net.Conn) (*ssh.Client, error) {
	hosts, err := ReadKnownHosts(s.Address, s.knownHosts...)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	if s.via != nil {
		hosts.scan = "ssh " + s.via.Host + " "
	}
	keys, closed, err := s.offers()
	defer closed()
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	client, err := Login{s.user, []ssh.AuthMethod{ssh.PublicKeys(keys.signers...)}, hosts}.Over(ctx, conn)
	if errors.Is(err, errNoKey) {
		return nil, s.noKey(keys)
	}
	return client, err
}

// noKey says what was offered, so that a person sees what was not.
func (s *server) noKey(keys tried) error {
	offered := "there was none to offer"
	if len(keys.signers) > 0 {
		offered = "offered: " + strings.Join(keys.offered, ", ")
	}
	notes := ""
	if len(keys.notes) > 0 {
		notes = "; " + strings.Join(keys.notes, "; ")
	}
	return Refuse("%s accepts no key for user %q (%s%s); put the public key into ~%s/.ssh/authorized_keys there, or name another key or user",
		s, s.user, offered, notes, s.user)
}

// dialTCP notices by itself when nobody is there any more, but not before its
// probes time out; what is alive and says nothing, Conn notices.
func dialTCP(ctx context.Context, a Address) (net.Conn, error) {
	keepAlive := net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}
	conn, err := (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext(ctx, "tcp", a.String())
	var lookup *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("nothing listens at %s; is sshd running there, and on this port?", a)
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return nil, fmt.Errorf("no name server and no ssh configuration knows the host %q", a.Host)
	}
	return conn, err
}
