package manifest

import (
	"fmt"

	"github.com/tallyman-io/tallyman/internal/signature"
)

// Verify says who has to have signed commits.
type Verify struct {
	// Who may sign: lines of the format of Git's allowed signers, such as
	// `ada@example.com ssh-ed25519 AAAA…`, and OpenPGP public keys in armor. The
	// keys that the installation allows (`--allowed-signers`) may as well. Each
	// commit is held against the list of the commit before it, so a new key comes
	// with a commit that one of the old ones signed.
	Signers []string `yaml:"signers,omitempty" check:"max=1000"`
}

func (v *Verify) check(c *context) {
	for i, list := range v.Signers {
		if _, err := signature.Parse(list); err != nil {
			c.at("signers", nth(i)).errorf("%v", err)
		}
	}
}

// signers are those of the list, which was checked when it was read.
func (v *Verify) signers() (all signature.Signers, err error) {
	for _, list := range v.Signers {
		s, err := signature.Parse(list)
		if err != nil {
			return all, fmt.Errorf("read signers: %w", err)
		}
		all = all.With(s)
	}
	return all, nil
}

// Signers are who has to have signed commits, by the app for which that is said, and
// of the whole repository under the empty name.
func (s *Set) Signers() (map[string]signature.Signers, error) {
	said := map[string]*Verify{}
	for _, f := range s.Fleets {
		said[""] = f.Spec.Verify
	}
	for _, a := range s.Apps {
		said[a.Metadata.Name] = a.Spec.Verify
	}
	signers := map[string]signature.Signers{}
	for name, v := range said {
		if v == nil {
			continue
		}
		var err error
		if signers[name], err = v.signers(); err != nil {
			return nil, err
		}
	}
	return signers, nil
}
