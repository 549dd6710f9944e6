package main

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/pflag"

	"github.com/tallyman-io/tallyman/internal/forge"
)

// forgeFlags say where the repository is reviewed, and as whom to go there.
type forgeFlags struct {
	kind, url, repository string
	tokenFile             string
	app                   forge.App
	context               string
	forkLabel             string
	poll                  time.Duration
	webhook               webhookFlags
	revert                string
}

// webhookFlags say where a forge can tell at once that there is something to see.
type webhookFlags struct{ listen, secretFile, cert, key string }

func (f *forgeFlags) flags(set *pflag.FlagSet) {
	set.StringVar(&f.kind, "forge", "", "`KIND` of forge to tell how commits go: github, gitlab or gitea, which\nForgejo is too (default: by the repository's host, with a token)")
	set.StringVar(&f.url, "forge-url", "", "its `URL` (default: where the repository is)")
	set.StringVar(&f.repository, "forge-repository", "", "`OWNER/NAME` of the repository there (default: by its URL)")
	set.StringVar(&f.tokenFile, "forge-token-file", "", "`FILE` with a token for the forge's API")
	set.Int64Var(&f.app.ID, "forge-app-id", 0, "`ID` of a GitHub App, instead of a token")
	set.Int64Var(&f.app.Installation, "forge-app-installation", 0, "`ID` of its installation")
	set.StringVar(&f.app.KeyFile, "forge-app-key-file", "", "`FILE` with its private key")
	set.StringVar(&f.context, "forge-context", "tallyman", "`NAME` that statuses begin with; two installations need two")
	set.StringVar(&f.forkLabel, "fork-label", "tallyman/plan", "`LABEL` that lets a pull request from a fork be planned")
	set.DurationVar(&f.poll, "forge-poll", time.Minute, "time between two looks at the pull requests")
	set.StringVar(&f.revert, "revert", revertAsk, "`HOW` what apps with onFailure: revert went back from is reverted\nin Git: pull-request, at the forge, or push, to the branch itself")
	set.StringVar(&f.webhook.listen, "webhook-listen", "", "`ADDRESS` to hear from the forge at, as :9443; without one it is only polled")
	set.StringVar(&f.webhook.secretFile, "webhook-secret-file", "", "`FILE` with the secret that its messages are signed with")
	set.StringVar(&f.webhook.cert, "webhook-tls-cert", "", "`FILE` with a certificate; without one a proxy in front has to speak TLS")
	set.StringVar(&f.webhook.key, "webhook-tls-key", "", "`FILE` with its key")
}

// minForgePoll spares the forge; a webhook is faster than any poll.
const minForgePoll = time.Second

// contextName is what fits in front of a status and into the marker of a comment.
var contextName = regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*$`)

// longestContext leaves room for what comes behind it.
const longestContext = 40

// forge is the one that was named; nil when none was.
func (a *app) forge(f *forgeFlags) (forge.Forge, error) {
	if f.kind+f.url+f.repository+f.tokenFile == "" && f.app == (forge.App{}) {
		return nil, nil
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	config, err := a.forgeConfig(f)
	if err != nil {
		return nil, err
	}
	return forge.Open(config)
}

// check says what is wrong by the name of the flag, before the forge is asked, which
// would be blamed for it.
func (f *forgeFlags) check() error {
	if f.poll < minForgePoll {
		return fmt.Errorf("--forge-poll %s: must be at least %s", f.poll, minForgePoll)
	}
	if !contextName.MatchString(f.context) || len(f.context) > longestContext {
		return fmt.Errorf("--forge-context %q: use up to %d small letters and digits, with single '.' or '-' between", f.context, longestContext)
	}
	if err := forge.Kind(f.kind).Check(); f.kind != "" && err != nil {
		return fmt.Errorf("--forge: %w", err)
	}
	if f.tokenFile == "" && f.app == (forge.App{}) {
		return errors.New("--forge needs --forge-token-file, a file with a token for its API; or on GitHub --forge-app-id and its like")
	}
	if f.tokenFile != "" {
		if _, err := forge.ReadToken(f.tokenFile); err != nil {
			return fmt.Errorf("--forge-token-file: %w", err)
		}
	}
	return nil
}

// forgeConfig is where the repository is on its forge: as was said, and else by its
// URL.
func (a *app) forgeConfig(f *forgeFlags) (forge.Config, error) {
	config := forge.Config{Kind: forge.Kind(f.kind), URL: f.url, Repository: f.repository}
	if f.url == "" || f.repository == "" || f.kind == "" {
		found, err := forge.Locate(a.global.repo, config.Kind)
		if err != nil {
			return config, fmt.Errorf("find the forge of --repo: %w; say --forge, --forge-url and --forge-repository", err)
		}
		config.Kind = found.Kind
		if f.url == "" {
			config.URL = found.URL
		}
		if f.repository == "" {
			config.Repository = found.Repository
		}
	}
	config.TokenFile, config.App = f.tokenFile, f.app
	config.CAFile, config.AllowPlainHTTP = a.global.gitCAFile, a.global.gitAllowHTTP
	return config, nil
}
