package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tallyman-io/tallyman/internal/registry"
	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/docker"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// registryFlags say how image registries are reached.
type registryFlags struct {
	config   string
	insecure []string
}

func (r *registryFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&r.config, "registry-config", "", "Docker configuration `FILE` with the credentials for registries\n(default: config.json in $DOCKER_CONFIG or ~/.docker)")
	f.StringSliceVar(&r.insecure, "insecure-registry", nil, "`REGISTRY` (host, host:port or a network as 10.0.0.0/8) that may be asked without TLS, or several\nwith commas between; the hosts' engines have a setting of their own for that")
}

func (r *registryFlags) check() error {
	for _, entry := range r.insecure {
		if _, _, err := net.ParseCIDR(entry); err != nil && (entry == "" || strings.Contains(entry, "/")) {
			return fmt.Errorf("read --insecure-registry %q: must be a host, host:port or a network as 10.0.0.0/8", entry)
		}
	}
	if r.config == "" {
		return nil
	}
	if _, err := os.Stat(r.config); err != nil {
		return fmt.Errorf("read --registry-config: %w", err)
	}
	return nil
}

// keychain finds credentials for registries.
func (r *registryFlags) keychain() registry.Keychain {
	file := r.config
	if file == "" {
		file = registry.DefaultConfigFile()
	}
	return registry.DockerConfig(file)
}

// registries asks registries, and remembers their answers.
func (a *app) registries() reconcile.Registries {
	g := &a.global.registry
	return registries{registry.NewDigests(registry.NewResolver(registry.Options{Insecure: g.insecure}), g.keychain())}
}

type registries struct{ digests *registry.Digests }

// Digest asks for one reference.
func (r registries) Digest(ctx context.Context, q reconcile.ImageQuestion) (string, error) {
	ask, err := asks(q)
	if err != nil {
		return "", err
	}
	return r.digests.Digest(ctx, ask)
}

// Platforms asks for one digest.
func (r registries) Platforms(ctx context.Context, q reconcile.ImageQuestion) ([]string, error) {
	ask, err := asks(q)
	if err != nil {
		return nil, err
	}
	return r.digests.Platforms(ctx, ask)
}

func asks(q reconcile.ImageQuestion) (registry.Ask, error) {
	own, err := registry.FromConfigs(q.PullSecrets)
	if err != nil {
		return registry.Ask{}, fmt.Errorf("read the pull secrets of app %q: %w", q.App, err)
	}
	return registry.Ask{Revision: q.Revision, Ref: q.Ref, Own: own, Whose: q.App}, nil
}

// openHost connects to a host, which pulls with our credentials.
func (a *app) openHost(h model.Host) (engine.Engine, error) {
	e, err := docker.New(h, docker.WithCredentials(credentials(a.global.registry.keychain())), docker.WithImages(holdImage))
	if err != nil {
		return nil, err // and not e, which is an interface that is not nil
	}
	return e, nil
}

// credentials are those for the registry that a reference names: an app's own, or
// else the installation's.
func credentials(keys registry.Keychain) docker.CredentialsFunc {
	return func(ctx context.Context, ref string, pullSecrets [][]byte) (docker.Credentials, error) {
		own, err := registry.FromConfigs(pullSecrets)
		if err != nil {
			return docker.Credentials{}, err
		}
		found, _, err := registry.First(own, keys)(ctx, registry.RegistryOf(ref))
		return docker.Credentials{
			Username: found.Username, Password: found.Password,
			IdentityToken: found.IdentityToken, RegistryToken: found.RegistryToken,
		}, err
	}
}
