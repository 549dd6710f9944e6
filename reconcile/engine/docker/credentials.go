package docker

import (
	"context"
	"fmt"
	"strings"

	"github.com/distribution/reference"
	registrytypes "github.com/docker/docker/api/types/registry"

	"github.com/tallyman-io/tallyman/reconcile/engine"
)

// Credentials are what a registry is shown for a pull. The zero value is
// nobody's.
type Credentials struct {
	Username, Password           string
	IdentityToken, RegistryToken string
}

// String keeps credentials out of whatever prints them by accident.
func (Credentials) String() string { return "***" }

// GoString does so for %#v.
func (Credentials) GoString() string { return "***" }

// CredentialsFunc finds the credentials with which an image is pulled, first in
// own, which are Docker configurations. It is asked for each pull, so that a
// changed password counts at once.
type CredentialsFunc func(ctx context.Context, ref string, own [][]byte) (Credentials, error)

// WithCredentials pulls with what find finds. They go to the engine with the
// pull, and nowhere else.
func WithCredentials(find CredentialsFunc) Option {
	return func(e *Engine) { e.credentials = find }
}

// auth is the header with which a pull shows its credentials, and what of it
// must not be repeated.
func (e *Engine) auth(ctx context.Context, ref string, own [][]byte) (header string, c Credentials, err error) {
	if e.credentials == nil {
		return "", c, nil
	}
	if c, err = e.credentials(ctx, ref, own); err != nil {
		return "", c, classed{engine.Denied, fmt.Sprintf("find the credentials: %v", err)}
	}
	if c == (Credentials{}) {
		return "", c, nil
	}
	header, err = registrytypes.EncodeAuthConfig(registrytypes.AuthConfig{
		Username: c.Username, Password: c.Password, IdentityToken: c.IdentityToken, RegistryToken: c.RegistryToken,
		ServerAddress: serverAddress(ref),
	})
	return header, c, err
}

// serverAddress is the registry as engines know it.
func serverAddress(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	switch {
	case err != nil:
		return ""
	case reference.Domain(named) == "docker.io":
		return "https://index.docker.io/v1/"
	}
	return reference.Domain(named)
}

// scrub takes the credentials out of an error's text.
func (c Credentials) scrub(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, secret := range []string{c.Password, c.IdentityToken, c.RegistryToken} {
		if len(secret) > 2 && strings.Contains(text, secret) {
			class, _ := classify(err)
			text = strings.ReplaceAll(text, secret, "***")
			err = classed{class, clean(text)}
		}
	}
	return err
}
