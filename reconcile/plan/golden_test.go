package plan

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestGoldenPlans(t *testing.T) {
	for _, tc := range []struct {
		name  string
		world func(t *testing.T) *world
	}{
		{"fresh-app", freshApp},
		{"image-change", imageChange},
		{"image-change-half-done", imageChangeHalfDone},
		{"cut-short-by-a-newer-commit", cutShort},
		{"scale-up", scale(3)},
		{"scale-down", scale(1)},
		{"removed-service", removedService},
		{"whole-app-gone", wholeAppGone},
		{"moved-host", movedHost},
		{"published-port-is-stop-first", publishedPort},
		{"written-volume-is-stop-first", writtenVolume},
		{"stop-first-interrupted", stopFirstInterrupted},
		{"unreachable-host", unreachableHost},
		{"old-one-out-of-reach", oldOneOutOfReach},
		{"foreign-look-alikes", foreignLookAlikes},
		{"renamed", renamed},
		{"paused", inState(func(c *model.Container) { c.State = model.StatePaused })},
		{"exited", inState(func(c *model.Container) { c.State, c.ExitCode, c.OOMKilled = model.StateExited, 137, true })},
		{"unhealthy", inState(func(c *model.Container) { c.Health, c.HealthOutput = model.HealthUnhealthy, "connection refused" })},
		{"unchecked", inState(func(c *model.Container) { c.Health, c.Unchecked = model.HealthStarting, true })},
		{"created-with-files", createdWithFiles},
		{"being-removed-by-hand", inState(func(c *model.Container) { c.State = model.StateRemoving })},
		{"limits-in-place", limitsInPlace},
		{"at-work", inState(func(c *model.Container) { c.Spec, c.AtWork = nil, true })},
		{"not-inspected", inState(func(c *model.Container) { c.Spec, c.InspectError = nil, "no answer within 5s" })},
		{"network-missing", networkMissing},
		{"network-left-and-extra-network", extraNetwork},
		{"network-of-somebody-else", foreignNetwork},
		{"unused-network-and-volume", unusedThings},
		{"blocked-by-max-removals", tooManyRemovals(false)},
		{"max-removals-allowed", tooManyRemovals(true)},
		{"prune-off", pruneOff},
		{"protected", protected},
		{"image-missing", imageMissing("missing")},
		{"image-missing-pull-never", imageMissing("never")},
		{"image-pull-always", imageMissing("always")},
		{"image-resolved", imageResolved("missing")},
		{"image-resolved-pull-always", imageResolved("always")},
		{"image-unresolved", imageUnresolved},
		{"global", global},
		{"global-now-replicated", globalNowReplicated},
		{"no-host-fits", noHostFits},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := tc.world(t).plan()
			compareGolden(t, tc.name, p.String())
		})
	}
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; run go test -update and read what it wrote", err)
	}
	if got != string(want) {
		t.Errorf("the plan is\n%s\nwant\n%s", got, want)
	}
}

// running is a world in which the services run as declared.
func running(t *testing.T, hosts []string, services ...model.Service) *world {
	t.Helper()
	w := newWorld(hosts...)
	w.declare(services...)
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	return w
}

func one() []string { return []string{"edge-1"} }
func two() []string { return []string{"edge-1", "edge-2"} }

func freshApp(*testing.T) *world {
	w := newWorld(two()...)
	web := service("web", "web:1", 2)
	web.Container.Networks = []model.Attachment{{Network: "shop-front", Aliases: []string{"web"}}}
	web.Container.Files = []model.File{{Path: "/etc/web", Mode: 0o444, Digest: "sha256:aa"}}
	db := service("db", "postgres:17", 1)
	db.Container.Mounts = []model.Mount{{Kind: model.MountVolume, Source: "shop-data", Target: "/data"}}
	w.app("shop").Networks = []model.Network{{App: "shop", Name: "front", HostName: "shop-front"}}
	w.app("shop").Volumes = []model.Volume{{App: "shop", Name: "data", HostName: "shop-data"}}
	w.declare(db, web)
	return w
}

func imageChange(t *testing.T) *world {
	w := running(t, two(), service("web", "web:1", 2))
	w.declare(service("web", "web:2", 2))
	return w
}

// imageChangeHalfDone has the new container of slot 1 beside the old one.
func imageChangeHalfDone(t *testing.T) *world {
	w := imageChange(t)
	p := w.plan()
	for _, step := range p.Changes[0].Steps {
		if step.After != Now {
			continue
		}
		if err := w.do(step.Op); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func cutShort(t *testing.T) *world {
	w := imageChangeHalfDone(t)
	w.declare(service("web", "db:1", 2))
	return w
}

func scale(to int) func(*testing.T) *world {
	return func(t *testing.T) *world {
		w := running(t, two(), service("web", "web:1", 2))
		w.declare(service("web", "web:1", to))
		return w
	}
}

func removedService(t *testing.T) *world {
	w := running(t, one(), service("db", "db:1", 1), service("web", "web:1", 1))
	w.declare(service("web", "web:1", 1))
	return w
}

func wholeAppGone(t *testing.T) *world {
	w := running(t, one(), service("web", "web:1", 2))
	w.desired.Apps = nil
	return w
}

func movedHost(t *testing.T) *world {
	w := running(t, two(), service("web", "web:1", 1))
	web := service("web", "web:1", 1)
	web.Placement.Constraints = []model.Constraint{{Attribute: "host.name", Operator: "==", Value: "edge-2"}}
	w.declare(web)
	return w
}

func publishing(s model.Service, port uint16) model.Service {
	s.Container.Ports = []model.Port{{Container: 8080, Published: port, Protocol: "tcp"}}
	return s
}

func publishedPort(t *testing.T) *world {
	w := running(t, one(), publishing(service("web", "web:1", 1), 80))
	w.declare(publishing(service("web", "web:2", 1), 80))
	return w
}

func keeping(s model.Service) model.Service {
	s.Container.Mounts = []model.Mount{{Kind: model.MountVolume, Source: "shop-data", Target: "/data"}}
	return s
}

func writtenVolume(t *testing.T) *world {
	w := newWorld(one()...)
	w.app("shop").Volumes = []model.Volume{{App: "shop", Name: "data", HostName: "shop-data"}}
	w.declare(keeping(service("db", "db:1", 1)))
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	w.declare(keeping(service("db", "web:2", 1)))
	return w
}

// stopFirstInterrupted has the old one stopped, the new one made and not
// started: the controller died in between.
func stopFirstInterrupted(t *testing.T) *world {
	w := publishedPort(t)
	p := w.plan()
	for _, step := range p.Changes[0].Steps[:2] {
		if err := w.do(step.Op); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func unreachableHost(t *testing.T) *world {
	w := running(t, two(), service("web", "web:1", 2))
	w.declare(service("web", "web:2", 2))
	away(w, "edge-2")
	return w
}

func away(w *world, host string) {
	w.host(host).Reachable, w.host(host).Error = false, "no route to host"
}

// oldOneOutOfReach has a stop-first slot's new container up on one host, and
// its old one on a host that is away.
func oldOneOutOfReach(t *testing.T) *world {
	w := running(t, two(), service("web", "web:1", 1))
	web := service("web", "web:1", 1)
	web.Update.Order = model.OrderStopFirst
	web.Placement.Constraints = []model.Constraint{{Attribute: "host.name", Operator: "==", Value: "edge-2"}}
	w.declare(web)
	p := w.plan()
	for _, step := range p.Changes[0].Steps[:3] {
		if err := w.do(step.Op); err != nil {
			t.Fatal(err)
		}
	}
	away(w, "edge-1")
	return w
}

func foreignLookAlikes(t *testing.T) *world {
	w := running(t, one(), service("web", "web:1", 1))
	ours := *w.container("web-1")
	copied, neighbour, stranger := ours, ours, ours
	copied.ID, copied.Name = "x1", "committed-from-ours"
	neighbour.ID, neighbour.Name, neighbour.Owner.Owner = "x2", "shop-web-1-theirs", "somebody"
	neighbour.Owner.Name = neighbour.Name
	stranger.ID, stranger.Name, stranger.Owner = "x3", "plain", model.Ownership{}
	h := w.host("edge-1")
	h.Containers = append(h.Containers, copied, neighbour, stranger)
	return w
}

func renamed(t *testing.T) *world {
	w := running(t, one(), service("web", "web:1", 1))
	c := w.container("web-1")
	c.Name, w.known = "by-hand", func(id string) bool { return id == c.ID }
	return w
}

func inState(change func(*model.Container)) func(*testing.T) *world {
	return func(t *testing.T) *world {
		w := running(t, one(), service("web", "web:1", 1))
		change(w.container("web-1"))
		return w
	}
}

func createdWithFiles(t *testing.T) *world {
	web := service("web", "web:1", 1)
	web.Container.Files = []model.File{{Path: "/etc/web", Mode: 0o444, Digest: "sha256:aa"}}
	w := running(t, one(), web)
	w.container("web-1").State = model.StateCreated
	return w
}

func limitsInPlace(t *testing.T) *world {
	w := running(t, one(), service("web", "web:1", 1))
	web := service("web", "web:1", 1)
	web.Container.Adjustable = model.Adjustable{NanoCPUs: 5e8, Memory: 256 << 20}
	w.declare(web)
	return w
}

func networked(t *testing.T) *world {
	w := newWorld(one()...)
	w.app("shop").Networks = []model.Network{{App: "shop", Name: "front", HostName: "shop-front"}}
	web := service("web", "web:1", 1)
	web.Container.Networks = []model.Attachment{{Network: "shop-front", Aliases: []string{"web"}}}
	w.declare(web)
	if err := w.settle(); err != nil {
		t.Fatal(err)
	}
	return w
}

// networkMissing: somebody took the container off the network and removed it.
func networkMissing(t *testing.T) *world {
	w := networked(t)
	w.host("edge-1").Networks, w.container("web-1").Spec.Networks = nil, nil
	return w
}

func extraNetwork(t *testing.T) *world {
	w := networked(t)
	w.container("web-1").Spec.Networks = []model.Attachment{{Network: "elsewhere"}}
	return w
}

func foreignNetwork(t *testing.T) *world {
	w := freshApp(t)
	w.host("edge-1").Networks = []model.NetworkState{{ID: "n1", Name: "shop-front"}}
	return w
}

func unusedThings(t *testing.T) *world {
	w := networked(t)
	w.host("edge-1").Volumes = []model.VolumeState{{Name: "shop-data", Owner: model.Ownership{Owner: us, App: "shop", Name: "shop-data"}}}
	w.declare(service("web", "web:1", 1))
	return w
}

func tooManyRemovals(allowed bool) func(*testing.T) *world {
	return func(t *testing.T) *world {
		w := running(t, one(), service("web", "web:1", 4))
		w.app("shop").Sync.MaxRemovals, w.allow = 2, allowed
		w.declare()
		return w
	}
}

func pruneOff(t *testing.T) *world {
	w := running(t, one(), service("db", "db:1", 1), service("web", "web:1", 2))
	w.app("shop").Sync.Prune = false
	w.declare(service("web", "web:1", 1))
	return w
}

func imageMissing(pull string) func(*testing.T) *world {
	return func(t *testing.T) *world {
		w := running(t, one(), service("web", "web:1", 1))
		web := service("web", "web:3", 1)
		web.Pull = pull
		w.declare(web)
		return w
	}
}

// imageResolved moves a tag from one digest to another.
func imageResolved(pull string) func(*testing.T) *world {
	return func(t *testing.T) *world {
		before, after := service("web", "web:1@sha256:1111111111111111", 1), service("web", "web:1@sha256:2222222222222222", 1)
		before.Pull, after.Pull = pull, pull
		w := running(t, one(), before)
		w.declare(after)
		return w
	}
}

// imageUnresolved declares a tag of which nobody knows what it stands for,
// beside a service that has gone.
func imageUnresolved(t *testing.T) *world {
	w := running(t, one(), service("old", "web:1", 1), service("web", "web:1", 1))
	w.declare(service("web", "web:3", 2))
	w.desired.Apps[0].Unresolved = `resolve image "web:3": registry "docker.io" can't be reached`
	return w
}

func everywhere(s model.Service) model.Service {
	s.Mode, s.Replicas = model.ModeGlobal, 0
	return s
}

func global(t *testing.T) *world {
	w := running(t, two(), everywhere(service("agent", "web:1", 0)))
	w.desired.Hosts = append(w.desired.Hosts, model.Host{Name: "edge-3", Schedulable: true})
	w.live.Hosts = append(w.live.Hosts, model.HostState{Name: "edge-3", Reachable: true, Images: map[string]string{"web:1": "sha256:11"}})
	w.desired.Hosts[1].Labels = map[string]string{"agent": "no"}
	agent := everywhere(service("agent", "web:1", 0))
	agent.Placement.Constraints = []model.Constraint{{Attribute: "host.labels.agent", Operator: "!=", Value: "no"}}
	w.declare(agent)
	return w
}

func globalNowReplicated(t *testing.T) *world {
	w := running(t, two(), everywhere(service("agent", "web:1", 0)))
	w.declare(service("agent", "web:1", 1))
	return w
}

func noHostFits(t *testing.T) *world {
	w := running(t, one(), service("web", "web:1", 1))
	web := service("web", "web:2", 1)
	web.Placement.Constraints = []model.Constraint{{Attribute: "host.labels.disk", Operator: "==", Value: "ssd"}}
	w.declare(web)
	return w
}
