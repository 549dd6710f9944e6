package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// sendTime bounds one try to send one message.
const sendTime = 15 * time.Second

// letter is one message to one who is told.
type letter struct {
	To     string
	Owner  string
	Text   string // by the template
	Notice report.Notice
}

// sender sends letters to one place. What it returns has nothing secret in it.
type sender interface {
	send(ctx context.Context, l letter) error
}

// open makes the sender that a notification describes.
func open(n *model.Notification, values model.Blobs, policy policy) (sender, error) {
	secret, ok := values[n.Secret.Digest]
	if !ok || len(secret) == 0 {
		return nil, fmt.Errorf("key %q of secret %q is empty; give it a value", n.Secret.Key, n.Secret.Secret)
	}
	if n.Webhook != "" {
		return newHook(n.Webhook, secret, policy)
	}
	return newChat(string(secret), policy)
}

// policy says which addresses may be reached. Repositories name them, and the
// controller stands where others may not.
type policy struct{ loopback bool }

// Errors of addresses, as people read them.
var (
	errLoopback  = errors.New("the address is this machine's own, which --notify-loopback would allow")
	errForbidden = errors.New("the address is link-local or no machine's, where nobody is told anything")
)

func (p policy) check(ip netip.Addr) error {
	ip = ip.Unmap()
	switch {
	case ip.IsLoopback() && !p.loopback:
		return errLoopback
	case ip.IsLinkLocalUnicast(), ip.IsMulticast(), ip.IsUnspecified():
		return errForbidden
	}
	return nil
}

// control looks at the address that is being connected to, whatever name it had.
func (p policy) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return p.check(at.Addr())
}

// client follows no redirect, goes through no proxy, and keeps no connection.
func (p policy) client() *http.Client {
	dialer := &net.Dialer{Timeout: sendTime, Control: p.control}
	return &http.Client{
		Timeout:       sendTime,
		Transport:     &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: sendTime, DisableKeepAlives: true, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// plainReason says why something could not be reached without any of what was
// reached for: libraries repeat URLs, which have tokens in them.
func plainReason(err error) error {
	var (
		dns  *net.DNSError
		call *net.OpError
		at   *url.Error
		code syscall.Errno
	)
	switch {
	case errors.Is(err, errLoopback):
		return errLoopback
	case errors.Is(err, errForbidden):
		return errForbidden
	case errors.Is(err, context.Canceled):
		return errors.New("the controller is ending")
	case errors.As(err, &dns):
		return errors.New("the server's name is not found")
	case errors.As(err, &at) && at.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("there is no answer within %s", sendTime)
	case errors.As(err, &code):
		return errors.New(code.Error())
	case isCertificate(err):
		return errors.New("the server's certificate is not trusted")
	case errors.As(err, &call):
		return errors.New("the server can't be reached")
	}
	return nil
}
