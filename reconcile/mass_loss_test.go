package reconcile

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestAMassLossMovesNothing, and status says why, until enough hosts are back.
func TestAMassLossMovesNothing(t *testing.T) {
	simulate(t, 3, func(w *world) {
		w.branch.commit(onThree(serviceManifest("web", "web:1", 6)))
		w.converge()
		warm()
		w.take("host-1", "host-2")
		after(10 * time.Minute)
		if got := len(w.containers("web")); got != 6 {
			t.Errorf("%d containers while 2 of 3 hosts are away, want 6", got)
		}
		if h := hostOf(w.running.Status(), "host-1"); h.Condition != model.Unreachable || !strings.Contains(h.Withheld, "2 of 3 hosts are away together") {
			t.Errorf("the host is %q, withheld %q", h.Condition, h.Withheld)
		}
		w.give("host-1")
		after(time.Minute)
		if got := w.serving("web"); got != 6 {
			t.Errorf("%d replicas serve with one host away, want 6", got)
		}
		w.give("host-2")
		w.converge()
	})
}

// TestThoseThatComeBackOneByOneAreNotGivenUp: after a partition hosts are seen again
// within seconds of each other, and none is given up in the moment in which the
// others are back.
func TestThoseThatComeBackOneByOneAreNotGivenUp(t *testing.T) {
	simulate(t, 3, func(w *world) {
		w.branch.commit(onThree(serviceManifest("web", "web:1", 6)))
		w.converge()
		warm()
		before := w.endState()
		w.take("host-1", "host-2")
		after(10 * time.Minute)
		w.give("host-1")
		after(12 * time.Second)
		if h := hostOf(w.running.Status(), "host-2"); h.Condition != model.Unreachable {
			t.Errorf("while the others are back the last one is %q", h.Condition)
		}
		w.give("host-2")
		w.converge()
		if got := w.endState(); got != before || len(w.containers("web")) != 6 {
			t.Errorf("after the partition there is\n%s\nwant\n%s", got, before)
		}
		for _, e := range w.journal.events {
			if strings.Contains(e.Text, "is lost") {
				t.Errorf("%s: %s", e.Host, e.Text)
			}
		}
	})
}

// TestAMassLossIsToldOnce per host, not once per host and host that comes back.
func TestAMassLossIsToldOnce(t *testing.T) {
	simulate(t, 10, func(w *world) {
		w.branch.commit(tree(map[string]string{"hosts.yaml": hostManifests(10), "web.yaml": serviceManifest("web", "web:1", 10)}))
		w.converge()
		warm()
		names := slices.Sorted(maps.Keys(w.hosts))
		w.take(names...)
		after(2 * time.Minute)
		for _, name := range names[:3] {
			w.give(name)
			after(time.Minute)
		}
		told := 0
		for _, e := range w.journal.events {
			if strings.Contains(e.Text, "not given up: ") {
				told++
			}
		}
		if told != 10 {
			t.Errorf("told %d times that 10 hosts are not given up", told)
		}
	})
}
