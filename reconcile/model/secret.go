package model

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// SecretRef stands for a value of a secret wherever the value itself must not
// be: in specs, plans, JSON, the journal. The value travels with the blobs.
type SecretRef struct {
	// Secret and Key are where the value is declared, for people.
	Secret string `json:"secret"`
	Key    string `json:"key"`
	// Digest is the keyed digest of the value; see DigestKey. It is empty in a
	// live container that was looked at without a key.
	Digest string `json:"digest,omitempty"`
}

// String is the reference as it is shown, `(secret db/url)`.
func (r SecretRef) String() string {
	if r == (SecretRef{}) {
		return ""
	}
	return "(secret " + r.Secret + "/" + r.Key + ")"
}

// Unsealed are values of secrets on their way to where they are needed. They
// never print themselves.
type Unsealed [][]byte

// String hides them.
func (Unsealed) String() string { return "(secret)" }

// GoString hides them from %#v too.
func (Unsealed) GoString() string { return "(secret)" }

// MarshalText hides them from every encoder.
func (Unsealed) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// Unseal finds the values that refs stand for.
func (b Blobs) Unseal(refs []SecretRef) (Unsealed, error) {
	var out Unsealed
	for _, r := range refs {
		value, ok := b[r.Digest]
		if !ok {
			return nil, fmt.Errorf("find the value of %s: it is not at hand", r)
		}
		out = append(out, value)
	}
	return out, nil
}

// DigestKey makes digests of secret values. A plain hash in a label would let
// anybody who reads it try out passwords; without the key a keyed one says
// nothing but whether two values are equal. The zero DigestKey makes no
// digests. It never prints itself, whatever verb it is printed with.
type DigestKey struct{ key, id string }

// NewDigestKey makes a DigestKey of secret bytes.
func NewDigestKey(secret []byte) DigestKey {
	k := DigestKey{key: string(secret)}
	k.id = k.mac("key id")[:8]
	return k
}

const (
	digestKeyText = "(digest key)"
	keyedPrefix   = "hmac-sha256:"
)

// String hides the key.
func (k DigestKey) String() string { return digestKeyText }

// GoString hides it from %#v too.
func (k DigestKey) GoString() string { return digestKeyText }

// MarshalText hides it from every encoder.
func (k DigestKey) MarshalText() ([]byte, error) { return []byte(digestKeyText), nil }

// Digest is the keyed digest of a value, `hmac-sha256:<key id>:<hex>`.
func (k DigestKey) Digest(value []byte) string {
	if k.key == "" {
		return ""
	}
	return keyedPrefix + k.id + ":" + k.mac("value "+string(value))
}

func (k DigestKey) mac(text string) string {
	h := hmac.New(sha256.New, []byte(k.key))
	h.Write([]byte(text)) // a hash never fails
	return hex.EncodeToString(h.Sum(nil))
}

// Comparable says whether two digests can be held against each other. Those
// of different keys say nothing of each other, and an empty one says nothing.
func Comparable(a, b string) bool { return digestKind(a) == digestKind(b) && a != "" }

// digestKind is a digest without what is different from content to content.
func digestKind(digest string) string { return digest[:strings.LastIndexByte(digest, ':')+1] }

// SecretsLabel lists what of a spec comes from secrets, one per line and
// sorted: `env DB_URL db/url`, `file /tls.key db/tls.key`. It is empty when
// nothing does. There are names in it and never values: it is how an adapter
// knows what of a live container it must not pass on.
func SecretsLabel(spec *ContainerSpec) string {
	var lines []string
	for name, ref := range spec.SecretEnv {
		lines = append(lines, "env "+name+" "+ref.Secret+"/"+ref.Key)
	}
	for _, f := range spec.Files {
		if f.Secret != "" {
			lines = append(lines, "file "+f.Path+" "+f.Secret)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// SecretNames is what a SecretsLabel says: the environment variables, and the
// paths of files, with the secret and key that each comes from.
type SecretNames struct {
	Env   map[string]SecretRef
	Files map[string]string
}

// SecretNamesFrom reads a SecretsLabel.
func SecretNamesFrom(label string) SecretNames {
	names := SecretNames{Env: map[string]SecretRef{}, Files: map[string]string{}}
	for line := range strings.Lines(label) {
		kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		at := strings.LastIndexByte(rest, ' ')
		if at < 0 {
			continue
		}
		name, from := rest[:at], rest[at+1:]
		switch kind {
		case "env":
			secret, key, _ := strings.Cut(from, "/")
			names.Env[name] = SecretRef{Secret: secret, Key: key}
		case "file":
			names.Files[name] = from
		}
	}
	return names
}
