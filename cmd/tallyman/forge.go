package main

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"

	"github.com/spf13/pflag"

	"github.com/tallyman-io/tallyman/internal/feedback"
	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/reconcile"
)

// forgeFlags say where the repository is reviewed, and as whom to go there.
type forgeFlags struct {
	kind, url, repository string
	tokenFile             string
	app                   forge.App
	context               string
}

func (f *forgeFlags) flags(set *pflag.FlagSet) {
	set.StringVar(&f.kind, "forge", "", "`KIND` of forge to tell how commits go: github, gitlab or gitea, which\nForgejo is too (default: by the repository's host, with a token)")
	set.StringVar(&f.url, "forge-url", "", "its `URL` (default: where the repository is)")
	set.StringVar(&f.repository, "forge-repository", "", "`OWNER/NAME` of the repository there (default: by its URL)")
	set.StringVar(&f.tokenFile, "forge-token-file", "", "`FILE` with a token for the forge's API")
	set.Int64Var(&f.app.ID, "forge-app-id", 0, "`ID` of a GitHub App, instead of a token")
	set.Int64Var(&f.app.Installation, "forge-app-installation", 0, "`ID` of its installation")
	set.StringVar(&f.app.KeyFile, "forge-app-key-file", "", "`FILE` with its private key")
	set.StringVar(&f.context, "forge-context", "tallyman", "`NAME` that statuses begin with; two installations need two")
}

// contextName is what fits in front of a status and into a marker.
var contextName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$`)

// forge is the one that was named; nil when none was.
func (a *app) forge(f *forgeFlags) (forge.Forge, error) {
	if *f == (forgeFlags{context: f.context}) {
		return nil, nil
	}
	if !contextName.MatchString(f.context) {
		return nil, fmt.Errorf("--forge-context %q: use up to 40 letters, digits, '.', '_' and '-', and begin with a letter or digit", f.context)
	}
	config := forge.Config{Kind: forge.Kind(f.kind), URL: f.url, Repository: f.repository}
	if f.url == "" || f.repository == "" || f.kind == "" {
		found, err := forge.Locate(a.global.repo, config.Kind)
		if err != nil {
			return nil, fmt.Errorf("find the forge of --repo: %w; say --forge, --forge-url and --forge-repository", err)
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
	return forge.Open(config)
}

// forgeWork is what a controller does for the forge beside all else.
type forgeWork struct {
	forge      forge.Forge
	controller *reconcile.Controller
	journal    *state.Store
	log        *slog.Logger
	context    string
	branch     string
}

// run works until ctx ends. Without a forge there is nothing to do.
func (w *forgeWork) run(ctx context.Context) {
	if w.forge == nil {
		return
	}
	statuses := &feedback.Statuses{
		Controller: w.controller, Journal: w.journal, Forge: w.forge, Context: w.context, Branch: w.branch, Log: w.log,
	}
	statuses.Run(ctx)
}
