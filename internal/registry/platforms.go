package registry

import (
	"context"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// maxConfig bounds what is read of an image's configuration.
const maxConfig = 4 << 20

// Platforms asks what an image is made for, as "linux/amd64" or "linux/arm/v7",
// by a reference with its digest. An index says so itself, of a single image the
// configuration does. None is an image, or another thing, that does not say it. It
// asks once: the answer is a help, and nobody waits for it.
func (r *Resolver) Platforms(ctx context.Context, ref string, keys Keychain) ([]string, error) {
	q, err := parse(ref)
	if err != nil {
		return nil, err
	}
	if q.digest == "" {
		return nil, &Error{Class: Invalid, Ref: ref, Cause: "has no digest"}
	}
	var platforms []string
	err = r.once(ctx, q, keys, func(repo name.Repository, o []remote.Option) error {
		found, err := remote.Get(repo.Digest(q.digest), o...)
		if err == nil {
			platforms, err = platformsOf(found)
		}
		return err
	})
	return platforms, err
}

func platformsOf(found *remote.Descriptor) ([]string, error) {
	switch {
	case found.MediaType.IsIndex():
		return ofIndex(found)
	case found.MediaType.IsImage():
		return ofImage(found)
	}
	return nil, nil
}

// ofIndex leaves out what no engine takes for an image, such as attestations. What
// it does not describe may be for anything.
func ofIndex(found *remote.Descriptor) ([]string, error) {
	index, err := found.ImageIndex()
	if err != nil {
		return nil, err
	}
	list, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var platforms []string
	for i := range list.Manifests {
		m := &list.Manifests[i]
		switch {
		case m.MediaType.IsIndex():
			return nil, nil
		case !m.MediaType.IsImage():
		case m.Platform == nil || m.Platform.OS == "" || m.Platform.Architecture == "":
			return nil, nil
		case m.Platform.OS != "unknown":
			platforms = append(platforms, platform(m.Platform.OS, m.Platform.Architecture, m.Platform.Variant))
		}
	}
	slices.Sort(platforms)
	return slices.Compact(platforms), nil
}

func ofImage(found *remote.Descriptor) ([]string, error) {
	image, err := found.Image()
	if err != nil {
		return nil, err
	}
	m, err := image.Manifest()
	if err != nil || !m.Config.MediaType.IsConfig() || m.Config.Size > maxConfig {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil || config.OS == "" || config.Architecture == "" {
		return nil, err
	}
	return []string{platform(config.OS, config.Architecture, config.Variant)}, nil
}

// platform leaves out the variant that every arm64 is.
func platform(os, arch, variant string) string {
	text := os + "/" + arch
	if variant != "" && (arch != "arm64" || variant != "v8") {
		text += "/" + variant
	}
	return text
}
