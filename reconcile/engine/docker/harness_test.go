package docker_test

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/docker"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// testImage is the image of the test containers: a static server.
const testImage = "tallyman/hello:1"

// host is a real engine with an owner that no other test has; all that carries
// the owner's label goes when the test ends.
type host struct {
	*dockertest.Engine
	t      testing.TB
	engine *docker.Engine
}

func newHost(t testing.TB) *host {
	t.Helper()
	local := dockertest.Local(t)
	local.Images(testImage)
	return hostOn(t, local, model.Host{Endpoint: local.Endpoint})
}

// hostOn is a part of an engine that has the image, reached as to says.
func hostOn(t testing.TB, part *dockertest.Engine, to model.Host) *host {
	t.Helper()
	to.Name = "here"
	e, err := docker.New(to, docker.WithImages(func(ref, arch string, w io.Writer) error {
		t.Cleanup(func() {
			if _, err := part.Client.ImageRemove(context.WithoutCancel(t.Context()), ref, image.RemoveOptions{}); err != nil {
				t.Error(err)
			}
		})
		return writeImage(ref, arch, w)
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return &host{Engine: part, t: t, engine: e}
}

// writeImage writes an image that has nothing in it.
func writeImage(ref, arch string, w io.Writer) error {
	tag, err := name.NewTag(ref)
	if err != nil {
		return err
	}
	made, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: arch, Author: ref})
	if err != nil {
		return err
	}
	return tarball.Write(tag, made, w)
}

// owner is the ownership of a container of this test.
func (h *host) owner(name string) model.Ownership {
	return model.Ownership{
		Owner: h.Owner, App: "app", Service: "web", Slot: "1", Fingerprint: "f1", Revision: "r1", Name: h.Name(name),
	}
}

func (h *host) target(name string) model.Target {
	return model.Target{Host: "here", Name: h.Name(name), Owner: h.Owner, Fingerprint: "f1"}
}

// do performs ops that must succeed.
func (h *host) do(ops ...model.Op) {
	h.t.Helper()
	for _, op := range ops {
		if err := h.engine.Do(h.t.Context(), op, blobs()); err != nil {
			h.t.Fatal(err)
		}
	}
}

// refuses performs an op that must fail with the class, and gives its error's
// text.
func (h *host) refuses(class engine.Class, op model.Op) string {
	h.t.Helper()
	err := h.engine.Do(h.t.Context(), op, blobs())
	if err == nil {
		h.t.Fatalf("%s succeeded, want class %q", engine.Doing(op), class)
	}
	if got := engine.ClassOf(err); got != class {
		h.t.Fatalf("%v: class %q, want %q", err, got, class)
	}
	return err.Error()
}

func (h *host) create(name string, spec model.ContainerSpec) model.Target {
	h.t.Helper()
	if spec.Image == "" {
		spec.Image = testImage
	}
	h.do(model.CreateContainer{Host: "here", Owner: h.owner(name), Spec: spec})
	return h.target(name)
}

func (h *host) start(name string, spec model.ContainerSpec) model.Target {
	h.t.Helper()
	t := h.create(name, spec)
	h.do(model.StartContainer{Target: t})
	return t
}

func (h *host) network(name string) string {
	h.t.Helper()
	full := h.Name(name)
	h.do(model.CreateNetwork{
		Host: "here", Network: model.Network{App: "app", Name: name, HostName: full, Driver: "bridge"},
		Owner: model.Ownership{Owner: h.Owner, App: "app", Name: full},
	})
	return full
}

func (h *host) volume(name string) string {
	h.t.Helper()
	full := h.Name(name)
	h.do(model.CreateVolume{
		Host: "here", Volume: model.Volume{App: "app", Name: name, HostName: full, Driver: "local"},
		Owner: model.Ownership{Owner: h.Owner, App: "app", Name: full},
	})
	return full
}

func (h *host) observe(q engine.Query) model.HostState {
	h.t.Helper()
	if q.Owner == "" {
		q.Owner = h.Owner
	}
	state, err := h.engine.Observe(h.t.Context(), q)
	if err != nil {
		h.t.Fatal(err)
	}
	return state
}

// find is the container of that name as a pass reports it; nil when there is
// none.
func (h *host) find(name string) *model.Container {
	h.t.Helper()
	state := h.observe(engine.Query{})
	for i := range state.Containers {
		if state.Containers[i].Name == h.Name(name) {
			return &state.Containers[i]
		}
	}
	return nil
}

// must is find for a container that has to be there, and inspected.
func (h *host) must(name string) *model.Container {
	h.t.Helper()
	c := h.find(name)
	if c == nil || c.Spec == nil {
		h.t.Fatalf("container %q: not reported with its spec: %+v", name, c)
	}
	return c
}

// until waits for what the engine does in its own time.
func (h *host) until(what string, holds func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("waited in vain until %s", what)
		}
	}
}

const (
	hello = "hello, world\n"
	other = "something else\n"
)

func blobs() model.Blobs {
	return model.Blobs{
		model.Digest([]byte(hello)): []byte(hello),
		model.Digest([]byte(other)): []byte(other),
		model.Digest(nil):           {},
	}
}

func file(path, content string) model.File {
	return model.File{Path: path, Mode: 0o444, Digest: model.Digest([]byte(content))}
}

func contains(t testing.TB, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q does not say %q", text, word)
		}
	}
}

// cleanup is a context for what runs after a test, whose own has ended.
func cleanup(t testing.TB) context.Context { return context.WithoutCancel(t.Context()) }

// archive is a tar with one file.
func archive(t testing.TB, name, content string) io.Reader {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o444, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &buf
}

// removeImage removes an image once nothing uses it any more: the containers
// of the test go last.
func removeImage(t testing.TB, c *client.Client, id string) {
	all, err := c.ContainerList(cleanup(t), container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("ancestor", id))})
	if err != nil {
		t.Error(err)
	}
	for _, found := range all {
		forceRemove(t, c, found.ID)
	}
	if _, err := c.ImageRemove(cleanup(t), id, image.RemoveOptions{Force: true}); err != nil && !errdefs.IsNotFound(err) {
		t.Error(err)
	}
}
