package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// ask asks once, by a HEAD: registries that count pulls do not count it.
func (r *Resolver) ask(ctx context.Context, q question, c Credentials) (string, error) {
	repo, err := q.repository(plainAllowed(q.registry, r.insecure))
	if err != nil {
		return "", err
	}
	wire := &guard{next: r.net, insecure: r.insecure}
	digest, err := head(repo.Tag(q.tag), wire.options(ctx, c)...)
	if err != nil {
		return "", wire.failure(q, c, err)
	}
	return digest, nil
}

// once has a registry asked that is not left alone for now, and does not ask again.
// Answers without an end are cut off.
func (r *Resolver) once(ctx context.Context, q question, keys Keychain, ask func(name.Repository, []remote.Option) error) error {
	c, err := q.credentials(ctx, keys)
	if err != nil {
		return err
	}
	if left := r.rests.left(q.whose(c), time.Now()); left > 0 {
		return &Error{Class: RateLimited, Ref: q.ref, Registry: q.registry, RetryAfter: left}
	}
	repo, err := q.repository(plainAllowed(q.registry, r.insecure))
	if err != nil {
		return err
	}
	wire := &guard{next: cutOff{r.net}, insecure: r.insecure}
	err = ask(repo, wire.options(ctx, c))
	var told *Error
	if err == nil || errors.As(err, &told) {
		return err
	}
	failure := wire.failure(q, c, err)
	r.rests.note(q.whose(c), failure, time.Now())
	return failure
}

// options are how the library asks: once, and through the guard.
func (g *guard) options(ctx context.Context, c Credentials) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(g), remote.WithAuth(authenticator(c)),
		remote.WithUserAgent("tallyman"), remote.WithRetryStatusCodes(), remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
	}
}

// failure is why a question that went through the guard has no answer.
func (g *guard) failure(q question, c Credentials, err error) *Error {
	failure := classify(err)
	failure.Ref, failure.Registry, failure.RetryAfter = q.ref, q.registry, g.retryAfter()
	failure.Cause = c.scrub(failure.Cause)
	return failure
}

// head takes the digest from the answer's header. A registry that leaves it out
// is asked for the manifest itself.
func head(target name.Tag, opts ...remote.Option) (string, error) {
	found, err := remote.Head(target, opts...)
	if err == nil {
		return found.Digest.String(), nil
	}
	if !strings.Contains(err.Error(), "response did not include") {
		return "", err
	}
	whole, err := remote.Get(target, opts...)
	if err != nil {
		return "", err
	}
	return whole.Digest.String(), nil
}

func authenticator(c Credentials) authn.Authenticator {
	if c == (Credentials{}) {
		return authn.Anonymous
	}
	return authn.FromConfig(authn.AuthConfig{
		Username: c.Username, Password: c.Password, IdentityToken: c.IdentityToken, RegistryToken: c.RegistryToken,
	})
}

// maxCause bounds what is repeated of an answer.
const maxCause = 300

// classify sorts a failure of the library.
func classify(err error) *Error {
	var answer *transport.Error
	if errors.As(err, &answer) {
		return classOfStatus(answer.StatusCode)
	}
	e := &Error{Class: Unreachable, Cause: err.Error()}
	var refused *refusal
	if errors.As(err, &refused) {
		e.Class, e.Cause = Denied, refused.Error()
	}
	e.Cause = e.Cause[:min(len(e.Cause), maxCause)]
	return e
}

// classOfStatus has no words of the registry: a HEAD is answered without any.
func classOfStatus(status int) *Error {
	e := &Error{Class: Invalid, Cause: fmt.Sprintf("the registry answered %d %s", status, http.StatusText(status))}
	switch {
	case status == http.StatusNotFound:
		e.Class = NotFound
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Class = Denied
	case status == http.StatusTooManyRequests:
		e.Class = RateLimited
	case status >= 500, status == http.StatusRequestTimeout:
		e.Class = Unreachable
	}
	return e
}

// guard is the way to the network. It refuses to speak without TLS where that
// is not allowed, whoever asks for it (a registry that redirects, a token
// server), and remembers how long a registry wants to be left alone.
type guard struct {
	next     http.RoundTripper
	insecure []string

	mu    sync.Mutex
	later time.Duration
}

// refusal is why the guard sent nothing.
type refusal struct{ host string }

func (r *refusal) Error() string {
	return fmt.Sprintf("%q would have to be asked without TLS; if that is what you want, name it in --insecure-registry", r.host)
}

// RoundTrip sends one request.
func (g *guard) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme != "https" && !plainAllowed(request.URL.Host, g.insecure) {
		return nil, &refusal{request.URL.Host}
	}
	answer, err := g.next.RoundTrip(request)
	if err == nil && (answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusServiceUnavailable) {
		g.note(answer.Header.Get("Retry-After"))
	}
	return answer, err
}

// note reads Retry-After, which is seconds or a date.
func (g *guard) note(header string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if seconds, err := strconv.Atoi(header); err == nil && seconds > 0 {
		g.later = time.Duration(min(seconds, 24*60*60)) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		g.later = max(0, time.Until(at))
	}
}

func (g *guard) retryAfter() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.later
}
