package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/internal/dockertest"
)

// sizeHosts says in the manifests what the hosts have, and more of their spec.
func (w *world) sizeHosts(hosts []*dockertest.Host, extra ...string) {
	for i, h := range hosts {
		more := ""
		if i < len(extra) {
			more = extra[i]
		}
		w.write("hosts/"+h.Name+".yaml", fmt.Sprintf("apiVersion: tallyman/v1\nkind: Host\nmetadata: {name: %s}\nspec: {endpoint: %q, capacity: {memory: 100MiB}%s}\n", h.Name, h.Endpoint, more))
	}
}

const reserves = "resources: {reservations: {memory: %dMiB}}"

// TestPriorities has a replica of one app make room for another app's, and come
// back when there is room again.
func TestPriorities(t *testing.T) {
	w, hosts := fleetWorld(t, 2)
	w.sizeHosts(hosts)
	w.service("low", "tallyman/hello:1", 5, fmt.Sprintf(reserves, 40))
	w.commit("five where four have room")
	out, code := w.run("plan")
	if want := "no host for low-5: 2 of 2 lack 40MiB (best: " + hosts[0].Name + " has 20MiB)"; code != 2 || !strings.Contains(out, want) {
		t.Fatalf("plan ended with %d and does not say %q:\n%s", code, want, out)
	}
	w.service("low", "tallyman/hello:1", 4, fmt.Sprintf(reserves, 40))
	w.commit("four")
	w.serve()
	for host, n := range perHost(w.eventually("4 of low", exactly("low", "tallyman/hello:1", 4))) {
		if n != 2 {
			t.Errorf("host %s has %d of 4 replicas, want 2", host, n)
		}
	}

	w.write("bank/app.yaml", "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: bank}\nspec: {}\n")
	w.service("high", "tallyman/hello:1", 1, fmt.Sprintf(reserves, 60), "priority: 100")
	w.git("add", "-A")
	w.git("mv", "high.yaml", "bank/high.yaml")
	w.commit("something more important")
	w.eventually("1 of high", exactly("high", "tallyman/hello:1", 1))
	w.eventually("3 of low", exactly("low", "tallyman/hello:1", 3))
	if out, _ := w.run("status"); !strings.Contains(out, "2 of 2 lack 40MiB") {
		t.Errorf("the status does not say why a replica is missing:\n%s", out)
	}
	if out := w.expect(0, "get", "hosts"); !strings.Contains(out, "100MiB of 100MiB") {
		t.Errorf("the hosts' rooms are not told:\n%s", out)
	}

	w.git("rm", "-rq", "bank")
	w.commit("it is over")
	w.eventually("high gone", exactly("high", "", 0))
	w.eventually("4 of low again", exactly("low", "tallyman/hello:1", 4))
}

// TestRebalance has replicas move to a host that came later, and only when a
// person says so.
func TestRebalance(t *testing.T) {
	w, hosts := fleetWorld(t, 2)
	w.sizeHosts(hosts, "", ", schedulable: false")
	w.service("web", "tallyman/hello:1", 4)
	w.commit("deploy web")
	w.serve()
	before := w.eventually("4 replicas", exactly("web", "tallyman/hello:1", 4))
	w.sizeHosts(hosts)
	w.commit("let the other host take replicas")
	w.expect(0, "apply")
	if after := w.live(); list(after) != list(before) && perHost(after)[hosts[0].Name] != 4 {
		t.Errorf("replicas moved by themselves:\n%s", list(after))
	}

	if out := w.expect(1, "rebalance"); !strings.Contains(out, hosts[1].Name) || !strings.Contains(out, "--yes") {
		t.Errorf("the moves are not shown, or not how to agree to them:\n%s", out)
	}
	if out := w.expect(0, "rebalance", "--yes", "--reason", "new host"); !strings.Contains(out, "2 moves are ordered") {
		t.Errorf("not two moves:\n%s", out)
	}
	w.eventually("two replicas on each host, and never fewer than four that serve", func(live []replica) bool {
		healthy := 0
		for _, r := range live {
			if r.healthy() {
				healthy++
			}
		}
		if healthy < 4 {
			t.Errorf("%d replicas are healthy:\n%s", healthy, list(live))
		}
		n := perHost(live)
		return exactly("web", "tallyman/hello:1", 4)(live) && n[hosts[0].Name] == 2 && n[hosts[1].Name] == 2
	})
	if out := w.expect(0, "rebalance"); !strings.Contains(out, "nothing to move") {
		t.Errorf("still something to move:\n%s", out)
	}
}
