package sim

import (
	"maps"
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// values are secret values by the digest they came with. They are what a real
// container's environment and files hold; nothing that is observed does.
type values map[string][]byte

// learn keeps a value that the blobs have.
func (v values) learn(what, digest string, blobs model.Blobs) error {
	value, ok := blobs[digest]
	if !ok {
		return refuse(engine.Invalid, "the value of %s is not known", what)
	}
	v[digest] = value
	return nil
}

// secretsOf are the values of a spec's variables.
func secretsOf(spec *model.ContainerSpec, blobs model.Blobs) (values, error) {
	v := values{}
	for name, ref := range spec.SecretEnv {
		if err := v.learn(name, ref.Digest, blobs); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// filled is the spec as the program sees it.
func (v values) filled(spec model.ContainerSpec) model.ContainerSpec {
	if len(spec.SecretEnv) == 0 {
		return spec
	}
	spec.Env = maps.Clone(spec.Env)
	if spec.Env == nil {
		spec.Env = map[string]string{}
	}
	for name, ref := range spec.SecretEnv {
		spec.Env[name] = string(v[ref.Digest])
	}
	return spec
}

// reported is the spec with the digests that a key makes.
func (v values) reported(spec *model.ContainerSpec, key model.DigestKey) *model.ContainerSpec {
	if len(v) == 0 {
		return spec
	}
	seen := *spec
	seen.SecretEnv = maps.Clone(spec.SecretEnv)
	for name, ref := range seen.SecretEnv {
		ref.Digest = key.Digest(v[ref.Digest])
		seen.SecretEnv[name] = ref
	}
	seen.Files = slices.Clone(spec.Files)
	for i := range seen.Files {
		if f := &seen.Files[i]; f.Secret != "" {
			f.Digest = key.Digest(v[f.Digest])
		}
	}
	return &seen
}

// scrubbed are lines without the values.
func (v values) scrubbed(lines []line) []line {
	var hidden []string
	for _, digest := range slices.Sorted(maps.Keys(v)) {
		hidden = append(hidden, string(v[digest]))
	}
	out := slices.Clone(lines)
	for i := range out {
		out[i].text = model.Scrub(out[i].text, hidden)
	}
	return out
}
