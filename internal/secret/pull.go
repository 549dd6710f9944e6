package secret

import (
	"fmt"

	"github.com/tallyman-io/tallyman/internal/registry"
	"github.com/tallyman-io/tallyman/manifest"
)

// unusable are the secrets that apps pull with and that hold no credentials for
// registries. It is known as soon as they are open, and not first when a host
// pulls. The errors repeat nothing of what is in them.
func unusable(set *manifest.Set, values map[string]map[string][]byte) manifest.Errors {
	pulls := map[string]bool{}
	for _, a := range set.Apps {
		for _, name := range a.Spec.PullSecrets {
			pulls[name] = true
		}
	}
	var errs manifest.Errors
	for _, s := range set.Secrets {
		if !pulls[s.Metadata.Name] {
			continue
		}
		if _, err := registry.FromConfig(values[s.Metadata.Name][s.PullKey()]); err != nil {
			at := s.FieldOf(s.PullKey())
			errs = append(errs, &manifest.Error{
				File: s.File, Line: at.Line, Col: at.Col, Path: at.Path,
				Message: fmt.Sprintf("pull with secret %q: %v", s.Metadata.Name, err),
			})
		}
	}
	return errs
}
