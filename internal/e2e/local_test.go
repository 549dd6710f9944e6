package e2e

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// localWorld is an installation on the local engine.
func localWorld(t *testing.T) (*world, *dockertest.Engine) {
	e := dockertest.Local(t)
	e.Images("tallyman/hello:1", "tallyman/hello:2")
	return newWorld(t, e.Owner, map[string]*client.Client{"local": e.Client}), e
}

// TestForeignLookAlike puts a container beside ours that carries all its labels
// and a name like its: whatever happens, it is never touched.
func TestForeignLookAlike(t *testing.T) {
	w, e := localWorld(t)
	w.service("web", "tallyman/hello:1", 2)
	w.commit("deploy web")
	w.expect(0, "apply")
	ours := w.eventually("2 replicas", exactly("web", "tallyman/hello:1", 2))[0]
	ctx := context.Background()
	info, err := e.Client.ContainerInspect(ctx, ours.id)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := e.Client.ContainerCreate(ctx, &container.Config{Image: "tallyman/hello:1", Labels: maps.Clone(info.Config.Labels)}, nil, nil, nil, ours.name+"x")
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Client.ContainerStart(ctx, foreign.ID, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	before, err := e.Client.ContainerInspect(ctx, foreign.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.service("web", "tallyman/hello:2", 1)
	w.commit("image 2, one replica")
	w.expect(0, "apply")
	w.git("rm", "-q", "web.yaml")
	w.service("other", "tallyman/hello:1", 1)
	w.commit("other instead of web")
	w.expect(0, "apply")
	after, err := e.Client.ContainerInspect(ctx, foreign.ID)
	if err != nil {
		t.Fatalf("the foreign container is gone: %v", err)
	}
	if after.State.StartedAt != before.State.StartedAt || !after.State.Running || after.Name != before.Name {
		t.Errorf("the foreign container was touched: %+v", after.State)
	}
}

// TestTwoInstallations runs two repositories with the same app and service on
// one engine: neither sees the other's containers.
func TestTwoInstallations(t *testing.T) {
	a, e := localWorld(t)
	b := newWorld(t, dockertest.Local(t).Owner, map[string]*client.Client{"local": e.Client})
	for _, w := range []*world{a, b} {
		w.service("web", "tallyman/hello:1", 2, "networks: [front]", "mounts: [{volume: data, path: /data}]")
		w.write("more.yaml", "apiVersion: tallyman/v1\nkind: Network\nmetadata: {name: front}\nspec: {}\n---\napiVersion: tallyman/v1\nkind: Volume\nmetadata: {name: data}\nspec: {access: shared}\n")
		w.commit("deploy web")
		w.expect(0, "apply")
	}
	before := b.eventually("2 replicas of b", exactly("web", "tallyman/hello:1", 2))
	a.service("web", "tallyman/hello:2", 1, "networks: [front]")
	a.commit("image 2, one replica")
	a.expect(0, "apply")
	a.eventually("1 replica of a", exactly("web", "tallyman/hello:2", 1))
	if after := b.live(); strings.Join(ids(after), " ") != strings.Join(ids(before), " ") {
		t.Errorf("the other installation's containers changed:\n%s", list(after))
	}
	b.expect(0, "plan")
}

// TestFailedRollout commits an image whose containers never get healthy: the old
// ones go on serving, and the message names replica, host, reason and log.
func TestFailedRollout(t *testing.T) {
	w, _ := localWorld(t)
	w.service("web", "tallyman/hello:1", 2)
	w.commit("deploy web")
	w.expect(0, "apply")
	before := w.eventually("2 replicas", exactly("web", "tallyman/hello:1", 2))
	w.service("web", "tallyman/hello:2", 2, "environment: {FAIL: exit, EXIT_CODE: \"3\"}")
	w.commit("a bad one")
	out := w.expect(3, "apply")
	for _, want := range []string{"web-", "local", "exited with code 3"} {
		if !strings.Contains(out, want) {
			t.Errorf("the failure does not say %q:\n%s", want, out)
		}
	}
	serving := 0
	for _, r := range w.live() {
		for _, old := range before {
			if r.id == old.id && r.healthy() {
				serving++
			}
		}
	}
	if serving != 2 {
		t.Errorf("%d of the 2 old replicas serve after the failed rollout, want 2:\n%s", serving, list(w.live()))
	}
	w.git("revert", "--no-edit", "HEAD")
	w.expect(0, "apply")
	after := w.eventually("the 2 old replicas and nothing else", exactly("web", "tallyman/hello:1", 2))
	if strings.Join(ids(after), " ") != strings.Join(ids(before), " ") {
		t.Errorf("the revert replaced containers that were right:\n%s", list(after))
	}
}

// TestServicesReachEachOther asks one service through another, by name.
func TestServicesReachEachOther(t *testing.T) {
	w, e := localWorld(t)
	w.service("cache", "tallyman/hello:1", 1, "environment: {MESSAGE: from-the-cache}")
	w.service("web", "tallyman/hello:1", 1, "dependsOn: [cache]", "ports: [{port: 8080}]")
	w.commit("deploy both")
	w.expect(0, "apply")
	live := w.eventually("web", exactly("web", "tallyman/hello:1", 1))
	for _, r := range live {
		if r.service != "web" {
			continue
		}
		info, err := e.Client.ContainerInspect(context.Background(), r.id)
		if err != nil {
			t.Fatal(err)
		}
		port := info.NetworkSettings.Ports["8080/tcp"][0].HostPort
		if body := get(t, "http://127.0.0.1:"+port+"/fetch?url=http://cache:8080/"); !strings.Contains(body, "from-the-cache") {
			t.Errorf("web does not reach cache by name: %s", body)
		}
	}
}
