package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// ported is a commit of the services a, b, c … on one host, with these ports; the
// last may have more lines of spec.
func ported(ports []int, extra ...string) fstest.MapFS {
	files := map[string]string{"hosts.yaml": hostManifests(2)}
	for i, port := range ports {
		name := string(rune('a' + i))
		lines := []string{
			fmt.Sprintf("ports: [{port: 8080, published: %d}]", port),
			`placement: {constraints: ["host.name == host-1"]}`,
		}
		if i == len(ports)-1 {
			lines = append(lines, extra...)
		}
		files[name+".yaml"] = serviceManifest(name, "web:1", 1, lines...)
	}
	return tree(files)
}

// TestCrashWhilePortsAreSwapped kills the controller after each effect of a swap,
// a rotation, and the way back from each.
func TestCrashWhilePortsAreSwapped(t *testing.T) {
	for name, ports := range map[string][2][]int{
		"swap":     {{80, 81}, {81, 80}},
		"rotation": {{80, 81, 82}, {81, 82, 80}},
	} {
		t.Run(name, func(t *testing.T) {
			there, back := ported(ports[1]), ported(ports[0])
			everyCrash(t, func(w *world) string { return w.live([]fstest.MapFS{back, there, back, there}) })
		})
	}
}

// TestCrashWhileASwapGoesBack kills the controller after each effect of a swap of
// which one service fails, and of the rollback. In the end both are as before.
func TestCrashWhileASwapGoesBack(t *testing.T) {
	everyCrash(t, func(w *world) string {
		w.start()
		defer func() { w.stop() }()
		w.branch.commit(ported([]int{80, 81}))
		w.converge()
		before := w.endState()
		w.branch.commit(ported([]int{81, 80}, broken))
		w.reach("rollback", func(s report.Status) bool {
			return s.Busy == 0 && s.Health == report.Healthy && strings.HasPrefix(s.Apps[0].Reason, "held: rolled back")
		})
		if got := w.endState(); got != before {
			w.t.Errorf("after the rollback there is\n%s\nwant\n%s", got, before)
		}
		return before
	})
}

// TestASwapNeedsNoTryInVain: nothing is started while another container has its
// port.
func TestASwapNeedsNoTryInVain(t *testing.T) {
	for _, to := range [][]int{{81, 80}, {81, 82}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 2)
			w.start()
			defer func() { w.stop() }()
			w.branch.commit(ported([]int{80, 81}))
			w.converge()
			w.branch.commit(ported(to))
			w.converge()
			for _, call := range w.sim.Calls() {
				if call.Err != nil {
					t.Errorf("to %v: %s was refused: %v", to, model.Verb(call.Op), call.Err)
				}
			}
		})
	}
}
