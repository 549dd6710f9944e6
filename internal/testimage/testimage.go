// Package testimage builds the image that the examples and the tests run:
// a static HTTP server (see the folder server) in an image FROM scratch, so
// that no registry has to be reached.
//
// A tag's version is part of the image, so tallyman/hello:1 and
// tallyman/hello:2 are different images that say different things. The package
// talks to engines directly, because it makes what Tallyman itself only uses,
// and it knows nothing of manifests.
package testimage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
)

// Label marks every image made here; its value is a hash of what the image was
// made from.
const Label = "io.tallyman.testimage"

// Dial connects to an engine: dockerHost as in DOCKER_HOST, or "" for what the
// environment says (DOCKER_HOST, DOCKER_CERT_PATH, DOCKER_TLS_VERIFY; else the
// local socket).
func Dial(dockerHost string) (*client.Client, error) {
	opts := []client.Opt{client.FromEnv, client.WithAPIVersionNegotiation()}
	if dockerHost != "" {
		opts = []client.Opt{client.WithHost(dockerHost), client.WithAPIVersionNegotiation()}
	}
	return client.NewClientWithOpts(opts...)
}

// Build makes sure that the engine has the image under tag. It builds nothing
// when the engine already has this image, made from the same source.
func Build(ctx context.Context, dockerHost, tag string) error {
	c, err := Dial(dockerHost)
	if err != nil {
		return fmt.Errorf("build image %q: %w", tag, err)
	}
	defer c.Close()
	if _, err := BuildOn(ctx, c, tag); err != nil {
		return fmt.Errorf("build image %q: %w", tag, err)
	}
	return nil
}

// BuildOn is Build over an open connection; it says whether it had to build.
func BuildOn(ctx context.Context, c *client.Client, tag string) (built bool, err error) {
	version, err := c.ServerVersion(ctx)
	if err != nil {
		return false, err
	}
	r := recipe{tag: tag, arch: version.Arch}
	if have, err := c.ImageInspect(ctx, tag); err == nil && have.Config != nil && have.Config.Labels[Label] == r.hash() {
		return false, nil
	}
	archive, err := r.context(ctx)
	if err != nil {
		return false, err
	}
	resp, err := c.ImageBuild(ctx, archive, build.ImageBuildOptions{
		Version: build.BuilderV1, Tags: []string{tag}, Remove: true, ForceRemove: true,
	})
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	return true, buildError(resp.Body)
}

// buildError reads the build's messages to their end, which is when the image
// is there, and gives the error among them.
func buildError(messages io.Reader) error {
	for d := json.NewDecoder(messages); ; {
		var m struct{ Error string }
		switch err := d.Decode(&m); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case m.Error != "":
			return errors.New(m.Error)
		}
	}
}

// Remove removes the image under tag, if it is one of ours.
func Remove(ctx context.Context, c *client.Client, tag string) error {
	images, err := c.ImageList(ctx, image.ListOptions{
		Filters: filters.NewArgs(filters.Arg("label", Label), filters.Arg("reference", tag)),
	})
	if err != nil || len(images) == 0 {
		return err
	}
	_, err = c.ImageRemove(ctx, tag, image.RemoveOptions{PruneChildren: true})
	return err
}
