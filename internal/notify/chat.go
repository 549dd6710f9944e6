package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

// chat sends with shoutrrr, whose services know no context: one that hangs keeps
// this chat's next messages waiting, and nothing else.
type chat struct {
	service string // the URL's scheme
	sender  types.Sender
	pending *attempt              // that was given up waiting for
	late    map[report.About]bool // what arrived after it was given up
}

// attempt is a message on its way.
type attempt struct {
	about report.About
	ended chan error
}

// newChat reads a URL and never repeats any of it but its scheme.
func newChat(address string, p policy) (*chat, error) {
	address = strings.TrimSpace(address)
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return nil, errors.New("the secret's value is no URL such as slack://…; correct it")
	}
	if u.Scheme == "generic" || strings.HasPrefix(u.Scheme, "generic+") {
		return nil, errors.New("generic:// is not taken, because nothing vouches for its messages; use webhook")
	}
	create, there := services()[u.Scheme]
	if !there { // which may be a token that somebody pasted
		return nil, errors.New("the URL's scheme is none that there is; there are " + strings.Join(slices.Sorted(maps.Keys(services())), ", "))
	}
	if err := p.checkURL(u); err != nil {
		return nil, err
	}
	sender := create()
	if err := guarded(func() error { return sender.Initialize(u, log.New(io.Discard, "", 0)) }); err != nil {
		return nil, fmt.Errorf("the URL is not as %s:// needs it; hold it against shoutrrr's documentation of the service", u.Scheme)
	}
	return &chat{service: u.Scheme, sender: sender, late: map[report.About]bool{}}, nil
}

// unsafeOptions are those with which services do without TLS or without looking at
// certificates.
func unsafeOptions() []string {
	return []string{"disabletls", "disabletlsverification", "insecureskipverify", "skiptlsverify"}
}

// checkURL looks at what can be seen in a URL: services connect by themselves. Names
// are not looked up, because in some services' URLs they are tokens.
func (p policy) checkURL(u *url.URL) error {
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	local := strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
	if local && !p.loopback {
		return errLoopback
	}
	if err == nil {
		if err := p.check(ip); err != nil {
			return err
		}
	}
	for key, values := range u.Query() {
		on := !strings.EqualFold(values[0], "no") && !strings.EqualFold(values[0], "false") && values[0] != "0"
		for _, option := range unsafeOptions() {
			if strings.EqualFold(key, option) && on && !local {
				return fmt.Errorf("the option %s is not taken: what is told goes over verified TLS; take it out", option)
			}
		}
		if strings.EqualFold(key, "scheme") && strings.EqualFold(values[0], "http") && !local {
			return errors.New("the option scheme=http is not taken: what is told goes over verified TLS; take it out")
		}
	}
	return nil
}

func (c *chat) send(ctx context.Context, l letter) error {
	if c.pending != nil && !c.settle() {
		return fmt.Errorf("%s has given no answer to an earlier message yet", c.service)
	}
	if c.late[l.Notice.About] {
		delete(c.late, l.Notice.About)
		return nil
	}
	now := &attempt{about: l.Notice.About, ended: make(chan error, 1)}
	go func() { now.ended <- guarded(func() error { return c.sender.Send(l.Text, &types.Params{}) }) }()
	timeout := time.NewTimer(sendTime)
	defer timeout.Stop()
	select {
	case err := <-now.ended:
		return c.plain(err)
	case <-ctx.Done():
		c.pending = now
		return plainReason(ctx.Err())
	case <-timeout.C:
		c.pending = now
		return plainReason(context.DeadlineExceeded)
	}
}

// settle says whether the message that was given up has ended, and remembers it if it
// arrived: a service that is only slow would be sent the same one for ever.
func (c *chat) settle() bool {
	select {
	case err := <-c.pending.ended:
		if err == nil {
			c.late[c.pending.about] = true
		}
		c.pending = nil
		return true
	default:
		return false
	}
}

// guarded keeps a service that panics, on an odd URL or answer, from ending the
// controller.
func guarded(do func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("it panics")
		}
	}()
	return do()
}

var statusCode = regexp.MustCompile(`\b[345][0-9][0-9]\b`)

// plain is what may be said of an error: the text itself may quote the URL.
func (c *chat) plain(err error) error {
	if err == nil {
		return nil
	}
	if reason := plainReason(err); reason != nil {
		return fmt.Errorf("%s: %w", c.service, reason)
	}
	if code := statusCode.FindString(err.Error()); code != "" {
		return fmt.Errorf("%s refuses the message, with %s", c.service, code)
	}
	return fmt.Errorf("%s does not take the message; see if its URL is still good", c.service)
}
