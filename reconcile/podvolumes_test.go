package reconcile

import (
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/engine/sim"
)

// podHolder is a pod all of whose containers mount the exclusive volume.
func podHolder(p podOf) string {
	p.extra = append(p.extra, "mounts: [{volume: data, path: /data}]")
	return p.manifest()
}

// TestOneHolderAmongPods hands a volume from pod to pod and back to a service of
// one container, with the controller killed after each effect and at stale lists.
func TestOneHolderAmongPods(t *testing.T) {
	walk := []fstest.MapFS{
		holding(podHolder(podOf{})),
		holding(podHolder(podOf{proxy: "web:2"})),
		holding(podHolder(podOf{main: "web:2", proxy: "web:2"})),
		holding(holderOf("db", "web:2")),
		holding(podHolder(podOf{main: "web:3"})),
		holding(holderOf("web", "web:3")),
	}
	reference, undisturbed := livedBy(t, walk, func(*world) {})
	effects := undisturbed.sim.Effects()
	t.Logf("%d effects; end state:\n%s", effects, reference)
	for k := 1; k <= effects; k++ {
		for reply, kept := range map[string]bool{"": true, "/reply-lost": false} {
			t.Run(fmt.Sprintf("effect=%d%s", k, reply), func(t *testing.T) {
				if got, _ := livedBy(t, walk, func(w *world) { w.sim.DieAfter(k, kept) }); got != reference {
					t.Errorf("the end state differs; got\n%s\nwant\n%s", got, reference)
				}
			})
		}
	}
	for lag := 1; lag <= 4; lag++ {
		t.Run(fmt.Sprintf("lag=%d", lag), func(t *testing.T) {
			simulate(t, 2, func(w *world) {
				w.sim.Check(oneHolder)
				for i, s := range walk {
					for _, h := range w.hosts {
						h.Stale(lag)
					}
					w.branch.commit(s)
					after(time.Duration(1+i*3) * time.Second)
					for _, h := range w.hosts {
						h.Stale(0)
					}
				}
				after(time.Minute)
				w.branch.commit(holding(podHolder(podOf{main: "web:2"})))
				w.converge()
				w.wantNoViolations()
			}, sim.Remember(50))
		})
	}
}
