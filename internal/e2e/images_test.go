package e2e

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// follow writes a policy for the service of the same name. Another interval makes it
// due at once.
func (w *world) follow(r *dockertest.Registry, service, interval string) {
	w.write(service+"-policy.yaml", fmt.Sprintf("apiVersion: tallyman/v1\nkind: ImagePolicy\nmetadata: {name: %s}\n"+
		"spec: {image: %s, follow: {semver: 1.x}, interval: %s}\n", service, r.Ref(service), interval))
}

// pushBroken puts an image into the registry whose containers can't start.
func pushBroken(t *testing.T, ref string) {
	t.Helper()
	image, err := random.Image(64, 1)
	if err == nil {
		config := &v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH, Config: v1.Config{Entrypoint: []string{"/none"}}}
		had, _ := image.ConfigFile()
		config.RootFS = had.RootFS
		image, err = mutate.ConfigFile(image, config)
	}
	var target name.Reference
	if err == nil {
		target, err = name.ParseReference(ref)
	}
	if err == nil {
		err = remote.Write(target, image, remote.WithContext(t.Context()))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// committed waits until the newest commit has the subject.
func (w *world) committed(subject string) {
	w.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if w.git("log", "-1", "--format=%s") == subject {
			return
		}
	}
	w.t.Fatalf("nobody committed %q; there is\n%s", subject, w.git("log", "--oneline"))
}

// TestANewerImageRollsOutAndOneThatFailedIsNotBroughtAgain after its commit was
// reverted.
func TestANewerImageRollsOutAndOneThatFailedIsNotBroughtAgain(t *testing.T) {
	r := localRegistry(t, nil)
	w, e := localWorld(t)
	r.Push(e.Client, "tallyman/hello:1", "web:1.0.0")
	r.Push(e.Client, "tallyman/hello:2", "web:1.1.0")
	r.Push(e.Client, "tallyman/hello:1", "side:1.0.0")
	for _, service := range []string{"web", "side"} {
		w.service(service, r.Ref(service+":1.0.0"), 1)
		w.git("add", service+".yaml")
		w.write(service+".yaml", strings.Replace(w.git("show", ":"+service+".yaml"), "pull: never", "pull: missing", 1)+"\n")
		w.follow(r, service, "30m")
	}
	w.commit("deploy")
	w.serve()
	w.committed("Bump " + r.Ref("web") + " to 1.1.0")
	w.runs(r, "web:1.1.0")

	pushBroken(t, r.Ref("web:1.2.0"))
	w.follow(r, "web", "31m")
	w.commit("look")
	w.committed("Bump " + r.Ref("web") + " to 1.2.0")
	w.statusSays("rolled back from")
	w.runs(r, "web:1.1.0")

	w.git("revert", "--no-edit", "HEAD")
	r.Push(e.Client, "tallyman/hello:2", "side:1.1.0")
	w.follow(r, "web", "32m")
	w.follow(r, "side", "32m")
	w.commit("look at both")
	w.committed("Bump " + r.Ref("side") + " to 1.1.0")
	w.runs(r, "side:1.1.0")
	w.runs(r, "web:1.1.0")
	if text := w.git("show", "HEAD:web.yaml"); !strings.Contains(text, r.Ref("web:1.1.0")+"\n") {
		t.Errorf("what was reverted was brought again:\n%s", text)
	}
}

// runs waits until one replica runs what is under the name in the registry.
func (w *world) runs(r *dockertest.Registry, image string) {
	w.t.Helper()
	service, _, _ := strings.Cut(image, ":")
	w.eventually("one replica of "+image, func(live []replica) bool {
		var of []replica
		for _, k := range live {
			if k.service == service {
				of = append(of, k)
			}
		}
		return len(of) == 1 && of[0].healthy() && strings.HasPrefix(of[0].image, r.Ref(image))
	})
}

// statusSays waits until the status says so.
func (w *world) statusSays(text string) {
	w.t.Helper()
	var out string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		if out, _ = w.run("status"); strings.Contains(out, text) {
			return
		}
	}
	w.t.Fatalf("the status does not say %q:\n%s", text, out)
}
