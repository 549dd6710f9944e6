package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// watched counts a service's healthy replicas all the time, by slot.
type watched struct {
	mu     sync.Mutex
	fewest int
	looks  int
	stop   chan struct{}
	done   sync.WaitGroup
}

// watchHealthy looks at the hosts, without Tallyman in between, until end.
func (w *world) watchHealthy(service string) *watched {
	x := &watched{fewest: 1 << 20, stop: make(chan struct{})}
	x.done.Go(func() {
		for {
			slots := map[string]bool{}
			for _, r := range w.live() {
				if r.service == service && r.healthy() {
					slots[r.slot] = true
				}
			}
			x.mu.Lock()
			x.fewest, x.looks = min(x.fewest, len(slots)), x.looks+1
			x.mu.Unlock()
			select {
			case <-x.stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	w.t.Cleanup(x.end)
	return x
}

func (x *watched) end() {
	select {
	case <-x.stop:
	default:
		close(x.stop)
	}
	x.done.Wait()
}

// TestAHostIsDrainedByACommit empties one of two real hosts while it is counted who
// is healthy: a service that stops first never has fewer than minAvailable, one that
// starts first not one fewer. A database stays where its volume is, and that is
// said. Afterwards the host is let have replicas again.
func TestAHostIsDrainedByACommit(t *testing.T) {
	w, hosts := fleetWorld(t, 2)
	empty, full := hosts[0].Name, hosts[1].Name
	w.service("web", "tallyman/hello:1", 3)
	w.service("api", "tallyman/hello:1", 3, "minAvailable: 2", "environment: {LOG: info}")
	w.amend("api.yaml", "parallelism: 2", "order: stop-first, parallelism: 2")
	w.commit("deploy")
	w.serve()
	w.eventually("3 of web", exactly("web", "tallyman/hello:1", 3))
	w.eventually("3 of api", exactly("api", "tallyman/hello:1", 3))
	web, api := w.watchHealthy("web"), w.watchHealthy("api")

	out := w.expect(0, "drain", empty, "--reason", "a new kernel", "--wait", "--timeout", "150s")
	if !strings.Contains(out, empty+" is drained") {
		t.Errorf("drain says %s", out)
	}
	if message := w.git("log", "-1", "--format=%B"); !strings.Contains(message, "Drain host "+empty) || !strings.Contains(message, "a new kernel") {
		t.Errorf("the commit says %s", message)
	}
	live := w.live()
	if on := perHost(live); on[empty] != 0 || on[full] != 6 {
		t.Errorf("%v after the drain:\n%s", on, list(live))
	}
	if list := w.expect(0, "get", "hosts"); !strings.Contains(list, "drained") {
		t.Errorf("the list of hosts says %s", list)
	}

	w.service("db", "tallyman/hello:1", 1, "mounts: [{volume: data, path: /data}]", `placement: {constraints: ["host.name == `+full+`"]}`)
	w.write("data.yaml", "apiVersion: tallyman/v1\nkind: Volume\nmetadata: {name: data}\nspec: {}\n")
	w.expect(0, "uncordon", empty)
	w.commit("add a database")
	w.eventually("1 of db", exactly("db", "tallyman/hello:1", 1))
	w.expect(0, "drain", full)
	w.eventually("all but the database on "+empty, func(live []replica) bool {
		return perHost(live)[full] == 1 && exactly("web", "tallyman/hello:1", 3)(live) && exactly("api", "tallyman/hello:1", 3)(live)
	})
	blocked := w.expect(1, "drain", full, "--wait", "--timeout", "3s")
	if !strings.Contains(blocked, `default/db-1: its volume "data" is on `+full) {
		t.Errorf("what blocks is told as %s", blocked)
	}
	w.expect(0, "uncordon", full)
	if manifest := w.git("show", "HEAD:hosts/"+full+".yaml"); strings.Contains(manifest, "drain") {
		t.Errorf("the manifest says %s", manifest)
	}

	web.end()
	api.end()
	t.Logf("never fewer than %d of 3 of web in %d looks, and %d of 3 of api in %d", web.fewest, web.looks, api.fewest, api.looks)
	if web.fewest < 3 {
		t.Errorf("only %d of web were healthy, which starts first", web.fewest)
	}
	if api.fewest < 2 {
		t.Errorf("only %d of api were healthy, minAvailable is 2", api.fewest)
	}
	if web.looks < 100 || slices.Contains([]int{web.fewest, api.fewest}, 1<<20) {
		t.Error("nobody looked")
	}
}

// amend changes a part of a file.
func (w *world) amend(path, before, after string) {
	w.t.Helper()
	content, err := os.ReadFile(filepath.Join(w.repo, path))
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(path, strings.Replace(string(content), before, after, 1))
}
