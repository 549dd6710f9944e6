package reconcile

import (
	"errors"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/desired"
)

// Secrets decrypts what a revision's secrets hold. It is asked once for every
// revision that is built, between the manifests and the desired state: who has
// no key has no desired state either, and nothing of the revision is begun.
type Secrets interface {
	Open(set *manifest.Set, owner string) (desired.Secrets, error)
}

// openSecrets decrypts the secrets of a set, if it has any.
func openSecrets(s Secrets, set *manifest.Set, owner string) (desired.Secrets, error) {
	if len(set.Secrets) == 0 {
		return desired.Secrets{}, nil
	}
	if s == nil {
		return desired.Secrets{}, errors.New("decrypt secrets: nothing is set up to do it")
	}
	return s.Open(set, owner)
}
