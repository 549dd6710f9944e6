package docker

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/docker/client"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// ErrEndpoint is an address at which no engine can ever be reached.
var ErrEndpoint = errors.New("unusable address of the engine")

// endpoint is an engine's address, taken apart.
type endpoint struct {
	text   string // as it was given
	scheme string
	tls    model.TLS
	ssh    model.SSH
	// Of an ssh endpoint:
	user, host, port string
	socket           string
}

// addressOf is the host's endpoint; without one it is what the environment
// says.
func addressOf(host model.Host) (endpoint, error) {
	source, e := "endpoint", endpoint{text: host.Endpoint, tls: host.TLS, ssh: host.SSH}
	if e.text == "" {
		source = client.EnvOverrideHost
		e.text, e.tls = fromEnvironment(e.tls)
	}
	if reason := e.parse(); reason != "" {
		return e, fmt.Errorf("%w: %s %q %s", ErrEndpoint, source, withoutUser(e.text), reason)
	}
	return e, nil
}

// parse takes the address apart, or gives the reason why it is of no use.
func (e *endpoint) parse() (reason string) {
	scheme, address, ok := strings.Cut(e.text, "://")
	e.scheme = scheme
	switch {
	case !ok:
		return "has no scheme: write unix://, tcp:// or ssh://"
	case scheme != "unix" && scheme != "tcp" && scheme != "ssh":
		return fmt.Sprintf("has the unknown scheme %q: use unix://, tcp:// or ssh://", scheme)
	case address == "":
		return "names no address: write unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST"
	case scheme != "tcp" && e.tls != model.TLS{}:
		return "has tls, which is for tcp endpoints"
	case scheme != "ssh" && e.ssh != model.SSH{}:
		return "has ssh, which is for ssh endpoints"
	case scheme == "ssh":
		return e.parseSSH()
	}
	return ""
}

// usualSocket is where an engine listens on its own host.
const usualSocket = "/var/run/docker.sock"

func (e *endpoint) parseSSH() (reason string) {
	u, err := url.Parse(e.text)
	switch {
	case err != nil || u.Hostname() == "":
		return "is no address: write ssh://USER@HOST:PORT/PATH/OF/THE/SOCKET, of which only HOST is needed"
	case u.RawQuery != "" || u.Fragment != "":
		return "has a part after ? or #, which means nothing over ssh"
	}
	if _, password := u.User.Password(); password {
		return "has a password, which is never taken from an address: use a key"
	}
	e.user, e.host, e.port, e.socket = u.User.Username(), u.Hostname(), u.Port(), strings.TrimSuffix(u.Path, "/")
	if e.socket == "" {
		e.socket = usualSocket
	}
	return ""
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
