package secret

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/tallyman-io/tallyman/manifest"
)

// sopsKey is where SOPS keeps its metadata.
const sopsKey = "sops"

// defaultSuffix marks what SOPS leaves readable when it is told nothing else.
const defaultSuffix = "_unencrypted"

// metadata is what SOPS writes beside the values.
type metadata struct {
	keyGroup     `yaml:",inline"`
	KeyGroups    []keyGroup `yaml:"key_groups"`
	LastModified string     `yaml:"lastmodified"`
	MAC          string     `yaml:"mac"`
	MACEncrypted bool       `yaml:"mac_only_encrypted"`

	UnencryptedSuffix string `yaml:"unencrypted_suffix"`
	EncryptedSuffix   string `yaml:"encrypted_suffix"`
	UnencryptedRegex  string `yaml:"unencrypted_regex"`
	EncryptedRegex    string `yaml:"encrypted_regex"`
	UnencryptedByNote string `yaml:"unencrypted_comment_regex"`
	EncryptedByNote   string `yaml:"encrypted_comment_regex"`
}

// keyGroup are keys of which any one opens the file. Of those that are not
// age's only the presence counts.
type keyGroup struct {
	Age []struct {
		Recipient string `yaml:"recipient"`
		Enc       string `yaml:"enc"`
	} `yaml:"age"`
	PGP   []yaml.Node `yaml:"pgp"`
	KMS   []yaml.Node `yaml:"kms"`
	GCP   []yaml.Node `yaml:"gcp_kms"`
	Azure []yaml.Node `yaml:"azure_kv"`
	Vault []yaml.Node `yaml:"hc_vault"`
}

// openSOPS decrypts a SOPS file, and gives the values on its outermost level.
func openSOPS(file manifest.Sealed, ids []identity) (map[string][]byte, error) {
	root, meta, err := parseSOPS(file.Data)
	if err != nil {
		return nil, err
	}
	rule, err := meta.rule()
	if err != nil {
		return nil, err
	}
	key, err := meta.dataKey(ids)
	if err != nil {
		return nil, err
	}
	r := newReader(key, rule, meta.MACEncrypted)
	values, err := r.outermost(root)
	if err != nil {
		return nil, err
	}
	if err := r.verify(meta); err != nil {
		return nil, err
	}
	return values, nil
}

// parseSOPS takes a file apart. Errors of the YAML library quote the file, and
// it may panic on what nobody has thought of.
func parseSOPS(data []byte) (root *yaml.Node, meta metadata, err error) {
	bad := errors.New("can't be read as a SOPS file")
	defer func() {
		if recover() != nil {
			err = bad
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if dec.Decode(&doc) != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, meta, bad
	}
	if dec.Decode(&more) == nil {
		return nil, meta, errors.New("has more than one document")
	}
	root = doc.Content[0]
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != sopsKey {
			continue
		}
		if root.Content[i+1].Decode(&meta) != nil || meta.MAC == "" {
			return nil, meta, errors.New("has SOPS metadata that can't be read")
		}
		return root, meta, nil
	}
	return nil, meta, errors.New("is not encrypted: it has no SOPS metadata")
}

// dataKey decrypts the key that the values are encrypted with.
func (m *metadata) dataKey(ids []identity) ([]byte, error) {
	group := m.keyGroup
	switch {
	case len(m.KeyGroups) > 1:
		return nil, errors.New("takes keys of several groups together, which is not supported; use a single group")
	case len(m.KeyGroups) == 1:
		group = m.KeyGroups[0]
	}
	if len(group.Age) == 0 {
		return nil, fmt.Errorf("is encrypted for %s and for no age key; only age is supported: add a recipient with sops updatekeys", group.others())
	}
	var needed []string
	for _, k := range group.Age {
		key, err := decryptAge([]byte(k.Enc), ids)
		switch {
		case err == nil && len(key) == dataKeySize:
			return key, nil
		case err == nil:
			return nil, errDamaged
		}
		needed = append(needed, k.Recipient)
	}
	return nil, errors.New(wanting(ids, needed))
}

// others names the kinds of keys that are not age's.
func (g *keyGroup) others() string {
	var names []string
	for _, kind := range []struct {
		name string
		keys []yaml.Node
	}{{"PGP", g.PGP}, {"AWS KMS", g.KMS}, {"GCP KMS", g.GCP}, {"Azure Key Vault", g.Azure}, {"Vault", g.Vault}} {
		if len(kind.keys) > 0 {
			names = append(names, kind.name)
		}
	}
	if len(names) == 0 {
		return "no key that is known here"
	}
	return strings.Join(names, ", ")
}

// rule says of a path whether its value is encrypted. A file has one rule at
// the most.
func (m *metadata) rule() (func(path []string) bool, error) {
	if m.UnencryptedByNote != "" || m.EncryptedByNote != "" {
		return nil, errors.New("chooses by comments what is encrypted, which is not supported; choose by suffix or regular expression of the keys")
	}
	for _, r := range []struct {
		pattern string
		matched bool // what a match says
		match   func(key string) bool
	}{
		{m.UnencryptedRegex, false, nil}, {m.EncryptedRegex, true, nil},
		{m.EncryptedSuffix, true, func(key string) bool { return strings.HasSuffix(key, m.EncryptedSuffix) }},
		{m.UnencryptedSuffix, false, func(key string) bool { return strings.HasSuffix(key, m.UnencryptedSuffix) }},
	} {
		if r.pattern == "" {
			continue
		}
		if r.match == nil {
			expression, err := regexp.Compile(r.pattern)
			if err != nil {
				return nil, errors.New("has a regular expression that can't be read")
			}
			r.match = expression.MatchString
		}
		return decides(r.match, r.matched), nil
	}
	return decides(func(key string) bool { return strings.HasSuffix(key, defaultSuffix) }, false), nil
}

func decides(match func(string) bool, matched bool) func([]string) bool {
	return func(path []string) bool {
		for _, key := range path {
			if match(key) {
				return matched
			}
		}
		return !matched
	}
}

// verify makes sure that nobody has changed the file without its key: values
// could be moved, left out or put back to earlier ones. The sums are compared
// and never told, because they are made from the values.
func (r *reader) verify(m metadata) error {
	changed := errors.New("was changed after it was encrypted: its checksum does not fit; edit it with sops")
	at, err := time.Parse(time.RFC3339, m.LastModified)
	if err != nil {
		return changed
	}
	sum, err := r.decrypt(m.MAC, at.Format(time.RFC3339))
	text, ok := sum.(string)
	if err != nil || !ok || subtle.ConstantTimeCompare([]byte(text), []byte(r.sum())) != 1 {
		return changed
	}
	return nil
}
