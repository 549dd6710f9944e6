package e2e

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
)

// freePorts are ports of this machine that nobody has at the moment.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// TestServicesSwapTheirPorts exchanges the ports of two services in one commit,
// and back by another of which one service does not work.
func TestServicesSwapTheirPorts(t *testing.T) {
	w, _ := localWorld(t)
	ports := freePorts(t, 2)
	publish := func(a, b int, environment string) {
		for name, port := range map[string]int{"a": a, "b": b} {
			w.service(name, "tallyman/hello:1", 1,
				fmt.Sprintf("ports: [{port: 8080, published: %d}]", port), fmt.Sprintf("environment: {MESSAGE: from-%s%s}", name, environment))
		}
	}
	expect := func(a, b int) {
		t.Helper()
		for name, port := range map[string]int{"a": a, "b": b} {
			if body := get(t, fmt.Sprintf("http://127.0.0.1:%d/", port)); !strings.Contains(body, "from-"+name) {
				t.Errorf("on the port of %s answers %q", name, body)
			}
		}
	}
	publish(ports[0], ports[1], "")
	w.commit("deploy a and b")
	w.expect(0, "apply")
	publish(ports[1], ports[0], "")
	w.commit("swap their ports")
	w.expect(0, "apply")
	publish(ports[0], ports[1], ", FAIL: exit")
	w.commit("swap them back, badly")
	w.expect(3, "apply")
	w.git("revert", "--no-edit", "HEAD")
	w.expect(0, "apply")
	w.expect(0, "plan")
	expect(ports[1], ports[0])
}

// TestANetworkThatIsThereTwice makes a twin of a network, as a create does that
// outlives its controller, and rolls the containers on it.
func TestANetworkThatIsThereTwice(t *testing.T) {
	w, e := localWorld(t)
	w.service("web", "tallyman/hello:1", 2)
	w.commit("deploy web")
	w.expect(0, "apply")
	ours := func() []network.Summary {
		t.Helper()
		all, err := e.Client.NetworkList(context.Background(), network.ListOptions{Filters: filters.NewArgs(filters.Arg("label", "tallyman.owner="+e.Owner))})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := ours()
	if len(before) != 1 {
		t.Fatalf("%d networks, want 1", len(before))
	}
	made, err := e.TwinNetwork(before[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	if out, code := w.run("plan"); made && (code != 2 || !strings.Contains(out, "two of that name")) {
		t.Errorf("the plan ends with %d and says\n%s", code, out)
	}
	w.service("web", "tallyman/hello:2", 2)
	w.commit("image 2")
	w.expect(0, "apply")
	w.eventually("2 replicas", exactly("web", "tallyman/hello:2", 2))
	if after := ours(); len(after) != 1 || after[0].ID != before[0].ID {
		t.Errorf("the networks are %v, want only the one in use before", after)
	}
	w.expect(0, "plan")
}
