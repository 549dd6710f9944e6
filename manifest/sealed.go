package manifest

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"gopkg.in/yaml.v3"
)

// sopsKey is where SOPS keeps what it needs to decrypt a file.
const sopsKey = "sops"

func isJSON(name string) bool { return strings.EqualFold(path.Ext(name), ".json") }

// besides is the path in the tree of what a document names.
func besides(d document, name string) string { return path.Join(path.Dir(d.origin().File), name) }

// isSOPS says whether a document is data that SOPS encrypted, and no manifest.
func isSOPS(n *yaml.Node) bool {
	fields := fieldsOf(n)
	return isEncrypted(fields) && fields["apiVersion"] == nil && fields["kind"] == nil
}

func isEncrypted(fields map[string]*yaml.Node) bool {
	meta := fields[sopsKey]
	return meta != nil && fieldsOf(meta)["mac"] != nil
}

// fieldsOf are the values of a mapping's own keys.
func fieldsOf(n *yaml.Node) map[string]*yaml.Node {
	fields := map[string]*yaml.Node{}
	if n.Kind != yaml.MappingNode {
		return fields
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		fields[n.Content[i].Value] = target(n.Content[i+1])
	}
	return fields
}

// sopsKeys are the keys of a SOPS file, which are not encrypted, and whether
// each has one value: a mapping or a list can't be put into a variable.
func sopsKeys(data []byte) (map[string]bool, error) {
	nodes, bad := split(data, 2)
	if bad != nil {
		return nil, fmt.Errorf("can't be read as YAML or JSON")
	}
	if len(nodes) != 1 || nodes[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("is not one mapping of keys to values")
	}
	fields := fieldsOf(nodes[0])
	if !isEncrypted(fields) {
		return nil, fmt.Errorf("is not encrypted: it has no SOPS metadata; do it with sops encrypt --in-place, and take what was readable for known")
	}
	keys := make(map[string]bool, len(fields))
	for key, value := range fields {
		if key != sopsKey {
			keys[key] = value.Kind == yaml.ScalarNode && !isNull(value)
		}
	}
	return keys, nil
}

// secrets reads the files that secrets are made of, and refuses SOPS files
// that belong to none.
func (k *linker) secrets(l *Loader, fsys fs.FS) {
	used := map[string]bool{}
	for _, s := range k.set.Secrets {
		s.files = map[string][]byte{}
		for _, r := range s.refs {
			used[besides(s, r.name)] = true
			data, err := l.config(fsys, besides(s, r.name))
			if err == nil && r.name == s.Spec.SOPS {
				s.keys, err = sopsKeys(data)
			}
			if err != nil {
				k.errorAt(s, r.place, r.path, fmt.Sprintf("file %q %v", r.name, err))
			}
			s.files[r.name] = data
		}
	}
	if k.set.unread || len(k.errs) > 0 {
		return // what names the file may be what is wrong
	}
	for _, file := range k.set.sops {
		if !used[file] {
			k.errs = append(k.errs, &Error{
				File: file, Message: "is a SOPS file that no Secret names",
				Hint: "name it in spec.sops of one, or in " + ignoreFile,
			})
		}
	}
}

// pullSecret makes sure that a secret has a Docker configuration.
func (k *linker) pullSecret(from *App, s *Secret, r ref) {
	if len(s.wrong)+k.counts[s] > 0 || s.PullKey() != "" {
		return
	}
	for _, key := range pullKeys {
		if _, nested := s.keys[key]; nested {
			k.secretKey(from, s, ref{kind: refKey, name: key, path: r.path, place: r.place})
			return
		}
	}
	k.errorAt(from, r.place, r.path, fmt.Sprintf("secret %q has neither key %q nor %q", r.name, pullKeys[0], pullKeys[1])).Hint =
		"one of them holds the Docker configuration with the credentials"
}

// secretKey makes sure that a secret has the key that a service asks for.
func (k *linker) secretKey(from document, s *Secret, r ref) {
	if len(s.wrong)+k.counts[s] > 0 { // one of them may be the key
		return
	}
	if single, there := s.keys[r.name]; there && !single {
		k.errorAt(from, r.place, r.path, fmt.Sprintf("key %q of secret %q is not one value", r.name, s.Metadata.Name)).Hint =
			"only keys on the outermost level whose value is a text, a number or a boolean can be used"
		return
	}
	if keys := s.Keys(); !contains(keys, r.name) {
		k.errorAt(from, r.place, r.path, fmt.Sprintf("secret %q has no key %q", s.Metadata.Name, r.name)).Hint = didYouMean(r.name, keys)
	}
}

// Ciphertexts are the secret's values as they stand in the repository, encrypted,
// by key: who has no key can tell by them whether a value was written anew.
func (s *Secret) Ciphertexts() map[string]string {
	out := map[string]string{}
	for key, sealed := range s.Age() {
		out[key] = string(sealed.Data)
	}
	sealed, is := s.SOPS()
	if !is {
		return out
	}
	nodes, bad := split(sealed.Data, 1)
	if bad != nil || len(nodes) == 0 {
		return out
	}
	for key, value := range fieldsOf(nodes[0]) {
		if s.keys[key] {
			out[key] = value.Value
		}
	}
	return out
}
