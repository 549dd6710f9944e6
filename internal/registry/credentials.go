package registry

import (
	"context"
	"strings"
)

// Credentials are what a registry is shown. The zero value is nobody's.
type Credentials struct {
	Username, Password string
	// IdentityToken is exchanged for access; RegistryToken is the access.
	IdentityToken, RegistryToken string
}

// String keeps credentials out of whatever prints them by accident.
func (Credentials) String() string { return "***" }

// GoString does so for %#v.
func (Credentials) GoString() string { return "***" }

// MarshalText does so for JSON and logs.
func (Credentials) MarshalText() ([]byte, error) { return []byte("***"), nil }

// scrub takes the secrets out of a text.
func (c Credentials) scrub(text string) string {
	for _, secret := range []string{c.Password, c.IdentityToken, c.RegistryToken} {
		if len(secret) > 2 {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// Keychain finds the credentials for a registry, which it is given as
// Registry names it. It reports false when it has none.
type Keychain func(ctx context.Context, registry string) (Credentials, bool, error)

// First asks one keychain after the other. A nil one has nothing. A keychain
// that can't say ends the search: what comes after it was not meant.
func First(keychains ...Keychain) Keychain {
	return func(ctx context.Context, registry string) (Credentials, bool, error) {
		for _, k := range keychains {
			if k == nil {
				continue
			}
			if found, ok, err := k(ctx, registry); ok || err != nil {
				return found, ok, err
			}
		}
		return Credentials{}, false, nil
	}
}
