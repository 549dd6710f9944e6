package e2e

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// TestThreeHosts takes an app through its life on three real hosts by commits
// alone: deploy, change, revert, scale up and down, remove.
func TestThreeHosts(t *testing.T) {
	w, _ := fleetWorld(t, 3, dockertest.MutualTLS())
	w.service("web", "tallyman/hello:1", 6)
	w.commit("deploy web")
	w.expect(2, "plan")
	w.expect(0, "apply")
	first := w.eventually("6 replicas of image 1", exactly("web", "tallyman/hello:1", 6))
	for host, n := range perHost(first) {
		if n != 2 {
			t.Errorf("host %s has %d of 6 replicas, want 2: they are spread evenly", host, n)
		}
	}
	w.expect(0, "plan")
	w.expect(0, "apply")
	if again := w.live(); !slices.Equal(ids(again), ids(first)) {
		t.Errorf("a second apply of the same commit replaced containers:\n%s", list(again))
	}

	w.serve()
	w.service("web", "tallyman/hello:2", 6)
	w.commit("image 2")
	w.eventually("6 replicas of image 2", exactly("web", "tallyman/hello:2", 6))
	w.git("revert", "--no-edit", "HEAD")
	w.eventually("6 replicas of image 1 after the revert", exactly("web", "tallyman/hello:1", 6))
	w.service("web", "tallyman/hello:1", 9)
	w.commit("scale up")
	up := w.eventually("9 replicas", exactly("web", "tallyman/hello:1", 9))
	w.service("web", "tallyman/hello:1", 3)
	w.commit("scale down")
	down := w.eventually("3 replicas", exactly("web", "tallyman/hello:1", 3))
	for _, r := range down {
		if !slices.Contains(ids(up), r.id) {
			t.Errorf("scaling down replaced %s", r)
		}
	}
	w.service("other", "tallyman/hello:1", 1)
	w.git("rm", "-q", "web.yaml")
	w.commit("other instead of web")
	w.eventually("web gone", exactly("web", "", 0))
	w.eventually("other there", exactly("other", "tallyman/hello:1", 1))
	w.expect(0, "status")
}

// TestHealsOnThreeHosts breaks replicas by hand in every way and looks for them
// to come back.
func TestHealsOnThreeHosts(t *testing.T) {
	w, hosts := fleetWorld(t, 3)
	w.service("web", "tallyman/hello:1", 3, "networks: [front]")
	w.write("net.yaml", "apiVersion: tallyman/v1\nkind: Network\nmetadata: {name: front}\nspec: {}\n")
	w.commit("deploy web")
	w.serve()
	healthy := exactly("web", "tallyman/hello:1", 3)
	w.eventually("3 replicas", healthy)
	ctx := context.Background()
	victim := func() (replica, *dockertest.Host) {
		r := w.live()[0]
		i := slices.IndexFunc(hosts, func(h *dockertest.Host) bool { return h.Name == r.host })
		return r, hosts[i]
	}
	for _, breakage := range []struct {
		name string
		do   func(r replica, h *dockertest.Host) error
	}{
		{"killed", func(r replica, h *dockertest.Host) error { return h.Client.ContainerKill(ctx, r.id, "KILL") }},
		{"stopped", func(r replica, h *dockertest.Host) error {
			return h.Client.ContainerStop(ctx, r.id, container.StopOptions{})
		}},
		{"removed", func(r replica, h *dockertest.Host) error {
			return h.Client.ContainerRemove(ctx, r.id, container.RemoveOptions{Force: true})
		}},
		{"paused", func(r replica, h *dockertest.Host) error { return h.Client.ContainerPause(ctx, r.id) }},
		{"renamed", func(r replica, h *dockertest.Host) error {
			return h.Client.ContainerRename(ctx, r.id, "renamed-by-hand")
		}},
		{"given another memory limit", func(r replica, h *dockertest.Host) error {
			_, err := h.Client.ContainerUpdate(ctx, r.id, container.UpdateConfig{Resources: container.Resources{Memory: 64 << 20, MemorySwap: 128 << 20}})
			return err
		}},
		{"taken off its network", func(r replica, h *dockertest.Host) error {
			info, err := h.Client.ContainerInspect(ctx, r.id)
			if err != nil {
				return err
			}
			for name := range info.NetworkSettings.Networks {
				if err := h.Client.NetworkDisconnect(ctx, name, r.id, true); err != nil {
					return err
				}
			}
			return nil
		}},
	} {
		r, h := victim()
		if err := breakage.do(r, h); err != nil {
			t.Fatalf("a replica can't be %s: %v", breakage.name, err)
		}
		w.eventually("3 healthy replicas after one was "+breakage.name, func(live []replica) bool {
			return healthy(live) && wholesome(t, w, live)
		})
	}
}

// wholesome says whether every container has its own name, its network and no
// limit that nobody asked for.
func wholesome(t *testing.T, w *world, live []replica) bool {
	for _, r := range live {
		info, err := w.hosts[r.host].ContainerInspect(context.Background(), r.id)
		if err != nil {
			return false
		}
		if "/"+info.Config.Labels["tallyman.name"] != info.Name || len(info.NetworkSettings.Networks) != 1 || info.HostConfig.Memory != 0 {
			t.Logf("not yet right: %s", r)
			return false
		}
	}
	return true
}

// TestControllerKilledAtRandom kills the controller while it rolls, again and
// again, and looks for the same end as if nothing had happened.
func TestControllerKilledAtRandom(t *testing.T) {
	w, _ := fleetWorld(t, 3)
	w.service("web", "tallyman/hello:1", 6)
	w.commit("deploy web")
	c := w.serve()
	w.eventually("6 replicas of image 1", exactly("web", "tallyman/hello:1", 6))
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	images := []string{"tallyman/hello:2", "tallyman/hello:1"}
	for round := range 4 {
		image := images[round%2]
		w.service("web", image, 6)
		w.commit("image " + image)
		for range 3 {
			time.Sleep(time.Duration(random.IntN(2500)) * time.Millisecond)
			c.kill()
			c = w.serve()
		}
		w.eventually("6 replicas of "+image+" and nothing else", exactly("web", image, 6))
	}
}

// TestHostDownAndBack kills one host's daemon in the middle of a rollout: the
// other hosts roll on, and the host follows when it is back.
func TestHostDownAndBack(t *testing.T) {
	w, hosts := fleetWorld(t, 3)
	w.fleet("lostAfter: 1h") // however slow the machine is
	w.service("web", "tallyman/hello:1", 6)
	w.commit("deploy web")
	w.serve()
	w.eventually("6 replicas of image 1", exactly("web", "tallyman/hello:1", 6))
	hosts[1].KillDaemon()
	w.service("web", "tallyman/hello:2", 6)
	w.commit("image 2")
	w.eventually("the 4 replicas of the other hosts on image 2", exactly("web", "tallyman/hello:2", 4))
	hosts[1].StartDaemon()
	w.eventually("all 6 replicas on image 2", exactly("web", "tallyman/hello:2", 6))
}
