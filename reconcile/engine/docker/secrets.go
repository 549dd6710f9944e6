package docker

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// fullEnv is a spec's environment with the secret values filled in. It goes to
// the engine and nowhere else.
func fullEnv(spec *model.ContainerSpec, blobs model.Blobs) (map[string]string, error) {
	if len(spec.SecretEnv) == 0 {
		return spec.Env, nil
	}
	env := make(map[string]string, len(spec.Env)+len(spec.SecretEnv))
	maps.Copy(env, spec.Env)
	for name, ref := range spec.SecretEnv {
		value, ok := blobs[ref.Digest]
		if !ok {
			return nil, invalid(fmt.Sprintf("the value of variable %q %s is not at hand", name, ref))
		}
		env[name] = string(value)
	}
	return env, nil
}

// secretValues are those of a full environment that are secret.
func secretValues(spec *model.ContainerSpec, env map[string]string) []string {
	var values []string
	for name := range spec.SecretEnv {
		values = append(values, env[name])
	}
	return values
}

// hidden is what of a live container is secret. This package is the border
// that the values do not cross: what it reports has digests in their place.
type hidden struct {
	names  model.SecretNames
	key    model.DigestKey
	values []string // as they were read, to take them out of texts
}

func hiddenIn(raw *container.InspectResponse, key model.DigestKey) *hidden {
	return &hidden{names: model.SecretNamesFrom(raw.Config.Labels[model.LabelSecrets]), key: key}
}

// any says whether the container has secrets at all.
func (h *hidden) any() bool { return len(h.names.Env)+len(h.names.Files) > 0 }

// hide takes the values out of a container as it will be reported. The files
// have been read before, so that their contents are looked for too.
func (h *hidden) hide(c *model.Container) {
	h.env(c.Spec)
	c.HealthOutput, c.Error = h.scrub(c.HealthOutput), h.scrub(c.Error)
}

// env moves the secret variables of a live spec to where only digests are.
func (h *hidden) env(spec *model.ContainerSpec) {
	for name, ref := range h.names.Env {
		value, ok := spec.Env[name]
		if !ok {
			continue
		}
		delete(spec.Env, name)
		h.values = append(h.values, value)
		ref.Digest = h.key.Digest([]byte(value))
		if spec.SecretEnv == nil {
			spec.SecretEnv = make(map[string]model.SecretRef, len(h.names.Env))
		}
		spec.SecretEnv[name] = ref
	}
}

// digest is the digest of a file's content, keyed where that is secret.
func (h *hidden) digest(path string, content []byte) (digest, secret string) {
	secret = h.names.Files[path]
	if secret == "" {
		return model.Digest(content), ""
	}
	h.values = append(h.values, string(content))
	return h.key.Digest(content), secret
}

// scrub takes the values out of a text that the container or the engine made,
// such as the output of a health check.
func (h *hidden) scrub(text string) string { return model.Scrub(text, h.values) }

// hiddenNow is what is secret of a container as it is at this moment.
func (e *Engine) hiddenNow(ctx context.Context, raw *container.InspectResponse) (*hidden, error) {
	h := hiddenIn(raw, model.DigestKey{})
	if !h.any() {
		return h, nil
	}
	env := envMap(raw.Config.Env)
	for name := range h.names.Env {
		h.values = append(h.values, env[name])
	}
	files, err := e.readFiles(ctx, raw, h)
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(h.names.Files)) {
		if !slices.ContainsFunc(files, func(f model.File) bool { return f.Path == path && f.Secret != "" }) {
			return nil, fmt.Errorf("secret file %q is not in the container any more, and what it held can't be taken out", path)
		}
	}
	return h, nil
}
