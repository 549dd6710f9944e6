package docker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/internal/registry"
	"github.com/tallyman-io/tallyman/internal/testimage"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/docker"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

const password = "canary-of-the-pull"

// shown are credentials for every registry.
func shown(password string) docker.Option {
	return docker.WithCredentials(func(context.Context, string, [][]byte) (docker.Credentials, error) {
		return docker.Credentials{Username: "ada", Password: password}, nil
	})
}

// pulling is a host whose engine is made with the options. What it pulls from
// the registry at the address goes with the test.
func pulling(t *testing.T, address func() string, opts ...docker.Option) *host {
	t.Helper()
	t.Cleanup(func() { dropImages(t, address()) }) // after the containers have gone
	h := newHost(t)
	e, err := docker.New(model.Host{Name: "here", Endpoint: h.Endpoint}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	h.engine = e
	return h
}

// dropImages takes the names of a registry off the engine.
func dropImages(t *testing.T, address string) {
	c, err := testimage.Dial("")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	all, err := c.ImageList(cleanup(t), image.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		for _, ref := range append(i.RepoTags, i.RepoDigests...) {
			if !strings.HasPrefix(ref, address+"/") {
				continue
			}
			if _, err := c.ImageRemove(cleanup(t), ref, image.RemoveOptions{}); err != nil && !errdefs.IsNotFound(err) {
				t.Error(err)
			}
		}
	}
}

// pushed puts the test image into a registry and gives its reference there with
// the digest.
func pushed(t *testing.T, r *dockertest.Registry, h *host, name string) string {
	t.Helper()
	r.Push(h.Client, testImage, name)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, "http://"+r.Address+"/v2/"+strings.Replace(name, ":", "/manifests/", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("ada", password)
	request.Header.Set("Accept", "application/vnd.docker.distribution.manifest.v2+json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return model.WithDigest(r.Ref(name), answer.Header.Get("Docker-Content-Digest"))
}

func users() map[string]string { return map[string]string{"ada": password} }

func TestAResolvedImageIsPulledAndRunByItsDigest(t *testing.T) {
	r := dockertest.NewRegistry(t, "127.0.0.1", users())
	h := pulling(t, func() string { return r.Address }, shown(password))
	ref := pushed(t, r, h, "web:1")
	pull := model.PullImage{Host: "here", Image: ref}
	h.do(pull, pull)
	if id := h.observe(engine.Query{Images: []string{ref}}).Images[ref]; id == "" {
		t.Fatalf("image %q is not reported", ref)
	}
	h.start("web", model.ContainerSpec{Image: ref})
	if c := h.must("web"); c.Spec.Image != ref || c.State != model.StateRunning {
		t.Errorf("container is %s, made from %q, want %q", c.State, c.Spec.Image, ref)
	}
	absent, _ := model.SplitDigest(ref)
	h.refuses(engine.NotFound, model.PullImage{Host: "here", Image: model.WithDigest(absent, "sha256:"+strings.Repeat("0", 64))})
}

func TestACredentialThatIsWrongIsDeniedAndNotTold(t *testing.T) {
	r := dockertest.NewRegistry(t, "127.0.0.1", users())
	for name, opts := range map[string][]docker.Option{"wrong": {shown("not-" + password)}, "none": nil} {
		h := pulling(t, func() string { return r.Address }, opts...)
		ref := pushed(t, r, h, "web:1")
		text := h.refuses(engine.Denied, model.PullImage{Host: "here", Image: ref})
		if strings.Contains(text, password) {
			t.Errorf("%s: the error tells the password: %s", name, text)
		}
	}
}

// TestAPullShowsTheAppsOwnCredentials: without them the same image is refused,
// and in no case is anything told of what they are.
func TestAPullShowsTheAppsOwnCredentials(t *testing.T) {
	r := dockertest.NewRegistry(t, "127.0.0.1", users())
	find := func(ctx context.Context, ref string, own [][]byte) (docker.Credentials, error) {
		keys, err := registry.FromConfigs(own)
		if keys == nil || err != nil {
			return docker.Credentials{}, err
		}
		found, _, err := keys(ctx, registry.RegistryOf(ref))
		return docker.Credentials{Username: found.Username, Password: found.Password}, err
	}
	h := pulling(t, func() string { return r.Address }, docker.WithCredentials(find))
	ref := pushed(t, r, h, "web:1")
	hub := []model.SecretRef{{Secret: "hub", Key: "config.json", Digest: "d"}}
	config := func(password string) model.Blobs {
		return model.Blobs{"d": fmt.Appendf(nil, `{"auths": {%q: {"username": "ada", "password": %q}}}`, r.Address, password)}
	}
	for name, c := range map[string]struct {
		pull  model.PullImage
		blobs model.Blobs
		want  engine.Class
	}{
		"none":          {model.PullImage{Host: "here", Image: ref}, nil, engine.Denied},
		"wrong":         {model.PullImage{Host: "here", Image: ref, PullSecrets: hub}, config("not-" + password), engine.Denied},
		"not at hand":   {model.PullImage{Host: "here", Image: ref, PullSecrets: hub}, nil, engine.Invalid},
		"no such thing": {model.PullImage{Host: "here", Image: ref, PullSecrets: hub}, model.Blobs{"d": []byte(password)}, engine.Denied},
	} {
		err := h.engine.Do(t.Context(), c.pull, c.blobs)
		if err == nil || engine.ClassOf(err) != c.want || strings.Contains(err.Error(), password) {
			t.Errorf("%s: %v, want class %q and no password", name, err, c.want)
		}
	}
	if err := h.engine.Do(t.Context(), model.PullImage{Host: "here", Image: ref, PullSecrets: hub}, config(password)); err != nil {
		t.Fatal(err)
	}
	if id := h.observe(engine.Query{Images: []string{ref}}).Images[ref]; id == "" {
		t.Errorf("image %q is not there", ref)
	}
}

func TestWhereCredentialsCantBeHadNothingIsPulled(t *testing.T) {
	var asked string
	h := pulling(t, func() string { return "127.0.0.1:1" }, docker.WithCredentials(func(_ context.Context, ref string, _ [][]byte) (docker.Credentials, error) {
		asked = ref
		return docker.Credentials{Password: password}, errors.New("the helper is gone")
	}))
	text := h.refuses(engine.Denied, model.PullImage{Host: "here", Image: "127.0.0.1:1/web:1"})
	contains(t, text, "the helper is gone")
	if asked != "127.0.0.1:1/web:1" || strings.Contains(text, password) {
		t.Errorf("asked for %s; %s", asked, text)
	}
}

func TestARegistryThatIsDownMayComeBack(t *testing.T) {
	r := dockertest.NewRegistry(t, "127.0.0.1", nil)
	h := pulling(t, func() string { return r.Address })
	ref := pushed(t, r, h, "web:1")
	r.Stop()
	err := h.engine.Do(t.Context(), model.PullImage{Host: "here", Image: ref}, nil)
	if class := engine.ClassOf(err); err == nil || !class.Transient() {
		t.Errorf("%v: class %q, want one that passes", err, class)
	}
	r.Start()
	h.do(model.PullImage{Host: "here", Image: ref})
}

// slow stands before a registry and gives the first half of each layer; the
// rest comes when release is closed.
func slow(t *testing.T, r *dockertest.Registry, release <-chan struct{}) string {
	t.Helper()
	target, err := url.Parse("http://" + r.Address)
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{}) // the engine keeps a broken connection for a while
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.FlushInterval, proxy.ErrorLog = -1, log.New(io.Discard, "", 0)
	proxy.ModifyResponse = func(answer *http.Response) error {
		if strings.Contains(answer.Request.URL.Path, "/blobs/") && answer.ContentLength > 100_000 {
			answer.Body = &halting{ReadCloser: answer.Body, left: answer.ContentLength / 2, release: release, over: over}
		}
		return nil
	}
	s := httptest.NewServer(proxy)
	t.Cleanup(func() {
		close(over)
		s.CloseClientConnections()
		s.Close()
	})
	return strings.TrimPrefix(s.URL, "http://")
}

// halting reads up to a point, and on from there when it is released.
type halting struct {
	io.ReadCloser
	left    int64
	release <-chan struct{}
	over    <-chan struct{}
}

func (h *halting) Read(p []byte) (int, error) {
	if h.left <= 0 {
		select {
		case <-h.release:
		case <-h.over:
			return 0, io.ErrUnexpectedEOF
		}
		return h.ReadCloser.Read(p)
	}
	n, err := h.ReadCloser.Read(p[:min(int64(len(p)), h.left)])
	h.left -= int64(n)
	return n, err
}

func TestAPullTellsHowFarItHasCome(t *testing.T) {
	r := dockertest.NewRegistry(t, "127.0.0.1", nil)
	release := make(chan struct{})
	front := slow(t, r, release)
	h := pulling(t, func() string { return front })
	ref := unknown(t, r, front)
	var wg sync.WaitGroup
	defer wg.Wait()
	done := make(chan error, 1)
	wg.Go(func() { done <- h.engine.Do(t.Context(), model.PullImage{Host: "here", Image: ref}, nil) })
	h.until("the pull says how far it is", func() bool {
		pulls := h.engine.Pulls()
		return len(pulls) == 1 && pulls[0].Image == ref && pulls[0].Done > 0 && pulls[0].Done < pulls[0].Total
	})
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if pulls := h.engine.Pulls(); len(pulls) != 0 {
		t.Errorf("the pull has ended and is told of: %v", pulls)
	}
}

func TestAPullThatStallsIsGivenUp(t *testing.T) {
	r := dockertest.NewRegistry(t, "127.0.0.1", nil)
	front := slow(t, r, make(chan struct{}))
	short := docker.DefaultTimeouts()
	short.Stall = time.Second
	h := pulling(t, func() string { return front }, docker.WithTimeouts(short))
	ref := unknown(t, r, front)
	contains(t, h.refuses(engine.Timeout, model.PullImage{Host: "here", Image: ref}), "no progress for 1s")
}

// unknown puts an image of one large layer into a registry, which the engine has
// never seen, and gives its reference by way of another address.
func unknown(t *testing.T, r *dockertest.Registry, front string) string {
	t.Helper()
	base, err := random.Image(1<<20, 1)
	if err != nil {
		t.Fatal(err)
	}
	config, err := base.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	made, err := mutate.ConfigFile(base, config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := name.ParseReference(r.Ref("large:1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(target, made, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	digest, err := made.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return model.WithDigest(front+"/large:1", digest.String())
}
