package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// quick makes hosts that give no answer lost after some seconds.
const quick = "unreachableAfter: 3s, lostAfter: 2s, warmUp: 0s"

// fleet writes how hosts that give no answer are dealt with.
func (w *world) fleet(spec string) {
	w.write("fleet.yaml", "apiVersion: tallyman/v1\nkind: Fleet\nmetadata: {name: all}\nspec: {"+spec+"}\n")
}

// database writes a service with a volume that one container mounts at a time.
func (w *world) database(image string) {
	w.service("db", image, 1, "mounts: [{volume: data, path: /data}]")
	w.write("data.yaml", "apiVersion: tallyman/v1\nkind: Volume\nmetadata: {name: data}\nspec: {}\n")
}

// loss is a way in which a host goes and comes back.
type loss struct {
	name       string
	away, back func(*dockertest.Host)
	// kept says that its containers run on meanwhile.
	kept bool
}

func losses() []loss {
	return []loss{
		{"power loss", (*dockertest.Host).PowerOff, (*dockertest.Host).Boot, false},
		{"freeze", (*dockertest.Host).Freeze, (*dockertest.Host).Thaw, true},
		{"partition", (*dockertest.Host).Partition, (*dockertest.Host).Heal, true},
	}
}

// hide makes a host none that a client could reach, until the returned function
// is called.
func (w *world) hide(host string) (show func()) {
	c := w.hosts[host]
	delete(w.hosts, host)
	return func() { w.hosts[host] = c }
}

// hostStatus is what `tallyman get hosts -o json` says of a host.
type hostStatus struct {
	Name, Condition, Withheld, Error string
	Reachable                        bool
}

func (w *world) host(name string) hostStatus {
	w.t.Helper()
	var all []hostStatus
	if err := json.Unmarshal([]byte(w.expect(0, "get", "hosts", "-o", "json")), &all); err != nil {
		w.t.Fatalf("read the hosts: %v", err)
	}
	i := slices.IndexFunc(all, func(h hostStatus) bool { return h.Name == name })
	if i < 0 {
		w.t.Fatalf("no host %q among %+v", name, all)
	}
	return all[i]
}

// condition waits until the controller makes this of a host.
func (w *world) condition(name, want string) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); w.host(name).Condition != want; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("after %s host %q is not %s: %+v", patience, name, want, w.host(name))
		}
	}
}

// among are the replicas of a service.
func among(live []replica, service string) []replica {
	return slices.DeleteFunc(slices.Clone(live), func(r replica) bool { return r.service != service })
}

// serving counts the slots of a service that have a healthy replica.
func serving(live []replica, service string) int {
	slots := map[string]bool{}
	for _, r := range among(live, service) {
		if r.healthy() {
			slots[r.slot] = true
		}
	}
	return len(slots)
}

// TestLostHost takes a host away in three ways, each for long enough that it is
// given up: what ran there runs elsewhere, nothing else is touched, and when the
// host is back each replica is there once, without ever too few of them.
func TestLostHost(t *testing.T) {
	const n = 6
	w, hosts := fleetWorld(t, 3)
	w.fleet(quick)
	w.service("web", "tallyman/hello:1", n)
	w.commit("deploy web")
	w.serve()
	healthy := exactly("web", "tallyman/hello:1", n)
	w.eventually("6 replicas", healthy)
	for i, l := range losses() {
		h := hosts[i]
		before := w.live()
		show := w.hide(h.Name)
		l.away(h)
		elsewhere := w.eventually("6 replicas on the other hosts after a "+l.name, healthy)
		for _, r := range before {
			if r.host != h.Name && !slices.Contains(ids(elsewhere), r.id) {
				t.Errorf("a %s of %s replaced %s", l.name, h.Name, r)
			}
		}
		w.condition(h.Name, "lost")
		if out := w.expect(0, "status"); !strings.Contains(out, h.Name) || !strings.Contains(out, "lost") {
			t.Errorf("status does not say that %s is lost:\n%s", h.Name, out)
		}
		l.back(h)
		show()
		fewest := n
		after := w.eventually("6 replicas, each once, after a "+l.name, func(live []replica) bool {
			fewest = min(fewest, serving(live, "web"))
			return healthy(live) && w.host(h.Name).Condition == "ready"
		})
		if fewest < n {
			t.Errorf("%d of %d replicas served while %s came back from a %s", fewest, n, h.Name, l.name)
		}
		if stays := sameIDs(before, after); l.kept && stays != n {
			t.Errorf("%d of the %d replicas stayed that ran all along, also on %s:\n%s", stays, n, h.Name, list(after))
		}
		w.until("default", "all is as it should be", func(a appStatus) bool { return a.Sync == "Synced" && a.Health == "Healthy" })
	}
	w.expect(0, "plan")
}

func sameIDs(a, b []replica) int {
	n := 0
	for _, id := range ids(a) {
		if slices.Contains(ids(b), id) {
			n++
		}
	}
	return n
}

// TestWhatHasAVolumeWaitsForItsHost and says so, while what has none runs
// elsewhere; and when the host is back so is its data.
func TestWhatHasAVolumeWaitsForItsHost(t *testing.T) {
	w, hosts := fleetWorld(t, 3)
	w.fleet(quick)
	w.database("tallyman/hello:1")
	w.service("web", "tallyman/hello:1", 3)
	w.commit("deploy")
	w.serve()
	healthy := func(live []replica) bool {
		return exactly("db", "tallyman/hello:1", 1)(live) && exactly("web", "tallyman/hello:1", 3)(live)
	}
	db := among(w.eventually("all", healthy), "db")[0]
	put(t, w.hosts[db.host], db.id, "kept")
	h := hosts[slices.IndexFunc(hosts, func(h *dockertest.Host) bool { return h.Name == db.host })]
	show := w.hide(h.Name)
	h.PowerOff()
	w.eventually("web on the other hosts", exactly("web", "tallyman/hello:1", 3))
	w.condition(h.Name, "lost")
	out := w.expect(0, "status")
	if !strings.Contains(out, fmt.Sprintf("db-1: waits for host %q, which is lost: ", h.Name)) {
		t.Errorf("status does not say that db waits for %s:\n%s", h.Name, out)
	}
	for _, r := range w.live() {
		if r.service == "db" {
			t.Errorf("a second %s while the volume is out of reach", r)
		}
	}
	h.Boot()
	show()
	back := among(w.eventually("db is back", healthy), "db")[0]
	if back.host != h.Name {
		t.Errorf("db runs on %s, and its data is on %s", back.host, h.Name)
	}
	if got := read(t, w.hosts[back.host], back.id); got != "kept" {
		t.Errorf("the volume has %q, want what was put there", got)
	}
}

// TestAFrozenHostDelaysNobody compares a commit that rolls out on all hosts with
// one that does while a host is frozen: not even what is under way there may
// hold up the others.
func TestAFrozenHostDelaysNobody(t *testing.T) {
	w, hosts := fleetWorld(t, 3)
	w.fleet("unreachableAfter: 3s, lostAfter: 1h")
	w.service("web", "tallyman/hello:1", 6)
	w.commit("deploy web")
	w.serve()
	w.eventually("6 replicas", exactly("web", "tallyman/hello:1", 6))
	roll := func(image string, n int) time.Duration {
		begun := time.Now()
		w.service("web", image, 6)
		w.commit("image " + image)
		w.eventually("all that can be reached on "+image, exactly("web", image, n))
		return time.Since(begun)
	}
	without := roll("tallyman/hello:2", 6)
	show := w.hide(hosts[2].Name)
	hosts[2].Freeze()
	with := roll("tallyman/hello:1", 4)
	t.Logf("6 replicas in %s, 4 beside a frozen host in %s", without, with)
	// 10 s are two beats: until then nobody knows that the host is frozen.
	if with > without+10*time.Second {
		t.Errorf("beside a frozen host a commit takes %s, without one %s", with, without)
	}
	hosts[2].Thaw()
	show()
	w.eventually("all 6 on image 1", exactly("web", "tallyman/hello:1", 6))
}
