package git

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// httpRemote keeps the connection open from one poll to the next. go-git drops
// the credentials when a redirect leaves the origin they are for.
type httpRemote struct {
	transport transport.Transport
	plain     *http.Client // follows no redirect
	noGlance  bool         // glancing did not work; used by one Fetch at a time
}

func (r *Repository) openHTTP() error {
	if r.addr.scheme != "http" && r.addr.scheme != "https" {
		return nil
	}
	trust, err := trustedRoots(r.cfg.CAFile)
	if err != nil {
		return err
	}
	capped := &cappedTransport{
		limit: r.cfg.Limits.MaxFetchSize,
		next: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&idleDialer{r.cfg.Timeout}).dial,
			TLSClientConfig:       &tls.Config{RootCAs: trust, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:   r.cfg.Timeout,
			ResponseHeaderTimeout: r.cfg.Timeout,
			MaxIdleConnsPerHost:   1,
		},
	}
	r.http = &httpRemote{
		transport: githttp.NewClient(&http.Client{Transport: capped}),
		plain:     &http.Client{Transport: capped, CheckRedirect: noRedirect},
	}
	return nil
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// trustedRoots is the system's certificates and those in file; nil is the
// system's alone.
func trustedRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read CA file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read CA file %q: no certificate in it", file)
	}
	return pool, nil
}

type httpSession struct {
	transport.UploadPackSession
	advertised *packp.AdvRefs
}

func (h *httpRemote) session(a address, creds credentials) (session, error) {
	endpoint, auth, err := endpointOf(a, creds)
	if err != nil {
		return nil, err
	}
	s, err := h.transport.NewUploadPackSession(endpoint, auth)
	if err != nil {
		return nil, err
	}
	return &httpSession{UploadPackSession: s}, nil
}

func endpointOf(a address, creds credentials) (*transport.Endpoint, transport.AuthMethod, error) {
	host := a.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	endpoint := &transport.Endpoint{Protocol: a.scheme, Host: host, Path: a.httpURL().EscapedPath()}
	if a.port != "" {
		port, err := strconv.Atoi(a.port)
		if err != nil {
			return nil, nil, errors.New("the URL names no valid port")
		}
		endpoint.Port = port
	}
	if creds.user == "" && creds.password == "" {
		return endpoint, nil, nil
	}
	return endpoint, &githttp.BasicAuth{Username: creds.basicUser(), Password: creds.password}, nil
}

func (s *httpSession) list(ctx context.Context) (*refs, error) {
	ar, err := s.AdvertisedReferencesContext(ctx)
	if err != nil {
		return nil, err
	}
	s.advertised = ar
	return newRefs(ar), nil
}

func (s *httpSession) pack(ctx context.Context, req request, to io.Writer) error {
	up, err := newRequest(s.advertised, req)
	if err != nil {
		return err
	}
	answer, err := s.UploadPack(ctx, up)
	if err != nil {
		return fmt.Errorf("ask for objects: %w", err)
	}
	defer answer.Close() //nolint:errcheck // only read from
	return copyAnswer(to, up, answer)
}

// cappedTransport ends answers that never end. Of an error page only the
// beginning is worth reading.
type cappedTransport struct {
	limit int64
	next  http.RoundTripper
}

const maxErrorPage = 4 << 10

func (t *cappedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	limit := t.limit
	if res.StatusCode >= http.StatusBadRequest {
		limit = maxErrorPage
	}
	res.Body = &cappedBody{io.LimitReader(res.Body, limit), res.Body}
	if collect, wanted := req.Context().Value(answersKey{}).(*answers); wanted {
		collect.bodies = append(collect.bodies, res.Body)
	}
	return res, nil
}

type cappedBody struct {
	io.Reader
	io.Closer
}
