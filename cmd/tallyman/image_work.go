package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/tallyman-io/tallyman/git"
	"github.com/tallyman-io/tallyman/internal/images"
	"github.com/tallyman-io/tallyman/internal/registry"
	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/desired"
)

// imageLoop does what ImagePolicy manifests ask for.
func (w *forgeWork) imageLoop() (*images.Loop, error) {
	repo, err := w.openRepository(w.global.stateDir)
	if err != nil {
		return nil, err
	}
	return &images.Loop{
		InForce: w.controller.InForce, Committed: w.controller.LookAtSource, Keys: w.imageKeys,
		Repository: repo, Loader: manifest.NewLoader(w.global.limits.manifest()), Journal: w.journal, Forge: w.forge,
		Path: w.global.path, Branch: w.branch(),
		By: git.Signature{Name: "Tallyman", Email: cmp.Or(whoami(), "tallyman")}, Log: w.log,
	}, nil
}

// followImages follows until ctx ends.
func (w *forgeWork) followImages(ctx context.Context) {
	resolver := registry.NewResolver(registry.Options{Insecure: w.global.registry.insecure})
	defer resolver.Close()
	w.images.Registry = resolver
	w.images.Run(ctx)
}

// imageKeys are the credentials for registries that apps have, and after them the
// installation's.
func (w *forgeWork) imageKeys(set *manifest.Set) (func(app string) (registry.Keychain, error), error) {
	var opened desired.Secrets
	if len(set.Secrets) > 0 {
		var err error
		if opened, err = w.secrets().Open(set, w.global.owner); err != nil {
			return nil, err
		}
	}
	own, installation := desired.PullSecrets(set, opened), w.global.registry.keychain()
	return func(app string) (registry.Keychain, error) {
		keys, err := registry.FromConfigs(own[app])
		if err != nil {
			return nil, fmt.Errorf("read the pull secrets of app %q: %w", app, err)
		}
		return registry.First(keys, installation), nil
	}, nil
}
