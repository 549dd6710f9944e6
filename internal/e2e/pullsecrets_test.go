package e2e

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// guardedRegistry is a registry that lets in who has the canary.
func guardedRegistry(t *testing.T) *dockertest.Registry {
	return localRegistry(t, map[string]string{canaryUser: canary})
}

// localRegistry is a registry on this machine. What the local engine pulls from it
// goes with the test, after the containers: so it is made before the installation.
func localRegistry(t *testing.T, users map[string]string) *dockertest.Registry {
	r := dockertest.NewRegistry(t, "127.0.0.1", users)
	t.Cleanup(func() {
		c, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		all, err := c.ImageList(context.Background(), image.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range all {
			for _, ref := range append(i.RepoTags, i.RepoDigests...) {
				if !strings.HasPrefix(ref, r.Address+"/") {
					continue
				}
				if _, err := c.ImageRemove(context.Background(), ref, image.RemoveOptions{}); err != nil {
					t.Errorf("remove image %q: %v", ref, err)
				}
			}
		}
	})
	return r
}

// pullSecret writes an app's secret, encrypted.
func (w *canaryWorld) pullSecret(content string) {
	w.t.Helper()
	w.write("shop/hub.yaml", "apiVersion: tallyman/v1\nkind: Secret\nmetadata: {name: hub}\nspec:\n  age:\n    config.json: |\n      "+
		sealedFor(w.t, content, canaryKey(w.t))+"\n")
}

// dockerConfig is what docker login writes.
func dockerConfig(r *dockertest.Registry, password string) string {
	return fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, r.Address, base64.StdEncoding.EncodeToString([]byte(canaryUser+":"+password)))
}

// guarded writes an app with a service whose image the registry guards.
func (w *canaryWorld) guarded(r *dockertest.Registry, app, service, spec, env string) {
	w.write(app+"/app.yaml", "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: "+app+"}\nspec: "+spec+"\n")
	w.write(app+"/"+service+".yaml", "apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: "+service+"}\nspec:\n"+
		"  image: "+r.Ref("web:1")+"\n  stopGracePeriod: 2s\n  environment: {STAGE: "+env+"}\n")
}

// pulls wants one replica of the image, and none of the app that has no
// credentials.
func pulls(r *dockertest.Registry) func([]replica) bool {
	return func(live []replica) bool {
		return len(live) == 1 && live[0].service == "web" && live[0].state == "running" && strings.HasPrefix(live[0].image, r.Ref("web:1")+"@sha256:")
	}
}

// TestPullSecretsStayIn has an app pull with credentials of its own beside one
// that has none; then they are wrong, and then no credentials at all. It searches
// for them wherever something comes out.
func TestPullSecretsStayIn(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	r := guardedRegistry(t)
	w := secretWorld(t)
	r.Push(w.hosts["local"], "tallyman/hello:1", "web:1")
	w.pullSecret(dockerConfig(r, canary))
	w.guarded(r, "shop", "web", "{pullSecrets: [hub]}", "one")
	w.guarded(r, "other", "stranger", "{}", "one")
	w.commit("two apps of one image")
	c := w.follow()
	first := w.eventually("the app with credentials, alone", pulls(r))[0].id
	c.says(t, "denies access")
	w.ofController(c)
	w.labels()

	w.pullSecret(dockerConfig(r, "wrong"))
	w.commit("another password, which is wrong")
	c.says(t, "the digest recorded of revision")
	if again := w.eventually("the app as it was", pulls(r))[0].id; again != first {
		t.Errorf("another password replaces container %s with %s", first, again)
	}

	w.pullSecret(`{"auths": {"` + canary + `": {"auth": "` + canary + `"}}}`)
	w.commit("no credentials at all")
	c.says(t, `pull with secret \"hub\"`)
	w.ofController(c)
	w.labels()

	w.pullSecret(dockerConfig(r, canary))
	w.guarded(r, "shop", "web", "{pullSecrets: [hub]}", "two")
	w.commit("a new web")
	w.eventually("the new one", func(live []replica) bool { return pulls(r)(live) && live[0].id != first })
	w.ofController(c)
}
