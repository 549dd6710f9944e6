package docker

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/docker/client"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// dial makes a client of a host, without sending anything, that speaks the API
// version, or the newest it knows.
func dial(host model.Host, version string) (*client.Client, error) {
	source, endpoint, files := "endpoint", host.Endpoint, host.TLS
	if endpoint == "" {
		source = client.EnvOverrideHost
		endpoint, files = fromEnvironment(files)
	}
	scheme, reason := schemeOf(endpoint, files)
	if reason != "" {
		return nil, fmt.Errorf("%w: %s %q %s", ErrEndpoint, source, withoutUser(endpoint), reason)
	}
	transport, err := transportFor(files)
	if err != nil {
		return nil, err
	}
	return client.NewClientWithOpts(
		client.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}),
		client.WithHost(endpoint),
		direct(transport, scheme),
		client.WithVersion(version),
	)
}

// ErrEndpoint is an address at which no engine can ever be reached.
var ErrEndpoint = errors.New("unusable address of the engine")

// schemeOf is the endpoint's scheme, or the reason why it is of no use.
func schemeOf(endpoint string, files model.TLS) (scheme, reason string) {
	scheme, address, ok := strings.Cut(endpoint, "://")
	switch {
	case !ok:
		return "", "has no scheme: write unix:// or tcp://"
	case scheme == "ssh":
		return "", "is over ssh, which is not supported yet: use unix:// or tcp://"
	case scheme != "unix" && scheme != "tcp":
		return "", fmt.Sprintf("has the unknown scheme %q: use unix:// or tcp://", scheme)
	case address == "":
		return "", "names no address: write unix:///PATH or tcp://HOST:PORT"
	case scheme == "unix" && files != model.TLS{}:
		return "", "has tls, which is for tcp endpoints"
	}
	return scheme, ""
}

// withoutUser leaves out what may be a password.
func withoutUser(endpoint string) string {
	scheme, address, ok := strings.Cut(endpoint, "://")
	if !ok {
		scheme, address = "", endpoint
	} else {
		scheme += "://"
	}
	return scheme + address[strings.LastIndex(address, "@")+1:]
}

// fromEnvironment is the endpoint that the docker command would use too.
// DOCKER_TLS_VERIFY is not asked: certificates are always verified.
func fromEnvironment(files model.TLS) (string, model.TLS) {
	endpoint := os.Getenv(client.EnvOverrideHost)
	if endpoint == "" {
		return client.DefaultDockerHost, files
	}
	dir := os.Getenv(client.EnvOverrideCertPath)
	if dir != "" && strings.HasPrefix(endpoint, "tcp://") && files == (model.TLS{}) {
		files = model.TLS{
			CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"),
		}
	}
	return endpoint, files
}

// transportFor holds enough idle connections for the inspects of a pass, so
// that they do not dial anew each time.
func transportFor(files model.TLS) (*http.Transport, error) {
	config, err := tlsConfig(files)
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		TLSClientConfig: config, MaxIdleConns: 2 * parallel, MaxIdleConnsPerHost: 2 * parallel,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
	}, nil
}

// direct undoes what the client sets up for tcp: engines are on the team's own
// network, not behind the proxy for the internet, and a peer that vanished is
// noticed by keep-alives, which the event stream depends on.
func direct(transport *http.Transport, scheme string) client.Opt {
	return func(*client.Client) error {
		if scheme != "tcp" {
			return nil
		}
		keepAlive := net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}
		transport.Proxy = nil
		transport.DialContext = (&net.Dialer{Timeout: 10 * time.Second, KeepAliveConfig: keepAlive}).DialContext
		return nil
	}
}

// tlsConfig is nil without files. The certificate is read again for each
// connection, so a renewed one is used without a restart.
func tlsConfig(files model.TLS) (*tls.Config, error) {
	if files == (model.TLS{}) {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if files.CA != "" {
		pem, err := os.ReadFile(files.CA)
		if err != nil {
			return nil, fmt.Errorf("read tls ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read tls ca %q: no certificate in it", files.CA)
		}
	}
	if files.Cert == "" && files.Key == "" {
		return config, nil
	}
	load := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
		if err != nil {
			return nil, fmt.Errorf("read tls certificate and key: %w", err)
		}
		return &pair, nil
	}
	config.GetClientCertificate = load
	_, err := load(nil)
	return config, err
}
