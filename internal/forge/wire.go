package forge

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	// maxAnswer bounds an answer, in bytes: a page of a hundred pull requests
	// with long texts has some megabytes.
	maxAnswer = 16 << 20
	tryTime   = 30 * time.Second // for one try of a request
)

// wire is the way to one forge. From the caller to the network a request
// passes: wire (the rate limit, and answers that are errors), etags, retries,
// the App's token or none, guard.
type wire struct {
	host string
	pace pace

	next http.RoundTripper

	mu   sync.Mutex
	seen []string // credentials that were sent, so that none gets into an error
}

// newWire makes the way to base. dress puts more credentials on than a token,
// and may be nil.
func newWire(base *url.URL, c Config, dress func(http.RoundTripper) (http.RoundTripper, error)) (*wire, error) {
	network, err := c.network()
	if err != nil {
		return nil, err
	}
	w := &wire{host: base.Host, pace: pace{least: cmp.Or(c.firstWait, time.Second), most: 30 * time.Second}}
	var inner http.RoundTripper = &guard{wire: w, base: base, scheme: c.Kind.scheme(), tokenFile: c.TokenFile, next: network}
	if dress != nil {
		if inner, err = dress(inner); err != nil {
			return nil, err
		}
	}
	w.next = &etags{next: &retryablehttp.RoundTripper{Client: w.pace.retries(inner)}}
	return w, nil
}

// network is where requests leave, with certificates checked.
func (c Config) network() (*http.Transport, error) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: tryTime,
		IdleConnTimeout:       time.Minute,
		MaxIdleConnsPerHost:   4,
		ForceAttemptHTTP2:     true,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if c.CAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read certificate authority of the forge: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read certificate authority of the forge %q: the file has no PEM certificate", c.CAFile)
	}
	t.TLSClientConfig.RootCAs = pool
	return t, nil
}

// client is what SDKs send by.
func (w *wire) client() *http.Client {
	return &http.Client{Transport: w, CheckRedirect: sameHost}
}

func sameHost(request *http.Request, via []*http.Request) error {
	if len(via) > 5 {
		return errors.New("the forge redirects too often")
	}
	if from := via[0].URL; request.URL.Host != from.Host || request.URL.Scheme != from.Scheme {
		return fmt.Errorf("the forge redirects to %q; name that one if it is right", request.URL.Scheme+"://"+request.URL.Host)
	}
	return nil
}

// RoundTrip implements http.RoundTripper. An answer that is an error becomes
// one here, so that it is the same whichever SDK asked.
func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	if until, closed := w.pace.closed(time.Now()); closed {
		return nil, &Error{Class: RateLimited, Forge: w.host, Until: until}
	}
	answer, err := w.next.RoundTrip(request)
	if err != nil {
		return nil, w.failed(err)
	}
	body, err := io.ReadAll(answer.Body) // guard has it in memory already
	if err != nil {
		return nil, w.unreachable(err)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	if answer.StatusCode >= 400 {
		e := w.refused(answer, body)
		w.pace.close(e)
		return nil, e
	}
	if request.Method == http.MethodGet && answer.StatusCode == http.StatusOK && nothing(request, body) {
		return nil, w.unreachable(errors.New("the answer is empty"))
	}
	return answer, nil
}

// failed is an error of the layers below.
func (w *wire) failed(err error) error {
	if answer, body := tokenAnswer(err); answer != nil {
		e := w.refused(answer, body)
		w.pace.close(e)
		return e
	}
	var mine unreadable
	if errors.As(err, &mine) {
		return mine
	}
	return w.unreachable(err)
}

// nothing says that there is no JSON value in an answer, which SDKs would take
// for an empty list. Gitea's timeline is null where nothing happened.
func nothing(request *http.Request, body []byte) bool {
	if strings.HasSuffix(request.URL.Path, ".diff") {
		return false
	}
	body = bytes.TrimSpace(body)
	return len(body) == 0 || string(body) == "null" && !strings.HasSuffix(request.URL.Path, "/timeline")
}

// sent remembers credentials.
func (w *wire) sent(header string) {
	_, secret, found := strings.Cut(header, " ")
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.seen {
		if s == secret {
			return
		}
	}
	if found && secret != "" {
		w.seen = append(w.seen[max(0, len(w.seen)-7):], secret)
	}
}

func (w *wire) secrets() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.seen...)
}

// guard is the last one before the network. It shows the token to the forge
// alone, and takes no answer without an end.
type guard struct {
	wire      *wire
	base      *url.URL
	scheme    string // word before the token
	tokenFile string
	next      http.RoundTripper
}

// refusal is why nothing was sent, or an answer not taken; trying again does
// not help.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// errLarge is why an answer is not taken that has no end.
var errLarge = fmt.Errorf("the answer is larger than %d MiB", maxAnswer>>20)

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Host != g.base.Host || request.URL.Scheme != g.base.Scheme {
		return nil, refusal{fmt.Errorf("%q is not the forge", request.URL.Host)}
	}
	if g.tokenFile != "" {
		token, err := ReadToken(g.tokenFile)
		if err != nil {
			return nil, refusal{err}
		}
		request = request.Clone(request.Context())
		request.Header.Set("Authorization", g.scheme+" "+token)
	}
	g.wire.sent(request.Header.Get("Authorization"))
	answer, err := g.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxAnswer {
		return nil, refusal{errLarge}
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// unreadable is why there is no token to show, of which the forge knows nothing.
type unreadable struct{ error }

// ReadToken reads a token, which is done anew for each request so that it can be
// renewed.
func ReadToken(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", unreadable{fmt.Errorf("read token: %w", err)}
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", unreadable{fmt.Errorf("read token: file %q has to hold a token and nothing else", file)}
	}
	return token, nil
}
