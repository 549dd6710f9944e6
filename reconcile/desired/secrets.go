package desired

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Secrets are the values of secrets, which somebody has decrypted: by the name
// of the secret and by key. They go into the blobs and nowhere else.
type Secrets struct {
	Values map[string]map[string][]byte
	// Key makes the digests that stand for the values.
	Key model.DigestKey
}

// secretEnv are the variables whose values are secret, by their digests.
func (b *builder) secretEnv(env map[string]manifest.EnvValue) (map[string]model.SecretRef, error) {
	var out map[string]model.SecretRef
	for name, value := range env {
		if value.From == nil {
			continue
		}
		digest, err := b.sealed(value.From.Secret, value.From.Key)
		if err == nil {
			err = fitsVariable(b.blobs[digest])
		}
		if err != nil {
			return nil, fmt.Errorf("variable %q from secret %q, key %q: %w", name, value.From.Secret, value.From.Key, err)
		}
		if out == nil {
			out = map[string]model.SecretRef{}
		}
		out[name] = model.SecretRef{Secret: value.From.Secret, Key: value.From.Key, Digest: digest}
	}
	return out, nil
}

// fitsVariable refuses what an engine would cut off or change on the way, so
// that the container would look changed for ever.
func fitsVariable(value []byte) error {
	if !utf8.Valid(value) || strings.ContainsRune(string(value), 0) {
		return errors.New("the value is not text, which is all that a variable can hold: give it as a file")
	}
	return nil
}

// sealed puts a value into the blobs and gives its digest. Without any values
// there is none, and the digest is empty.
func (b *builder) sealed(secret, key string) (digest string, err error) {
	if b.secrets.Values == nil {
		return "", nil
	}
	value, ok := b.secrets.Values[secret][key]
	if !ok {
		return "", fmt.Errorf("find key %q of secret %q: there is none", key, secret)
	}
	digest = b.secrets.Key.Digest(value)
	if digest == "" {
		return "", fmt.Errorf("take the digest of secret %q: there is no key for digests", secret)
	}
	b.blobs[digest] = value
	return digest, nil
}
