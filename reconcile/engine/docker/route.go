package docker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/docker/docker/client"

	"github.com/tallyman-io/tallyman/internal/sshconn"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// route is the way to an engine. Clients come and go with the engine's API
// version; the route stays, and with it the ssh connection that all of them
// share.
type route struct {
	endpoint
	tunnel *sshconn.Conn // over ssh
}

// newRoute prepares the way to a host and sends nothing.
func newRoute(host model.Host) (*route, error) {
	e, err := addressOf(host)
	if err != nil {
		return nil, err
	}
	r := &route{endpoint: e}
	if _, err := tlsConfig(e.tls); err != nil {
		return nil, err
	}
	if e.scheme == "ssh" {
		r.tunnel = sshconn.New(sshconn.Target{
			User: e.user, Host: e.host, Port: e.port, IdentityFile: e.ssh.IdentityFile, KnownHosts: e.ssh.KnownHosts,
		}, sshconn.Times{})
	}
	return r, nil
}

func (r *route) close() error {
	if r.tunnel == nil {
		return nil
	}
	return r.tunnel.Close()
}

// client makes a client, without sending anything, that speaks the API version,
// or the newest it knows.
func (r *route) client(version string) (*client.Client, error) {
	transport, err := r.transport()
	if err != nil {
		return nil, err
	}
	address := r.text
	if r.tunnel != nil {
		address = "tcp://engine" // what the client needs for its requests; nobody looks it up
	}
	return client.NewClientWithOpts(
		client.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}),
		client.WithHost(address),
		r.direct(transport),
		client.WithVersion(version),
	)
}

// transport holds enough idle connections for the inspects of a pass, so
// that they do not dial anew each time.
func (r *route) transport() (*http.Transport, error) {
	config, err := tlsConfig(r.tls)
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		TLSClientConfig: config, // by which the client sees that it is to speak TLS; direct makes the connections
		MaxIdleConns:    2 * parallel, MaxIdleConnsPerHost: 2 * parallel, IdleConnTimeout: 90 * time.Second,
	}, nil
}

// dialTime bounds the making of a connection, a handshake included.
const dialTime = 10 * time.Second

// direct undoes what the client sets up for tcp: engines are on the team's own
// network, not behind the proxy for the internet, and a peer that vanished is
// noticed by keep-alives, which the event stream depends on.
func (r *route) direct(transport *http.Transport) client.Opt {
	return func(*client.Client) error {
		switch r.scheme {
		case "tcp":
			keepAlive := net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}
			dialer := &net.Dialer{Timeout: dialTime, KeepAliveConfig: keepAlive}
			transport.Proxy, transport.DialContext = nil, dialer.DialContext
			transport.DialTLSContext = r.dialTLS(dialer)
		case "ssh":
			transport.Proxy, transport.DialContext = nil, r.dialSSH
		}
		return nil
	}
}

// dialTLS reads the certificates again for each connection, so renewed ones are
// used from the next connection on, without a restart: connections are few, the
// files are small, and there is no watcher that could miss a change.
func (r *route) dialTLS(dialer *net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		config, err := tlsConfig(r.tls)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, dialTime)
		defer cancel()
		return (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, network, address)
	}
}

// tlsConfig is nil without files.
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
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return nil, fmt.Errorf("read tls certificate and key: %w", err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}
