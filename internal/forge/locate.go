package forge

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Locate is where the repository that Git knows by raw (https://, ssh:// or
// user@host:path) is on its forge. The kind may be "" at github.com and
// gitlab.com. Credentials in raw go nowhere, also not into an error.
func Locate(raw string, kind Kind) (Config, error) {
	u, err := parseGit(raw)
	if err != nil {
		return Config{}, err
	}
	c := Config{Kind: kind, URL: u.Scheme + "://" + u.Host}
	if c.Kind == "" {
		c.Kind = map[string]Kind{"github.com": GitHub, "gitlab.com": GitLab}[u.Host]
	}
	if c.Kind.scheme() == "" {
		return Config{}, fmt.Errorf("tell the kind of forge at %q: say %s, %s or %s, which Forgejo is too", u.Host, GitHub, GitLab, Gitea)
	}
	parts := strings.Split(strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git"), "/")
	if c.Kind != GitLab && len(parts) > 2 { // the forge is below a path
		c.URL += "/" + strings.Join(parts[:len(parts)-2], "/")
		parts = parts[len(parts)-2:]
	}
	c.Repository = strings.Join(parts, "/")
	if err := c.checkRepository(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// parseGit gives the web address of what Git fetches from: ssh servers listen
// elsewhere than the forge does.
func parseGit(raw string) (*url.URL, error) {
	if !strings.Contains(raw, "://") {
		host, path, found := strings.Cut(raw, ":")
		if !found || strings.Contains(host, "/") {
			return nil, errors.New("a local repository is on no forge; name the forge's address and the repository")
		}
		raw = "ssh://" + host + "/" + strings.TrimPrefix(path, "/")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("the repository's URL is not one of a forge; name the forge's address and the repository")
	}
	switch u.Scheme {
	case "https", "http":
	case "ssh":
		u.Scheme, u.Host = "https", u.Hostname()
		if strings.Contains(u.Host, ":") {
			u.Host = "[" + u.Host + "]"
		}
	default:
		return nil, fmt.Errorf("a repository at %q is on no forge; name the forge's address and the repository", u.Scheme+"://")
	}
	u.User = nil
	u.Host = strings.ToLower(u.Host)
	switch u.Host { // where ssh listens on the port of https
	case "ssh.github.com":
		u.Host = "github.com"
	case "altssh.gitlab.com":
		u.Host = "gitlab.com"
	}
	return u, nil
}
