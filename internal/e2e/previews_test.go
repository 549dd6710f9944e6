package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"

	"github.com/tallyman-io/tallyman/internal/state"
	"github.com/tallyman-io/tallyman/reconcile/preview"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// told puts into the journal which pull requests there are, as a forge would have
// said it before the controller started.
func (w *world) told(list ...preview.Preview) {
	w.t.Helper()
	s, err := state.Open(w.state, slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	m, err := s.Load()
	if err == nil {
		err = s.Previews(preview.Renew(m.Previews, list, time.Now()))
	}
	if closing := s.Close(); err == nil {
		err = closing
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// previews are those of the status.
func (w *world) previews() (list []report.Preview) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(w.expect(0, "get", "previews", "-o", "json")), &list); err != nil {
		w.t.Fatal(err)
	}
	return list
}

// belongings counts what an app has on the engine.
func belongings(t *testing.T, c *client.Client, owner, app string) (containers, networks, volumes int) {
	t.Helper()
	of := filters.NewArgs(filters.Arg("label", "tallyman.owner="+owner), filters.Arg("label", "tallyman.app="+app))
	ctx := context.Background()
	cs, err := c.ContainerList(ctx, container.ListOptions{All: true, Filters: of})
	if err != nil {
		t.Fatal(err)
	}
	ns, err := c.NetworkList(ctx, network.ListOptions{Filters: of})
	if err != nil {
		t.Fatal(err)
	}
	vs, err := c.VolumeList(ctx, volume.ListOptions{Filters: of})
	if err != nil {
		t.Fatal(err)
	}
	return len(cs), len(ns), len(vs.Volumes)
}

func (w *world) come(what string, there func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !there(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			out, _ := w.run("status")
			w.t.Fatalf("no %s within %s:\n%s", what, patience, out)
		}
	}
}

// TestAPreviewOnARealEngine runs a pull request beside its app, answers on the port
// that the engine chose, and leaves nothing behind, while the real app runs on.
func TestAPreviewOnARealEngine(t *testing.T) {
	w, e := localWorld(t)
	w.write("shop/app.yaml", "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {previews: {overrides: {replicas: 1}}}\n")
	w.write("shop/data.yaml", "apiVersion: tallyman/v1\nkind: Volume\nmetadata: {name: data}\nspec: {}\n")
	web := func(image string) {
		w.service("web", image, 1, "ports: [{port: 8080, published: 18473}]", "mounts: [{volume: data, path: /data}]")
		w.git("add", "-A")
		w.git("mv", "-f", "web.yaml", "shop/web.yaml")
	}
	web("tallyman/hello:1")
	w.commit("deploy shop")
	w.git("checkout", "-q", "-b", "change")
	web("tallyman/hello:2")
	head := w.commit("a pull request")
	w.git("checkout", "-q", "main")
	w.expect(0, "apply")
	real := w.eventually("the real app", exactly("web", "tallyman/hello:1", 1))[0]

	w.told(preview.Preview{App: "shop", Number: 42, Head: head, Title: "Change it"})
	c := w.serve()
	var p report.Preview
	w.come("healthy preview with an address", func() bool {
		list := w.previews()
		if len(list) == 1 {
			p = list[0]
		}
		return p.Health == report.Healthy && len(p.Addresses) > 0
	})
	if p.Name != "shop-pr-42" || p.Revision != head || p.Addresses[0].Published == 18473 {
		t.Errorf("the preview is %+v", p)
	}
	w.come("answer of the preview", func() bool {
		list := w.previews()
		if len(list) != 1 || len(list[0].Addresses) == 0 {
			return false
		}
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", list[0].Addresses[0].Published))
		if err != nil {
			t.Log(err)
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	if containers, networks, volumes := belongings(t, e.Client, w.owner, "shop-pr-42"); containers != 1 || networks != 1 || volumes != 1 {
		t.Errorf("the preview has %d containers, %d networks and %d volumes", containers, networks, volumes)
	}
	if out := w.expect(0, "plan"); strings.Contains(out, "shop-pr-42") && strings.Contains(out, "remove") {
		t.Errorf("a plan would take the preview away:\n%s", out)
	}
	c.stop()

	w.expect(0, "apply")
	if containers, _, _ := belongings(t, e.Client, w.owner, "shop-pr-42"); containers != 1 {
		t.Errorf("apply, which no forge tells anything, left %d containers of the preview", containers)
	}
	w.told()
	w.serve()
	w.come("end of the preview", func() bool {
		containers, networks, volumes := belongings(t, e.Client, w.owner, "shop-pr-42")
		return containers+networks+volumes == 0
	})
	if containers, networks, volumes := belongings(t, e.Client, w.owner, "shop"); containers != 1 || networks != 1 || volumes != 1 {
		t.Errorf("the real app has %d containers, %d networks and %d volumes", containers, networks, volumes)
	}
	after := w.live()
	if len(after) != 1 || after[0].id != real.id {
		t.Errorf("the real app was %s and is\n%s", real.id, list(after))
	}
}
