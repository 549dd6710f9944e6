package git

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Config says which repository to follow and how to reach it.
type Config struct {
	// URL is a path (of a bare repository or a work tree), or a file://,
	// https://, ssh:// or scp-like (user@host:path) address. http:// is for
	// loopback only, unless AllowPlainHTTP is set.
	URL string
	// Branch is the branch to follow, short (main) or full (refs/heads/main).
	// Empty is the remote's own default branch.
	Branch string
	// Dir is the directory of the mirror. It is made when missing and belongs
	// to this package alone.
	Dir  string
	Auth Auth
	// SigningKeyFile is a private SSH key without a passphrase with which commits are
	// signed; empty leaves them unsigned.
	SigningKeyFile string
	// CAFile holds certificates to trust for https beside the system's.
	CAFile         string
	AllowPlainHTTP bool
	Limits         Limits
	// Poll is the time between two looks at the remote, give or take a tenth;
	// 0 is 60 seconds, negative is never.
	Poll time.Duration
	// Timeout is how long a remote may take to list its references, and how
	// long it may stay silent while it sends objects; 0 is 2 minutes.
	Timeout time.Duration
}

// Auth says where credentials are. They are read again for every connection,
// so a renewed token or key needs no restart. A file wins over a variable.
type Auth struct {
	// User is the user name for https and ssh when the URL has none. For https
	// an access token is a password, and hardly any server looks at the name
	// that comes with it.
	User         string
	PasswordFile string
	PasswordEnv  string
	// KeyFile is a private key for ssh. Without one the agent at SSH_AUTH_SOCK
	// is asked.
	KeyFile        string
	PassphraseFile string
	PassphraseEnv  string
	// KnownHostsFile holds the host keys to accept for ssh; empty is the usual
	// places, ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts.
	KnownHostsFile string
}

// Limits cap what a repository may make the reader do. Zero is the default.
type Limits struct {
	MaxFileSize  int64 // bytes of one file; 1 MiB
	MaxFiles     int   // files and directories that one Tree lists; 10,000
	MaxDepth     int   // path elements below a Tree's root; 64
	MaxFetchSize int64 // bytes that one answer of the remote may have; 2 GiB
	// MaxObjectSize is the bytes of any one file of the history, read or not:
	// 100 MiB, which is as much as the large forges take. A fetch needs up to
	// a few times as much memory.
	MaxObjectSize int64
}

const (
	defaultPoll         = time.Minute
	defaultTimeout      = 2 * time.Minute
	defaultMaxFileSize  = 1 << 20
	defaultMaxFiles     = 10_000
	defaultMaxDepth     = 64
	defaultMaxFetchSize = 2 << 30
	defaultMaxObject    = 100 << 20
	// fetchTimeouts bounds a whole transfer, in Timeouts, so that a remote
	// that sends a byte a minute can't hold the loop for ever either.
	fetchTimeouts = 30
)

func (c Config) withDefaults() Config {
	c.Poll = orDefault(c.Poll, defaultPoll)
	c.Timeout = orDefault(c.Timeout, defaultTimeout)
	c.Limits.MaxFileSize = orDefault(c.Limits.MaxFileSize, defaultMaxFileSize)
	c.Limits.MaxFiles = orDefault(c.Limits.MaxFiles, defaultMaxFiles)
	c.Limits.MaxDepth = orDefault(c.Limits.MaxDepth, defaultMaxDepth)
	c.Limits.MaxFetchSize = orDefault(c.Limits.MaxFetchSize, defaultMaxFetchSize)
	c.Limits.MaxObjectSize = orDefault(c.Limits.MaxObjectSize, defaultMaxObject)
	return c
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func (c Config) check() error {
	if c.Dir == "" {
		return errors.New("no directory for the mirror")
	}
	if c.Branch == "" {
		return nil
	}
	if err := plumbing.ReferenceName(branchRef(c.Branch)).Validate(); err != nil {
		return fmt.Errorf("branch %q: not a valid name", c.Branch)
	}
	return nil
}

const (
	headsPrefix   = "refs/heads/"
	tagsPrefix    = "refs/tags/"
	remotesPrefix = "refs/remotes/" // of a clone
)

// branchRef is the full name of a branch.
func branchRef(branch string) string {
	if strings.HasPrefix(branch, "refs/") {
		return branch
	}
	return headsPrefix + branch
}
