package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// hubKey is how Docker's configuration and the helpers name Docker Hub.
const hubKey = "https://index.docker.io/v1/"

// config is Docker's configuration file, as far as it is about credentials.
type config struct {
	Auths       map[string]authEntry `json:"auths"`
	CredsStore  string               `json:"credsStore"`
	CredHelpers map[string]string    `json:"credHelpers"`
}

type authEntry struct {
	Auth          string `json:"auth"` // base64 of username:password
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// DefaultConfigFile is where Docker's command line keeps its configuration; ""
// when there is no home directory.
func DefaultConfigFile() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return filepath.Join(dir, "config.json")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".docker", "config.json")
}

// DockerConfig is the keychain of Docker's configuration file. The file is read
// each time it is asked, so that a change counts at once. One that is not there
// has no credentials.
func DockerConfig(file string) Keychain {
	return func(ctx context.Context, registry string) (Credentials, bool, error) {
		if file == "" {
			return Credentials{}, false, nil
		}
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return Credentials{}, false, nil
		}
		if err != nil {
			return Credentials{}, false, fmt.Errorf("read registry credentials: %w", err)
		}
		c, err := parseConfig(data)
		if err != nil {
			return Credentials{}, false, fmt.Errorf("read registry credentials in %q: %w", file, err)
		}
		if name := c.helper(registry); name != "" {
			return runHelper(ctx, name, serverKey(registry))
		}
		return c.find(registry)
	}
}

// FromConfig is the keychain of the content of a Docker configuration file that
// came from somewhere else. It never runs a helper: whoever wrote it would
// choose what runs here. All of it has to be good, so that a mistake shows
// before the credentials are needed.
func FromConfig(data []byte) (Keychain, error) {
	c, err := parseConfig(data)
	if err == nil {
		err = c.usable()
	}
	if err != nil {
		return nil, fmt.Errorf("read registry credentials: %w", err)
	}
	return func(_ context.Context, registry string) (Credentials, bool, error) { return c.find(registry) }, nil
}

// FromConfigs is the keychain of several such contents, of which the first one
// that knows a registry counts; nil of none.
func FromConfigs(contents [][]byte) (Keychain, error) {
	var chain []Keychain
	for _, data := range contents {
		k, err := FromConfig(data)
		if err != nil {
			return nil, err
		}
		chain = append(chain, k)
	}
	if len(chain) == 0 {
		return nil, nil
	}
	return First(chain...), nil
}

// usable wants credentials, and only such as can be read.
func (c *config) usable() error {
	some := false
	for key := range c.Auths {
		_, ok, err := c.find(keyHost(key))
		if err != nil {
			return errors.New("an entry of auths has an auth that is not the base64 form of name:password")
		}
		some = some || ok
	}
	if !some {
		return errors.New("no credentials in auths; where docker login has put them into a helper's store (credsStore), they are not in the file")
	}
	return nil
}

// parseConfig repeats nothing of the content in its error.
func parseConfig(data []byte) (config, error) {
	var c config
	if err := json.Unmarshal(data, &c); err != nil {
		return c, errors.New("not a Docker configuration file in JSON")
	}
	return c, nil
}

// helper is the credential helper for a registry, or "".
func (c *config) helper(registry string) string {
	for key, name := range c.CredHelpers {
		if keyHost(key) == registry {
			return name
		}
	}
	return c.CredsStore
}

func (c *config) find(registry string) (Credentials, bool, error) {
	entry, ok := c.Auths[serverKey(registry)]
	for _, key := range slices.Sorted(maps.Keys(c.Auths)) { // there may be several, with different paths
		if !ok && keyHost(key) == registry {
			entry, ok = c.Auths[key], true
		}
	}
	if !ok || entry == (authEntry{}) { // docker leaves an empty entry where a helper has the rest
		return Credentials{}, false, nil
	}
	found := Credentials{entry.Username, entry.Password, entry.IdentityToken, entry.RegistryToken}
	if entry.Auth == "" {
		return found, true, nil
	}
	plain, err := base64.StdEncoding.DecodeString(entry.Auth)
	name, password, pair := strings.Cut(string(plain), ":")
	if err != nil || !pair {
		return Credentials{}, false, fmt.Errorf("read credentials for registry %q: auth is not the base64 form of name:password", registry)
	}
	found.Username, found.Password = name, strings.TrimRight(password, "\x00")
	return found, true, nil
}

// keyHost is the registry that a key of the file means: keys may have a scheme
// and a path.
func keyHost(key string) string {
	_, rest, scheme := strings.Cut(key, "://")
	if !scheme {
		rest = key
	}
	host, _, _ := strings.Cut(rest, "/")
	if host == "index.docker.io" || host == "registry-1.docker.io" {
		return Hub
	}
	return host
}

// serverKey is what helpers call a registry.
func serverKey(registry string) string {
	if registry == Hub {
		return hubKey
	}
	return registry
}
