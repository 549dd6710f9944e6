package git

import (
	"errors"
	"net"
	"net/url"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// What a name server says of a host comes through the layers of the transport
// as something that a caller can tell apart, and without the server's address.
func TestAHostThatNobodyKnows(t *testing.T) {
	r := follow(t, "https://git.example.com/fleet.git")
	lookup := func(found bool) error {
		dns := &net.DNSError{Err: "no such host", Name: "git.example.com", Server: "192.0.2.53:53", IsNotFound: !found}
		return plumbing.NewUnexpectedError(&url.Error{Op: "Get", URL: "https://git.example.com", Err: &net.OpError{Op: "dial", Net: "tcp", Err: dns}})
	}
	err := r.fail("fetch repository", r.String(), explain(lookup(false), true))
	if !errors.Is(err, ErrUnknownHost) || err.Error() != `fetch repository "https://git.example.com/fleet.git": no such host: "git.example.com"` {
		t.Errorf("got %v", err)
	}
	if err := r.fail("fetch repository", r.String(), explain(lookup(true), true)); errors.Is(err, ErrUnknownHost) {
		t.Errorf("a name server that could not say is taken for one that said no: %v", err)
	}
}
