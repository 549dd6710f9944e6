package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
)

// canaryKey is the key that opens testdata/canary.enc.yaml.
func canaryKey(t *testing.T) *age.X25519Identity {
	t.Helper()
	data, err := os.ReadFile("testdata/canary.key")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := age.ParseIdentities(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return ids[0].(*age.X25519Identity)
}

// sealedFor is a value for a key, as a block of a manifest.
func sealedFor(t *testing.T, value string, key *age.X25519Identity) string {
	t.Helper()
	var out bytes.Buffer
	a := armor.NewWriter(&out)
	w, err := age.Encrypt(a, key.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(w, value)
	if err := errors.Join(err, w.Close(), a.Close()); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(strings.TrimSpace(out.String()), "\n", "\n      ")
}

// secretWorld is an installation whose manifests hold the canary, encrypted.
func secretWorld(t *testing.T) *canaryWorld {
	w, _ := localWorld(t)
	key := canaryKey(t)
	sops, err := os.ReadFile("testdata/canary.enc.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w.write("sealed.enc.yaml", string(sops))
	w.write("sealed.yaml", "apiVersion: tallyman/v1\nkind: Secret\nmetadata: {name: sealed}\nspec: {sops: sealed.enc.yaml}\n")
	c := &canaryWorld{
		world: w, keys: []string{key.String()[:40]},
		env: []string{"TALLYMAN_REPO=" + w.repo, "TALLYMAN_AGE_KEY=" + key.String()},
	}
	c.aged(key)
	return c
}

// aged writes the secret that is encrypted with age alone.
func (w *canaryWorld) aged(key *age.X25519Identity) {
	w.t.Helper()
	w.write("aged.yaml", "apiVersion: tallyman/v1\nkind: Secret\nmetadata: {name: aged}\nspec:\n  age:\n    token: |\n      "+
		sealedFor(w.t, canary, key)+"\n    file: |\n      "+sealedFor(w.t, "first line\n"+canary+"\n", key)+"\n")
}

// secretive writes a service that gets the canary in every way.
func (w *canaryWorld) secretive(image string, extra ...string) {
	w.service("web", image, 1, append(extra,
		"environment: {TOKEN: {secret: sealed, key: token}, OTHER: {secret: aged, key: token}}",
		"files: [{secret: sealed, key: tls.key, path: /etc/tls.key}, {secret: aged, key: file, path: /etc/file, uid: 7}]")...)
}

// arrived makes sure that there is something to search for: the container has
// the values.
func (w *canaryWorld) arrived(id string) {
	w.t.Helper()
	c := w.hosts["local"]
	info, err := c.ContainerInspect(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, line := range []string{"TOKEN=" + canary, "OTHER=" + canary} {
		if !slices.Contains(info.Config.Env, line) {
			w.t.Errorf("the container lacks the variable %s", strings.SplitN(line, "=", 2)[0])
		}
	}
	for _, path := range []string{"/etc/tls.key", "/etc/file"} {
		archive, stat, err := c.CopyFromContainer(context.Background(), id, path)
		if err != nil {
			w.t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		archive.Close()
		if err != nil || !bytes.Contains(content, []byte(canary)) || stat.Mode.Perm() != 0o400 {
			w.t.Errorf("file %s has mode %v and not the value: %v", path, stat.Mode, err)
		}
	}
}

// labels searches what is on the engine besides the values' own places.
func (w *canaryWorld) labels() {
	w.t.Helper()
	mine := filters.NewArgs(filters.Arg("label", "tallyman.owner="+w.owner))
	list, err := w.hosts["local"].ContainerList(context.Background(), container.ListOptions{All: true, Filters: mine})
	if len(list) == 0 {
		w.t.Error("there is no container to search")
	}
	w.cleanJSON("the list of containers, labels and all", list, err)
}

// TestSecretsStayIn has values come to a container in every way, then a key
// that is missing, then a container that can't start and one that prints what it
// was given and ends, and searches for the values wherever something comes out.
func TestSecretsStayIn(t *testing.T) {
	w := secretWorld(t)
	w.secretive("tallyman/hello:1")
	w.commit("deploy web")
	c := w.follow()
	w.arrived(w.eventually("web", exactly("web", "tallyman/hello:1", 1))[0].id)
	w.ofController(c)
	w.labels()

	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	w.aged(stranger)
	w.secretive("tallyman/hello:2")
	w.commit("encrypt for somebody else")
	c.says(t, ": spec.age.file: decrypt secret")
	w.ofController(c)
	w.eventually("web as it was", exactly("web", "tallyman/hello:1", 1))

	w.aged(canaryKey(t))
	w.secretive("tallyman/hello:2", "entrypoint: [/no/such/program]", "onHold: x")
	w.commit("a mistake beside the secrets")
	c.says(t, "onHold: unknown field")
	w.secretive("tallyman/hello:2", "entrypoint: [/no/such/program]")
	w.commit("a program that is not there")
	c.says(t, "/no/such/program")
	w.ofController(c)
	w.labels()

	w.service("web", "tallyman/hello:2", 1,
		"environment: {MESSAGE: {secret: sealed, key: token}, FAIL: exit}",
		"files: [{secret: aged, key: file, path: /etc/file, uid: 7}]")
	w.commit("a program that prints what it was given, and ends")
	c.says(t, "exiting with 1")
	w.eventually("web back again", exactly("web", "tallyman/hello:1", 1))
	w.ofController(c)
	w.labels()
}
