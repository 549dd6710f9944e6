package desired

import (
	"fmt"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// pullKeys are the keys of the secrets that hold a Docker configuration, by the
// secrets' names.
func pullKeys(set *manifest.Set) map[string]string {
	keys := map[string]string{}
	for _, s := range set.Secrets {
		keys[s.Metadata.Name] = s.PullKey()
	}
	return keys
}

// PullSecrets are the Docker configurations of each app's pull secrets, in the
// order in which they are tried. Registries are asked before there is a desired
// state, and with the same credentials that engines get.
func PullSecrets(set *manifest.Set, s Secrets) map[string]model.Unsealed {
	keys, out := pullKeys(set), map[string]model.Unsealed{}
	for _, a := range set.Apps {
		for _, name := range a.Spec.PullSecrets {
			if value, ok := s.Values[name][keys[name]]; ok {
				out[a.Metadata.Name] = append(out[a.Metadata.Name], value)
			}
		}
	}
	return out
}

// pullSecrets stand for an app's Docker configurations, which go to the blobs.
func (b *builder) pullSecrets(a *manifest.App) ([]model.SecretRef, error) {
	var out []model.SecretRef
	for _, name := range a.Spec.PullSecrets {
		key := b.pullKeys[name]
		digest, err := b.sealed(name, key)
		if err != nil {
			return nil, fmt.Errorf("pull secret %q: %w", name, err)
		}
		out = append(out, model.SecretRef{Secret: name, Key: key, Digest: digest})
	}
	return out, nil
}
