package registry

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// Options say how registries may be reached.
type Options struct {
	// Insecure are registries (host, host:port, or a network as 10.0.0.0/8)
	// that may be spoken to without TLS. This machine always may.
	Insecure []string
}

const (
	// tries bounds how often one question is asked: what an outage is, and not a
	// hiccup, is for whoever asks again later.
	tries = 3
	// firstWait doubles with each try; up to half of it is left to chance, so
	// that many who were refused together don't come back together.
	firstWait = 500 * time.Millisecond
	// longestWait is how long a registry's own wish is waited for here.
	longestWait = 5 * time.Second
)

// Resolver asks registries. It keeps nothing but open connections, and which
// registries want to be left alone for a while.
type Resolver struct {
	insecure []string
	net      *http.Transport
	wait     func(context.Context, time.Duration) error
	rests    rests
}

// NewResolver makes a resolver. It sends nothing yet.
func NewResolver(o Options) *Resolver {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &Resolver{insecure: o.Insecure, wait: pause, net: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 10 * time.Second,
		IdleConnTimeout: 30 * time.Second, MaxIdleConnsPerHost: 4,
	}}
}

// Close lets go of open connections.
func (r *Resolver) Close() { r.net.CloseIdleConnections() }

// Resolve asks for the digest that a reference stands for now. One that has a
// digest already is that one, and no registry is asked. Every error is an
// *Error with a class, but for those of the keychain.
func (r *Resolver) Resolve(ctx context.Context, ref string, keys Keychain) (string, error) {
	q, err := parse(ref)
	if err != nil {
		return "", err
	}
	if q.digest != "" {
		return q.digest, nil
	}
	credentials, err := q.credentials(ctx, keys)
	if err != nil {
		return "", err
	}
	return r.patiently(ctx, q, credentials)
}

// credentials are those of a keychain for the question; nil has none.
func (q question) credentials(ctx context.Context, keys Keychain) (Credentials, error) {
	if keys == nil {
		return Credentials{}, nil
	}
	found, _, err := keys(ctx, q.registry)
	if err != nil {
		return found, &Error{Class: Denied, Ref: q.ref, Registry: q.registry, Cause: err.Error()}
	}
	return found, nil
}

// whose is what a registry counts requests by: the account, where there is one.
func (q question) whose(c Credentials) string { return q.registry + "\n" + c.Username }

// patiently asks again what may succeed when it is asked again.
func (r *Resolver) patiently(ctx context.Context, q question, c Credentials) (string, error) {
	whose := q.whose(c)
	if left := r.rests.left(whose, time.Now()); left > 0 {
		return "", &Error{Class: RateLimited, Ref: q.ref, Registry: q.registry, RetryAfter: left}
	}
	for try := 1; ; try++ {
		digest, err := r.ask(ctx, q, c)
		if err == nil || !ClassOf(err).Transient() || try == tries {
			return digest, err
		}
		wait := max(jittered(firstWait<<(try-1)), retryAfter(err))
		if wait > longestWait {
			r.rests.note(whose, err, time.Now())
			return "", err
		}
		if r.wait(ctx, wait) != nil {
			return "", err
		}
	}
}

func jittered(d time.Duration) time.Duration { return d/2 + rand.N(d/2) }

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
