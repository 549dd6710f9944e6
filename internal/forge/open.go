package forge

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// Kind is whose API a forge speaks.
type Kind string

// The kinds. Forgejo speaks Gitea's.
const (
	GitHub Kind = "github"
	GitLab Kind = "gitlab"
	Gitea  Kind = "gitea"
)

// Config is where a repository is on a forge, and as whom to go there.
type Config struct {
	Kind       Kind
	URL        string // of the forge, as people open it: https://git.example.com
	Repository string // owner/name; GitLab's groups may stand in one another

	// TokenFile holds a token. It is read anew for each request.
	TokenFile string
	// App is a GitHub App, instead of a token.
	App App

	// CAFile has certificates to trust beside the system's.
	CAFile string
	// AllowPlainHTTP sends the token without TLS to another machine than this.
	AllowPlainHTTP bool

	firstWait time.Duration // before a second try; a second when 0
}

// App is a GitHub App as it is installed for the repository.
type App struct {
	ID, Installation int64
	KeyFile          string // its private key, in PEM
}

// Open makes a Forge. It sends nothing. No error repeats the URL, in which
// somebody may have left a password.
func Open(c Config) (Forge, error) {
	base, err := c.check()
	if err != nil {
		return nil, fmt.Errorf("open forge of %q: %w", c.Repository, err)
	}
	open := map[Kind]func(Config, *url.URL) (*client, error){GitHub: openGitHub, GitLab: openGitLab, Gitea: openGitea}[c.Kind]
	f, err := open(c, base)
	if err != nil {
		return nil, fmt.Errorf("open forge of %q: %w", c.Repository, err)
	}
	f.writing, f.telling = make(chan struct{}, 1), make(chan struct{}, 1)
	return f, nil
}

// check gives the address of the forge.
func (c Config) check() (*url.URL, error) {
	if err := c.Kind.Check(); err != nil {
		return nil, err
	}
	base, err := url.Parse(c.URL)
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("not an address like https://git.example.com")
	}
	if base.Scheme != "https" && base.Scheme != "http" {
		return nil, fmt.Errorf("a forge is at https://, not at %q", base.Scheme+"://")
	}
	if base.Scheme == "http" && !loopback(base.Hostname()) && !c.AllowPlainHTTP {
		return nil, errors.New("without TLS everybody on the way could read the token; use https://")
	}
	if err := c.checkRepository(); err != nil {
		return nil, err
	}
	switch app := c.App != (App{}); {
	case app && c.Kind != GitHub:
		return nil, errors.New("only GitHub has Apps; use a token")
	case app && (c.App.ID == 0 || c.App.Installation == 0 || c.App.KeyFile == ""):
		return nil, errors.New("an App has an id, an installation and a key file")
	case app == (c.TokenFile != ""):
		return nil, errors.New("it takes a token file, or on GitHub an App instead")
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	return base, nil
}

func (c Config) checkRepository() error {
	parts := strings.Split(c.Repository, "/")
	if len(parts) < 2 || len(parts) > 2 && c.Kind != GitLab {
		return fmt.Errorf("%q is not of the form owner/name", c.Repository)
	}
	for _, p := range parts {
		if p == "" || p == "." || p == ".." || strings.ContainsAny(p, "?#%\\ ") {
			return fmt.Errorf("%q is not of the form owner/name", c.Repository)
		}
	}
	return nil
}

// ownerName is the repository of a forge without groups in groups.
func (c Config) ownerName() (owner, name string) {
	owner, name, _ = strings.Cut(c.Repository, "/")
	return owner, name
}

// Check says what kinds there are when this is none.
func (k Kind) Check() error {
	if k.scheme() == "" {
		return fmt.Errorf("%q is no kind of forge; there are %s, %s and %s, which Forgejo is too", k, GitHub, GitLab, Gitea)
	}
	return nil
}

// scheme is the word that stands before a token.
func (k Kind) scheme() string {
	switch k {
	case GitHub, GitLab:
		return "Bearer"
	case Gitea:
		return "token"
	}
	return ""
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
