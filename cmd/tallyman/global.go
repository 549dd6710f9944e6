package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/server"
	"github.com/tallyman-io/tallyman/internal/settings"
	"github.com/tallyman-io/tallyman/internal/state"
)

// global are the flags that all verbs have.
type global struct {
	repo, branch, path, stateDir, owner, output, config string

	gitUsername, gitTokenFile, gitPasswordFile         string
	gitSSHKeyFile, gitSSHPassphraseFile, gitKnownHosts string
	gitCAFile, gitSigningKeyFile                       string
	gitAllowHTTP                                       bool

	ageKeyFile     string
	allowedSigners string

	limits   limits
	registry registryFlags
	history  int // rollouts of each app to remember
	// defaultDir says that nobody named the state directory.
	defaultDir bool
	// given are those of repo, branch and path that somebody named.
	given []given
}

// given is a flag that somebody named, how, and how not to.
type given struct{ flag, by, without string }

// elsewhereError says that the controller of the state directory follows something
// else than what was named.
type elsewhereError string

func (e elsewhereError) Error() string { return string(e) }

// source is what a controller with these settings follows.
func (g *global) source() server.Source {
	return server.Source{Repository: git.Redact(g.repo), Branch: g.branch, Path: filepath.ToSlash(filepath.Clean(g.path))}
}

// follows refuses a controller that follows something else than what was named:
// its answers would be about that.
func (g *global) follows(s server.Source) error {
	mine := g.source()
	for _, named := range g.given {
		pair := map[string][2]string{
			"repo": {mine.Repository, s.Repository}, "branch": {mine.Branch, s.Branch}, "path": {mine.Path, s.Path},
		}[named.flag]
		if pair[0] != pair[1] {
			return elsewhereError(fmt.Sprintf("%s %s: the controller of state directory %q follows %s; %s, or name another --state-dir", named.by, pair[0], g.stateDir, pair[1], named.without))
		}
	}
	return nil
}

func (g *global) flags(f *pflag.FlagSet) {
	f.StringVar(&g.repo, "repo", ".", "repository: a `PATH`, or an https, ssh or file URL")
	f.StringVar(&g.branch, "branch", "main", "`BRANCH` to follow")
	f.StringVar(&g.path, "path", ".", "`FOLDER` of the manifests within the repository")
	f.StringVar(&g.stateDir, "state-dir", "", "`DIR` of mirror, journal and socket (default: OWNER below $XDG_STATE_HOME/tallyman,\n~/.local/state/tallyman or, for root, /var/lib/tallyman)")
	f.StringVar(&g.owner, "owner", "", "`NAME` of this installation on the hosts (default: made from repository and path)")
	f.StringVarP(&g.output, "output", "o", "text", "`text` or json")
	f.StringVar(&g.config, "config", "", "YAML `FILE` with settings")
	f.StringVar(&g.gitUsername, "git-username", "", "`USER` for Git over https or ssh")
	f.StringVar(&g.gitTokenFile, "git-token-file", "", "`FILE` with the access token for Git over https")
	f.StringVar(&g.gitPasswordFile, "git-password-file", "", "`FILE` with the password for Git over https")
	f.StringVar(&g.gitSSHKeyFile, "git-ssh-key-file", "", "`FILE` with the private key for Git over ssh")
	f.StringVar(&g.gitSSHPassphraseFile, "git-ssh-passphrase-file", "", "`FILE` with the key's passphrase")
	f.StringVar(&g.gitKnownHosts, "git-known-hosts", "", "`FILE` with the ssh host keys to accept (default: the user's and the system's)")
	f.StringVar(&g.gitCAFile, "git-ca-file", "", "`FILE` with certificates to trust for https")
	f.StringVar(&g.gitSigningKeyFile, "git-signing-key-file", "", "`FILE` with a private ssh key that signs the commits that are made")
	f.BoolVar(&g.gitAllowHTTP, "git-allow-plain-http", false, "allow Git over http to other machines, which anybody on the way can read and change")
	f.StringVar(&g.ageKeyFile, "age-key-file", "", "`FILE` with the age keys that open secrets, or a folder of such files")
	f.StringVar(&g.allowedSigners, "allowed-signers", "", "`FILE` with keys that may sign commits where manifests ask for that")
	g.registry.flags(f)
	f.IntVar(&g.history, "history-limit", state.KeptRecords, "remember this `MANY` rollouts of each app")
	g.limits.flags(f)
}

// check looks over what was given, and puts in the defaults that depend on it.
func (g *global) check() error {
	if g.output != "text" && g.output != "json" {
		return fmt.Errorf("read --output %q: must be text or json", g.output)
	}
	if err := errors.Join(g.limits.check(), g.registry.check(), atLeast("history-limit", g.history, 1)); err != nil {
		return err
	}
	if local(g.repo) {
		abs, err := filepath.Abs(g.repo)
		if err != nil {
			return fmt.Errorf("read --repo %q: %w", g.repo, err)
		}
		g.repo = abs
	}
	if g.owner == "" {
		g.owner = git.OwnerName(g.repo, g.path)
	}
	if !ownerName.MatchString(g.owner) {
		return fmt.Errorf("--owner %q: use up to 63 letters, digits, '.', '_' and '-', and begin with a letter or digit", g.owner)
	}
	if g.stateDir == "" {
		dir, err := defaultStateDir()
		if err != nil {
			return err
		}
		g.stateDir, g.defaultDir = filepath.Join(dir, g.owner), true
	}
	return nil
}

// ownerName is what fits a label, a folder and a shell.
var ownerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// atLeast refuses a number below the least that makes sense.
func atLeast(flag string, n, least int) error {
	if n < least {
		return fmt.Errorf("--%s %d: must be at least %d", flag, n, least)
	}
	return nil
}

// local tells a path from a URL and from user@host:path.
func local(repo string) bool {
	if strings.Contains(repo, "://") {
		return false
	}
	host, _, colon := strings.Cut(repo, ":")
	return !colon || strings.Contains(host, "/")
}

func defaultStateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "tallyman"), nil
	}
	if os.Getuid() == 0 {
		return "/var/lib/tallyman", nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find a state directory: %w; name one with --state-dir", err)
	}
	return filepath.Join(home, ".local", "state", "tallyman"), nil
}

// repository prepares the repository that a verb is about; its mirror is below dir.
func (a *app) repository(ctx context.Context, dir string) (*git.Repository, error) {
	if err := a.ours(ctx); err != nil {
		return nil, err
	}
	return a.openRepository(dir)
}

// ours refuses the state directory of a controller that follows something else:
// what it remembers is about that.
func (a *app) ours(ctx context.Context) error {
	c, err := a.dial(ctx)
	if err == nil {
		c.Close()
	}
	if _, elsewhere := errors.AsType[elsewhereError](err); elsewhere {
		return err
	}
	return nil // there is none, or none that tells
}

func (a *app) openRepository(dir string) (*git.Repository, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make state directory: %w; name another one with --state-dir", err)
	}
	return git.Open(a.gitConfig(mirrorDir(dir)))
}

// The variables with secrets that have no flag.
const (
	gitToken      = settings.Prefix + "GIT_TOKEN"
	gitPassword   = settings.Prefix + "GIT_PASSWORD"
	gitPassphrase = settings.Prefix + "GIT_SSH_PASSPHRASE"
)

// gitConfig names only the places of secrets that there are: one that is named
// and empty is an error.
func (a *app) gitConfig(dir string) git.Config {
	g := &a.global
	auth := git.Auth{
		User: g.gitUsername, KeyFile: g.gitSSHKeyFile, PassphraseFile: g.gitSSHPassphraseFile, KnownHostsFile: g.gitKnownHosts,
		PassphraseEnv: a.ifSet(gitPassphrase),
	}
	switch token := a.ifSet(gitToken); {
	case g.gitTokenFile != "":
		auth.PasswordFile = g.gitTokenFile
	case token != "":
		auth.PasswordEnv = token
	default:
		auth.PasswordFile, auth.PasswordEnv = g.gitPasswordFile, a.ifSet(gitPassword)
	}
	return git.Config{
		URL: g.repo, Branch: g.branch, Dir: dir, Auth: auth, SigningKeyFile: g.gitSigningKeyFile, CAFile: g.gitCAFile, AllowPlainHTTP: g.gitAllowHTTP,
		Limits: g.limits.git(),
	}
}

// ifSet is the variable's name, when it has a value.
func (a *app) ifSet(variable string) string {
	if value, _ := a.lookupEnv(variable); value == "" {
		return ""
	}
	return variable
}

// mirrorDir is where the mirror of the repository is.
func mirrorDir(stateDir string) string { return filepath.Join(stateDir, "git") }
